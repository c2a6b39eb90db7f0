"""Laws of loading the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared import config
from shared.config import load
from shared.errors import ConfigError
from shared.settings import Settings

GOOD = """
[database]
url = "postgresql://usdx:hunter2@db.example/usdx"

[chains.base]
rpc = [{ name = "alchemy", url = "${ALCHEMY_URL}" }, { name = "public", url = "https://mainnet.base.org" }]

[protocols.wexel]
path = "protocols/wexel"
chain = "base"
addresses = { vault = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045" }

[feeds."ETH/USD"]
sources = ["chainlink", "coinbase"]
every = "5s"
[feeds."ETH/USD".chainlink]
chain = "base"
"""
ENV = {"ALCHEMY_URL": "https://base.alchemy.example/v2/abcdef0123456789"}


def _load(tmp_path: Path, text: str, env: Mapping[str, str] = ENV) -> Settings:
    (tmp_path / "usdx.toml").write_text(text)
    return load(tmp_path / "usdx.toml", env)


def _refused(tmp_path: Path, text: str, env: Mapping[str, str] = ENV) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text, env)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_good_config_is_read(tmp_path: Path) -> None:
    """The file's values arrive, variables filled in."""
    settings = _load(tmp_path, GOOD)
    assert settings.chains["base"].rpc[0].url.get_secret_value() == ENV["ALCHEMY_URL"]
    assert settings.protocols["wexel"].path == tmp_path / "protocols/wexel"
    assert settings.feeds["ETH/USD"].every == 5


def test_no_file_is_a_config_too() -> None:
    """Without a file there are the defaults and the environment."""
    assert load(None, {"USDX_INDEXER__PORT": "9999"}).indexer.port == 9999


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A config that is asked for must exist."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: there is no such file"):
        load(tmp_path / "nowhere.toml", {})


def test_bad_toml_names_the_place(tmp_path: Path) -> None:
    """A syntax error says where it is."""
    assert "usdx.toml: is not TOML" in _refused(tmp_path, "[chains\n")
    assert "line 1" in _refused(tmp_path, "[chains\n")


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """One run of the loader shows all there is to mend, each with file, key, value and expectation."""
    message = _refused(
        tmp_path,
        GOOD.replace('every = "5s"', 'every = "soon"\nmin_sources = 0')
        .replace('chain = "base"\naddr', 'chain = "bse"\naddr')
        .replace("0xd8dA", "0xD8dA")
        .replace("\nsources =", "\nsorces = 1\nsources =")
        + '[log]\nlevel = "loud"\n',
    )
    assert message.splitlines() == [
        "6 problems in the configuration:",
        '  usdx.toml: protocols.wexel.addresses.vault = "0xD8dA6BF26964aF9D7eEd9e03E53415D37aA96045": '
        "expected an address with a right EIP-55 checksum (or all in lower case); a digit is mistyped",
        '  usdx.toml: feeds."ETH/USD".min_sources = 0: expected at least 1',
        '  usdx.toml: feeds."ETH/USD".every = "soon": expected a duration such as 5, "5s", "500ms", "30m" or "1h"',
        '  usdx.toml: feeds."ETH/USD".sorces = 1: is not a known key, did you mean "sources"?',
        "  usdx.toml: log.level = \"loud\": expected 'debug', 'info', 'warning' or 'error'",
        '  usdx.toml: protocols.wexel.chain = "bse": expected one of the chains: base',
    ]


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """A required key that is absent has no value to show."""
    assert "usdx.toml: protocols.wexel.path: is required" in _refused(tmp_path, GOOD.replace("path =", "pth ="))


def test_an_unset_variable_is_a_problem(tmp_path: Path) -> None:
    """`${NAME}` must be set; the value shown is what the user wrote."""
    assert _refused(tmp_path, GOOD, {}) == (
        'usdx.toml: chains.base.rpc[0].url = "${ALCHEMY_URL}": expected the environment variable ALCHEMY_URL to be set'
    )


def test_a_variable_may_have_a_default(tmp_path: Path) -> None:
    """`${NAME:-default}` needs no variable, and `$$` is a dollar sign."""
    settings = _load(tmp_path, 'data_dir = "${NOWHERE:-here}/$${x}"\n', {})
    assert settings.data_dir == tmp_path / "here" / "${x}"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("postgresql://usdx:hunter2@db.example/usdx", "${X}").replace(
            "[database]", "[database]\npoolsize = 1"
        ),
        GOOD + '[database2]\nurl = "postgresql://u:hunter2@h/d"\n',
        '[chains.base]\nrpc = [{ name = "a", url = "hunter2" }]',
        '[chains.base]\nrpc = [{ name = "a", url = "ws://h/hunter2" }]',
        '[chains.base]\nrpc = [{ name = "a", urll = "https://h/hunter2" }]',
        '[database]\nurl = 1\npassword = "hunter2"\n',
        '[chains]\nbase = "https://u:hunter2@h"\n',
    ],
)
def test_a_refusal_shows_no_secret(tmp_path: Path, text: str) -> None:
    """Neither a secret's key nor a mistyped one leaks its value."""
    assert "hunter2" not in _refused(tmp_path, text, {"X": "postgresql://usdx:hunter2@db/usdx"})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """USDX_A__B is the key a.b, whatever signs its name has in the file; list places are numbers."""
    settings = _load(
        tmp_path,
        GOOD,
        ENV
        | {
            "USDX_DATABASE__POOL_SIZE": "3",
            "USDX_FEEDS__ETH_USD__EVERY": "7s",
            "USDX_FEEDS__ETH_USD__SOURCES": '["kraken", "chainlink"]',
            "USDX_CHAINS__BASE__RPC__1__URL": "https://other.example",
            "USDX_LOG__LEVEL": "debug",
            "USDX_DATA_DIR": "/data",
        },
    )
    assert settings.database.pool_size == 3
    assert settings.feeds["ETH/USD"].every == 7
    assert settings.feeds["ETH/USD"].sources == ("kraken", "chainlink")
    assert settings.chains["base"].rpc[1].url.get_secret_value() == "https://other.example"
    assert settings.log.level == "debug"
    assert settings.data_dir == Path("/data")


def test_a_bad_override_names_its_variable(tmp_path: Path) -> None:
    """A problem in an environment variable points there, not at the file."""
    message = _refused(tmp_path, GOOD, ENV | {"USDX_INDEXER__PORT": "high"})
    assert message == 'environment variable USDX_INDEXER__PORT: indexer.port = "high": expected a whole number'


def test_an_override_through_a_value_is_a_problem(tmp_path: Path) -> None:
    """USDX_A__B__C cannot reach into a value that is no table."""
    message = _refused(tmp_path, GOOD, ENV | {"USDX_DATABASE__URL__X": "1"})
    assert (
        "environment variable USDX_DATABASE__URL__X: database.url.x: leads through a key that is not a table" in message
    )


def test_a_bad_list_in_a_variable_is_a_problem(tmp_path: Path) -> None:
    """A variable's value that starts like TOML must be TOML."""
    assert "is not TOML" in _refused(tmp_path, GOOD, ENV | {"USDX_FEEDS__ETH_USD__SOURCES": "[kraken"})


def test_foreign_variables_are_left_alone(tmp_path: Path) -> None:
    """Kubernetes sets USDX_PORT and the like for a service named usdx; they are not ours."""
    foreign = {"USDX_PORT": "tcp://10.0.0.1:80", "USDX_SERVICE_HOST": "10.0.0.1", "USDX_REVISION": "abc"}
    assert _load(tmp_path, GOOD, ENV | foreign)


def test_a_nearly_right_variable_is_a_problem(tmp_path: Path) -> None:
    """A mistyped top-level override is not ignored."""
    assert 'did you mean "data_dir"?' in _refused(tmp_path, GOOD, ENV | {"USDX_DATADIR": "/data"})


def test_a_secret_comes_from_one_place(tmp_path: Path) -> None:
    """Giving a secret both plainly and by file is a contradiction."""
    (tmp_path / "secret").write_text("postgresql://db/usdx")
    message = _refused(tmp_path, GOOD.replace("[database]", '[database]\nurl_file = "secret"'))
    assert "expected either this key or url_file, not both" in message


def test_a_secret_file_must_exist(tmp_path: Path) -> None:
    """A missing secret file is named by its key; its path is no secret."""
    message = _refused(tmp_path, '[database]\nurl_file = "nowhere"\n')
    assert message == 'usdx.toml: database.url_file = "nowhere": expected a file that exists'


def test_secrets_can_be_listed(tmp_path: Path) -> None:
    """The log learns every secret of the config, so that it can hide them."""
    assert set(config.secrets(_load(tmp_path, GOOD))) == {
        "postgresql://usdx:hunter2@db.example/usdx",
        ENV["ALCHEMY_URL"],
        "https://mainnet.base.org",
    }


def test_the_default_config_lies_in_the_current_folder(tmp_path: Path) -> None:
    """Without --config it is ./usdx.toml, when there is one."""
    (tmp_path / "usdx.toml").write_text("")
    assert config.find(None, tmp_path) == tmp_path / "usdx.toml"
    assert config.find(Path("other.toml"), tmp_path) == Path("other.toml")
