"""Laws of protocol folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigError
from shared.protocol import CounterSpec, GaugeSpec, Index, load, read_abi
from shared.protocol_places import fitted_all
from shared.settings import Settings

SOLD: dict[str, Any] = {
    "type": "event",
    "name": "Sold",
    "inputs": [{"name": "id", "type": "uint256", "indexed": True}, {"name": "priceUsd", "type": "uint256"}],
}
PROTOCOL = """
name = "shop"
[contracts.market]
abi = "abi/market.json"
addresses = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
start_block = 17
events = ["Sold"]
indexes = [{ event = "Sold", columns = ["id"] }]
"""
METRICS = """
[[gauges]]
name = "shop_value"
help = "Value."
unit = "usd"
labels = ["chain"]
query = "select chain, 1 as value from x"
period = "5m"
timeout = "30s"

[[counters]]
name = "shop_sold_usd_total"
help = "Sold."
contract = "market"
event = "Sold"
labels = { item = "id", chain = "$chain" }
amount = "priceUsd"
scale = 6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "abi").mkdir()
    (tmp_path / "views").mkdir()
    (tmp_path / "protocol.toml").write_text(PROTOCOL)
    (tmp_path / "metrics.toml").write_text(METRICS)
    (tmp_path / "abi" / "market.json").write_text(json.dumps([SOLD]))
    (tmp_path / "views" / "10_late.sql").write_text("create view late")
    (tmp_path / "views" / "02_early.sql").write_text("create view early")
    return tmp_path


def _refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder)
    return str(caught.value).replace(f"{folder}/", "")


def _edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_folder_is_read(folder: Path) -> None:
    """Contracts, views in order, gauges and counters."""
    protocol = load(folder)
    contract = protocol.contracts[0]
    assert (protocol.name, contract.name, contract.start_block) == ("shop", "market", 17)
    assert contract.addresses == ("0xd8da6bf26964af9d7eed9e03e53415d37aa96045",)
    assert contract.abis == (folder / "abi" / "market.json",)
    assert contract.events == ("Sold",)
    assert contract.indexes == (Index("Sold", ("id",)),)
    assert [view.name for view in protocol.views] == ["early", "late"]
    assert protocol.gauges == (
        GaugeSpec("shop_value", "Value.", "usd", ("chain",), "select chain, 1 as value from x", 300, 30),
    )
    assert protocol.counters == (
        CounterSpec("shop_sold_usd_total", "Sold.", "market", "Sold", {"item": "id", "chain": "$chain"}, "priceUsd", 6),
    )


def test_metrics_and_views_are_optional(folder: Path) -> None:
    """Contracts alone make a protocol."""
    (folder / "metrics.toml").unlink()
    for view in (folder / "views").iterdir():
        view.unlink()
    protocol = load(folder)
    assert (protocol.views, protocol.gauges, protocol.counters) == ((), (), ())


@pytest.mark.parametrize("wrapped", [[SOLD], {"abi": [SOLD], "bytecode": "0x"}, {"contractName": "M", "abi": [SOLD]}])
def test_an_abi_may_be_an_artifact(folder: Path, wrapped: object) -> None:
    """A plain list, or what Hardhat and Foundry write."""
    (folder / "abi" / "market.json").write_text(json.dumps(wrapped))
    assert read_abi(folder / "abi" / "market.json") == [SOLD]
    assert load(folder)


@pytest.mark.parametrize(
    "before", ["", "struct Lot { uint256 id; }\n", "/* sales */ ", "// sales\n", "error Spent();\n"]
)
@pytest.mark.parametrize("listed", [False, True])
def test_an_abi_may_be_signatures(folder: Path, before: str, listed: bool) -> None:
    """One after the other or as a JSON list of strings, with whatever stands among them; the indexer reads them."""
    text = before + "event Sold(uint256 id, uint256 price)"
    (folder / "abi" / "market.json").write_text(json.dumps([text]) if listed else text)
    assert load(folder)


def test_a_contract_may_have_several_abis(folder: Path) -> None:
    """A proxy's ABI and its implementations' are one; an event may be named by its signature."""
    (folder / "abi" / "more.json").write_text(json.dumps([SOLD | {"name": "Bought"}]))
    _edit(folder / "protocol.toml", 'abi = "abi/market.json"', 'abi = ["abi/market.json", "abi/more.json"]')
    _edit(folder / "protocol.toml", '["Sold"]', '["Sold(uint256,uint256)", "Bought"]')
    assert load(folder).contracts[0].abis == (folder / "abi" / "market.json", folder / "abi" / "more.json")
    (folder / "abi" / "more.json").unlink()
    assert 'contracts.market.abi = "abi/more.json": cannot be read' in _refused(folder)


def test_a_factorys_event_may_be_chosen_by_signature(folder: Path) -> None:
    """What announces a contract is found by its name, however the factory's events are written."""
    (folder / "abi" / "made.abi").write_text("event Used(uint256 amount)")
    made = (
        '[contracts.made]\nabi = "abi/made.abi"\nfactory = { contract = "market", event = "Sold", parameter = "id" }\n'
    )
    (folder / "protocol.toml").write_text(PROTOCOL.replace('["Sold"]', '["Sold(uint256,uint256)"]') + made)
    assert load(folder).contracts[1].factory is not None
    (folder / "protocol.toml").write_text(PROTOCOL.replace('events = ["Sold"]', "events = []") + made)
    assert 'factory.event = "Sold": expected an event that market is indexed for: there is none' in _refused(folder)


@pytest.mark.parametrize("text", ["{", "1", "{}", '["x"]', '{"abi": {}}'])
def test_what_is_no_abi_is_refused(folder: Path, text: str) -> None:
    """The refusal names the contract's key and the file."""
    (folder / "abi" / "market.json").write_text(text)
    assert _refused(folder).startswith('protocol.toml: contracts.market.abi = "abi/market.json": is no ABI')


def test_a_missing_abi_is_named(folder: Path) -> None:
    """A file that is not there is named with its key."""
    (folder / "abi" / "market.json").unlink()
    assert _refused(folder) == (
        'protocol.toml: contracts.market.abi = "abi/market.json": cannot be read: No such file or directory'
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("protocol.toml", "0xd8dA", "0xD8dA", "protocol.toml: contracts.market.addresses = "),
        ("protocol.toml", "start_block", "start_blok", 'is not a known key, did you mean "start_block"?'),
        ("protocol.toml", '["Sold"]', '["Bought"]', 'events[0] = "Bought": expected an event of abi/market.json: Sold'),
        ("protocol.toml", 'event = "Sold"', 'event = "X"', 'indexes[0].event = "X": expected an event of'),
        ("protocol.toml", '"shop"', '"usdx"', 'protocol.toml: name = "usdx": expected at most 31 lower-case'),
        ("protocol.toml", '"shop"', '"Shop"', 'protocol.toml: name = "Shop": expected at most 31 lower-case'),
        ("metrics.toml", '"market"', '"vault"', 'counters[0].contract = "vault": expected a contract of protocol.toml'),
        ("metrics.toml", '"Sold"', '"Bought"', 'counters[0].event = "Bought": expected an event of market: Sold'),
        ("metrics.toml", '"id"', '"ID"', 'labels.item = "ID": expected $chain or a parameter of Sold: id'),
        ("metrics.toml", '"priceUsd"', '"price"', 'counters[0].amount = "price": expected a parameter of Sold'),
        ("metrics.toml", "_total", "", 'counters[0].name = "shop_sold_usd": expected lower-case'),
        ("metrics.toml", '"shop_value"', '"shop-value"', 'gauges[0].name = "shop-value": expected lower-case'),
        ("metrics.toml", '"5m"', '"often"', 'gauges[0].period = "often": expected a duration'),
        ("metrics.toml", '["chain"]', '["Chain"]', 'gauges[0].labels[0] = "Chain": expected lower-case'),
        ("metrics.toml", '["chain"]', '["a", "a"]', 'gauges[0].labels[1] = "a": expected a label that is not named'),
        ("metrics.toml", '["chain"]', '["instance"]', 'gauges[0].labels[0] = "instance": expected lower-case'),
        ("metrics.toml", "item", "le", "counters[0].labels.le"),
        ("metrics.toml", '"shop_value"', '"process_cpu_seconds"', 'gauges[0].name = "process_cpu_seconds": expected'),
        ("metrics.toml", '"shop_value"', '"usdx_oracle_price"', 'gauges[0].name = "usdx_oracle_price": expected'),
        ("metrics.toml", '"shop_value"', '"up"', 'gauges[0].name = "up": expected another beginning'),
        ("metrics.toml", '"shop_value"', '"shop_sold_created"', 'gauges[0].name = "shop_sold_created": expected'),
        ("metrics.toml", '"shop_value"', '"shop_sold_usd"', 'counters[0].name = "shop_sold_usd_total": expected a'),
        ("metrics.toml", "shop_sold_usd", "usdx_rpc_errors", 'counters[0].name = "usdx_rpc_errors_total": expected'),
        ("metrics.toml", '"30s"', "0.0001", "gauges[0].timeout = 0.0001: expected"),
        ("metrics.toml", "unit", "units", 'gauges[0].units = "usd": is not a known key, did you mean "unit"?'),
    ],
)  # fmt: skip
def test_a_mistake_names_file_and_key(folder: Path, file: str, old: str, new: str, message: str) -> None:
    """Every mistake is found on loading, and said so that it can be mended."""
    _edit(folder / file, old, new)
    assert message in _refused(folder)


def test_a_counter_needs_no_labels(folder: Path) -> None:
    """Left out, a counter is one series."""
    _edit(folder / "metrics.toml", 'labels = { item = "id", chain = "$chain" }', "")
    assert load(folder).counters[0].labels == {}


def test_a_name_is_used_once(folder: Path) -> None:
    """Two metrics of one name would be one series."""
    again = METRICS.split("[[counters]]", maxsplit=1)[0]
    (folder / "metrics.toml").write_text(METRICS + again)
    assert 'metrics.toml: gauges[1].name = "shop_value": expected a name that is not used before' in _refused(folder)


def test_a_counters_name_means_one_thing(folder: Path) -> None:
    """Two protocols may both feed a counter, but not when each says something else of it."""
    other = folder / "other"
    (other / "abi").mkdir(parents=True)
    (other / "abi" / "market.json").write_text(json.dumps([SOLD]))
    (other / "protocol.toml").write_text(PROTOCOL.replace('"shop"', '"stall"'))
    chains = {"base": {"chain_id": 1, "rpc": [{"name": "node", "url": "http://localhost:8545"}]}}
    protocols = {one.name: {"path": one, "chain": "base"} for one in (folder, other)}
    settings = Settings.model_validate({"chains": chains, "protocols": protocols})
    (other / "metrics.toml").write_text(METRICS)
    assert len(fitted_all(settings)) == 2
    (other / "metrics.toml").write_text(METRICS.replace("Sold.", "Sold at the stall."))
    with pytest.raises(ConfigError, match=r"protocols\.other\.path.*expected another name than shop_sold_usd_total"):
        fitted_all(settings)


def test_a_view_without_number_is_refused(folder: Path) -> None:
    """Views are created in the order of their numbers."""
    (folder / "views" / "stray.sql").write_text("")
    assert "views/stray.sql: file name: expected NN_name.sql" in _refused(folder)


def test_mistakes_in_both_files_are_reported_at_once(folder: Path) -> None:
    """One run shows all."""
    _edit(folder / "protocol.toml", "start_block", "start_blok")
    _edit(folder / "metrics.toml", '"5m"', '"often"')
    assert "2 problems" in _refused(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The path that was configured is in the message."""
    with pytest.raises(ConfigError, match=r"nowhere/protocol\.toml: there is no such file"):
        load(tmp_path / "nowhere")


def test_the_reference_protocol_loads() -> None:
    """What we ship is right."""
    wexel = load(Path(__file__).parents[3] / "protocols" / "wexel")
    assert {contract.name for contract in wexel.contracts} == {"vault", "marketplace"}
