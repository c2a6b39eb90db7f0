"""Laws of what a user can write in the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.settings import (
    AggregatorSettings,
    EndpointSettings,
    FeedSettings,
    Settings,
    VenueSettings,
    parse_address,
    parse_addresses,
    parse_finality,
    parse_seconds,
    parse_start_block,
)

VITALIK = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5),
        (0.25, 0.25),
        ("5", 5),
        ("5s", 5),
        ("500ms", 0.5),
        ("30m", 1800),
        ("1h", 3600),
        ("1.5 h", 5400),
        ("2d", 172800),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    """A duration is a number of seconds, or a number with its unit."""
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize("written", [-1, "-1s", "soon", "", "5 weeks", "1h30m", True, None, [5], float("nan")])
def test_what_is_no_duration_is_refused(written: object) -> None:
    """Anything else is refused, negative numbers too."""
    with pytest.raises(ValueError, match="a duration such as"):
        parse_seconds(written)


@given(st.integers(0, 876_000))
def test_units_agree(number: int) -> None:
    """The same length of time is the same number however it is written."""
    assert parse_seconds(f"{number}m") == parse_seconds(number * 60)
    assert parse_seconds(f"{number}h") == parse_seconds(f"{number * 60}m")


@pytest.mark.parametrize("written", [VITALIK, VITALIK.lower(), "0x" + VITALIK[2:].upper()])
def test_addresses_come_back_in_lower_case(written: str) -> None:
    """An address with a right checksum, or with none, is accepted."""
    assert parse_address(written) == VITALIK.lower()


@pytest.mark.parametrize("place", [i for i, digit in enumerate(VITALIK) if i > 1 and digit.isalpha()])
def test_a_wrong_checksum_is_refused(place: int) -> None:
    """Mixed case with one letter in the wrong case is a mistyped address."""
    wrong = VITALIK[:place] + VITALIK[place].swapcase() + VITALIK[place + 1 :]
    with pytest.raises(ValueError, match="EIP-55"):
        parse_address(wrong)


@pytest.mark.parametrize("written", ["", "0x", VITALIK[2:], VITALIK[:-1], VITALIK + "0", "vitalik.eth", 1, None])
def test_what_is_no_address_is_refused(written: object) -> None:
    """Anything but 0x and 40 hex digits is refused."""
    with pytest.raises(ValueError, match="0x and 40 hex digits"):
        parse_address(written)


def test_one_address_is_a_list_of_one() -> None:
    """Where several addresses may stand, one may stand alone."""
    assert parse_addresses(VITALIK) == parse_addresses([VITALIK]) == (VITALIK.lower(),)


@pytest.mark.parametrize(("written", "read"), [("finalized", "finalized"), (64, 64), ("64", 64), (0, 0)])
def test_finality(written: object, read: object) -> None:
    """Finality is the chain's own tag or a depth."""
    assert parse_finality(written) == read


@pytest.mark.parametrize("written", ["safe", -1, True, None, "0x40"])
def test_what_is_no_finality_is_refused(written: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="depth in blocks"):
        parse_finality(written)


@pytest.mark.parametrize(("written", "read"), [("auto", "auto"), (0, 0), ("17", 17)])
def test_start_block(written: object, read: object) -> None:
    """A start block is a number, or found by itself."""
    assert parse_start_block(written) == read


def test_a_table_named_like_a_source_holds_its_parameters() -> None:
    """[feeds.X.coinbase] belongs to the source coinbase of the feed X."""
    feed = FeedSettings.model_validate({"sources": ["coinbase"], "coinbase": {"symbol": "ETH-USD"}})
    assert feed.parameters == {"coinbase": {"symbol": "ETH-USD"}}


def test_a_table_named_like_no_source_is_refused() -> None:
    """A parameter table for a source that the feed does not use is a mistake."""
    with pytest.raises(ValidationError):
        FeedSettings.model_validate({"sources": ["coinbase"], "kraken": {"symbol": "XETHZUSD"}})


def test_settings_have_defaults_for_everything() -> None:
    """An empty config is a valid one: embedded database, loopback, no chain."""
    settings = Settings()
    assert settings.database.url is None
    assert {settings.indexer.host, settings.oracle.host, settings.aggregator.host} == {"127.0.0.1"}
    assert (settings.indexer.port, settings.oracle.port, settings.aggregator.port) == (9101, 9102, 3001)


def test_settings_are_frozen() -> None:
    """Nobody changes the settings after they were loaded."""
    with pytest.raises(ValidationError):
        Settings().log.level = "debug"  # type: ignore[misc]


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    """`url_file` is read, without the newline at its end; a secret never shows in a repr."""
    (tmp_path / "url").write_text("postgresql://usdx:hunter2@db/usdx\n")
    data: dict[str, Any] = {"database": {"url_file": "url"}}
    settings = Settings.model_validate(data, context={"folder": tmp_path})
    assert settings.database.url is not None
    assert settings.database.url.get_secret_value() == "postgresql://usdx:hunter2@db/usdx"
    assert "hunter2" not in repr(settings)


def test_relative_paths_start_at_the_config_file(tmp_path: Path) -> None:
    """A path in the config means the same from wherever the command is run."""
    settings = Settings.model_validate({"data_dir": "data"}, context={"folder": tmp_path})
    assert settings.data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    "place",
    [
        "http://host:abc",
        "http://host:99999",
        "dns+http://a..b:1",
        f"dns+http://{'x' * 64}.de:1",
        "http://[::1:1",
        "http://:1",
    ],
)
def test_an_address_that_cannot_be_is_refused(place: str) -> None:
    """A mistyped host or port is refused where it is written, not when it is first asked."""
    with pytest.raises(ValidationError, match="host:port"):
        AggregatorSettings(workers={"indexer": place})  # type: ignore[dict-item]
    with pytest.raises(ValidationError, match="an http:// or https:// address"):
        EndpointSettings(name="a", url=place.removeprefix("dns+"))  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="an http:// or https:// address"):
        VenueSettings(base_url=place.removeprefix("dns+"))


def test_a_file_of_targets_lies_beside_the_config(tmp_path: Path) -> None:
    """Where the workers are is read from a file in the config's folder, as every other path is."""
    places = {"indexer": ["file:targets.json", "http://a:1"], "oracle": "file:/elsewhere/targets.json"}
    found = AggregatorSettings.model_validate({"workers": places}, context={"folder": tmp_path}).workers
    assert found["indexer"] == (f"file:{tmp_path}/targets.json", "http://a:1")
    assert found["oracle"] == ("file:/elsewhere/targets.json",)


def test_a_certificate_comes_with_its_key() -> None:
    """What the aggregator shows to workers is a certificate and its key, or neither."""
    with pytest.raises(ValidationError, match="workers_cert_file and workers_key_file together"):
        AggregatorSettings(workers_cert_file=Path(__file__))
