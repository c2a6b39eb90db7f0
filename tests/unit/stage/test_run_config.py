"""The config of a run."""

from pathlib import Path

from demo import ports, run_config, toml
from demo.deploy import deployment
from oracle.plan import plan
from shared import config, protocol
from shared.settings import Settings


def test_template_is_a_right_config() -> None:
    """demo/usdx.toml can be used as it stands: loaded, planned, its protocol read."""
    settings = config.load(run_config.TEMPLATE, {})
    assert {str(feed.pair) for feed in plan(settings).feeds} == {"ETH/USD", "USDT/USD"}
    assert protocol.load(settings.protocols["wexel"].path).name == "wexel"


def test_template_has_the_addresses_of_the_deployment() -> None:
    """The addresses in the template are those that the contracts get on a fresh chain."""
    where = deployment().addresses()
    text = run_config.TEMPLATE.read_text()
    for name in ("vault", "marketplace", "feed_eth_usd", "feed_usdt_usd", "pool_weth_usdt"):
        assert f'"{where[name]}"' in text, name


def test_run_has_its_own_ports_and_folder(tmp_path: Path) -> None:
    """A run's config points at the run's own ports and folder, and at nothing of the template's."""
    chosen = ports.free()
    document = run_config.config(tmp_path / "demo", chosen)
    (tmp_path / "usdx.toml").write_text(toml.dumps(document))
    settings: Settings = config.load(tmp_path / "usdx.toml", {})
    assert settings.data_dir == tmp_path / "demo"
    assert settings.chains["demo"].rpc[0].url.get_secret_value().endswith(f":{chosen.node}")
    assert (settings.indexer.port, settings.oracle.port) == (chosen.indexer, chosen.oracle)
    assert settings.aggregator.port == chosen.aggregator
    for venue in settings.venues.values():
        assert f":{chosen.venues}/" in str(venue.base_url)
    text = (tmp_path / "usdx.toml").read_text()
    for port in (ports.Ports().node, ports.Ports().venues):
        assert f":{port}" not in text
