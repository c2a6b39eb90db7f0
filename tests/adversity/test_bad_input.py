"""Bad configuration and bad protocol folders: refused whole, naming file, key and what was expected."""

from __future__ import annotations

import copy
import json
import math
import shutil
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from demo import toml
from indexer.assembly import events_of
from indexer.errors import BadAbi
from indexer.schema import create_table, tables
from oracle.plan import plan
from shared import config, problems, protocol, settings
from shared.db import Database
from shared.errors import ConfigError
from shared.protocol_places import fitted_all

ROOT = Path(__file__).parents[2]
CONFIG = """
data_dir = ".usdx"
[database]
url = "postgresql://usdx@db.example/usdx"
pool_size = 8
[log]
level = "info"
format = "json"
[indexer]
host = "127.0.0.1"
port = 9101
[oracle]
port = 9102
[aggregator]
port = 3001
refresh_every = "5s"
[chains.base]
finality = "finalized"
chain_id = 8453
blooms = true
poll = "1s"
lag_threshold = "5m"
[[chains.base.rpc]]
name = "one"
url = "https://mainnet.base.example"
[protocols.wexel]
path = "protocols/wexel"
chain = "base"
start_block = 17
[protocols.wexel.addresses]
vault = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
[feeds."ETH/USD"]
sources = ["chainlink", "coinbase"]
every = "5s"
timeout = "2s"
heartbeat = "60s"
min_sources = 2
max_deviation_bps = 150
required = true
max_age = "60s"
"""
Way = tuple[str | int, ...]
WRONG: dict[type, tuple[Any, ...]] = {
    str: ({"a": 1}, [[]], True),
    int: ("many", -7, [1], {"a": 1}),
    bool: ("perhaps", 17, []),
    list: ("x" * 300 + " ", 5, {}),
}


def leaves(document: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Every value with the way to it."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, (*way, key))
    elif isinstance(document, list) and document and isinstance(document[0], dict):
        for at, value in enumerate(document):
            yield from leaves(value, (*way, at))
    else:
        yield way, document


def changed(document: Any, way: Way, value: Any) -> Any:
    """The document with one value replaced."""
    out = copy.deepcopy(document)
    at = out
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = value
    return out


def renamed(document: Any, way: Way) -> Any:
    """The document with one key misspelt."""
    out = copy.deepcopy(document)
    at = out
    for key in way[:-1]:
        at = at[key]
    at[f"{way[-1]}x"] = at.pop(way[-1])
    return out


def dotted(way: Way) -> str:
    """As a refusal names it, up to a dictionary's key."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in way).lstrip(".")


DOCUMENT = tomllib.loads(CONFIG)
WRONGS = [
    pytest.param(changed(DOCUMENT, way, value), way, id=f"{dotted(way)}={value!r:.12}")
    for way, old in leaves(DOCUMENT)
    for value in WRONG[type(old)]
]
CONTRACT = ("protocols", "wexel", "addresses", "vault")  # only the protocol folder knows the names of contracts
MISSPELT = [
    pytest.param(renamed(DOCUMENT, way), way, id=f"{dotted(way)}x") for way, _ in leaves(DOCUMENT) if way != CONTRACT
]
NAMES = {
    "chains": "base",
    "protocols": "wexel",
    "feeds": "ETH/USD",
    "venues": "kraken",
    "rpc": 0,
}
NEVER = [{"wrong": [1]}]  # of no key's kind


def keys(model: type[BaseModel], way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Every key of the model with the way to it in the document, and what may stand there."""
    hints = get_type_hints(model, include_extras=True)
    for name in model.model_fields:
        below = [one for one in flat(hints[name]) if isinstance(one, type) and issubclass(one, BaseModel)]
        if below:
            yield from keys(below[0], (*way, name, *([NAMES[name]] if name in NAMES else [])))
        elif name != "parameters":  # of a feed: tables named like its sources, read by the oracle
            yield (*way, name), hints[name]


def flat(hint: Any) -> list[Any]:
    """A type with all its parts and notes; those of a field as well."""
    notes = hint.metadata if isinstance(hint, FieldInfo) else getattr(hint, "__metadata__", ())
    parts = [] if isinstance(hint, BaseModel) or get_origin(hint) is Literal else get_args(hint)
    return [hint, *(one for part in (*parts, *notes) if part is not hint for one in flat(part))]


def beyond(hint: Any) -> Iterator[Any]:
    """Values just outside of every bound that a key has, of its own kind."""
    for one in flat(hint):
        match one:
            case Ge(ge=least):
                yield least - (1 if isinstance(least, int) else least / 2)
            case Gt(gt=least):
                yield least
            case Le(le=most):
                yield most + 1
            case BeforeValidator(func=settings.parse_seconds):
                yield from (-1, math.inf, math.nan, "999999999d", "soon")
            case BeforeValidator(func=settings.parse_start_block):
                yield from (-1, 10**30, "10000000000000000000000", "soon")
            case BeforeValidator(func=settings.parse_finality):
                yield from (-1, 10**12, "latest")
            case BeforeValidator(func=settings.parse_addresses):
                yield from ("0x" + "00" * 20, "0x12")
        if one is float or one is Decimal:
            yield math.inf
        if get_origin(one) is Literal:
            yield "none of these"


def put(way: Way, value: Any) -> Any:
    """The document with a value at the end of a way, which is made where it is not there."""
    out = copy.deepcopy(DOCUMENT)
    at = out
    for key in way[:-1]:
        at = at[key] if isinstance(key, int) else at.setdefault(key, {})
    at[way[-1]] = value
    return out


KEYS = dict(keys(settings.Settings))
GENERATED = [
    pytest.param(put(way, value), way, id=f"{dotted(way)}={value!r:.12}")
    for way, hint in KEYS.items()
    for value in (NEVER, *dict.fromkeys(beyond(hint)))
]
RPC, FEED = ("chains", "base", "rpc"), ("feeds", "ETH/USD")
TOGETHER = [
    (RPC, DOCUMENT["chains"]["base"]["rpc"] * 2, "rpc"),
    ((*FEED, "max_price"), 1, "max_price"),
    (("oracle", "port"), 9101, "oracle.port"),
    (("indexer", "host"), "not a host!", "indexer.host"),
    (("indexer", "host"), "", "indexer.host"),
    (("protocols", "a/b+1"), DOCUMENT["protocols"]["wexel"], "a/b+1"),
    (("chains", "Ba se"), DOCUMENT["chains"]["base"], "Ba se"),
    (("chains", "x" * 41), DOCUMENT["chains"]["base"], "x" * 41),
    (("venues", ""), {"type": "http"}, "venues"),
]


def refusal(document: Any, folder: Path) -> str:
    (folder / "usdx.toml").write_text(toml.dumps(document))
    with pytest.raises(ConfigError) as caught:
        config.load(folder / "usdx.toml", {})
    return str(caught.value)


def test_the_config_itself_is_good(tmp_path: Path) -> None:
    """What the mutants are made from is accepted, and they reach every key."""
    (tmp_path / "usdx.toml").write_text(toml.dumps(DOCUMENT))
    config.load(tmp_path / "usdx.toml", {})
    assert len(KEYS) > 100
    assert {one.values[1] for one in GENERATED} == set(KEYS)


@pytest.mark.parametrize(("document", "way"), GENERATED)
def test_no_key_takes_what_is_beyond_it(document: Any, way: Way, tmp_path: Path) -> None:
    """Every key there is refuses a value of a wrong kind, and one just outside of its bounds."""
    said = refusal(document, tmp_path)
    assert f"{tmp_path / 'usdx.toml'}: {problems.dotted(way)}" in said
    assert "expected" in said


@pytest.mark.parametrize(("way", "value", "key"), TOGETHER, ids=range(len(TOGETHER)))
def test_what_does_not_fit_together_is_refused(way: Way, value: Any, key: str, tmp_path: Path) -> None:
    """Keys that are good alone, and names of tables."""
    document = put(way, value)
    document["feeds"]["ETH/USD"]["min_price"] = 1
    said = refusal(document, tmp_path)
    assert str(tmp_path / "usdx.toml") in said
    assert key in said
    assert "expected" in said


def test_workers_elsewhere_may_have_one_port(tmp_path: Path) -> None:
    """At 0.0.0.0 workers may be in containers of their own, and port 0 is free for all."""
    for host, port in (("0.0.0.0", 9100), ("127.0.0.1", 0)):
        document = DOCUMENT | {name: {"host": host, "port": port} for name in ("indexer", "oracle", "aggregator")}
        (tmp_path / "usdx.toml").write_text(toml.dumps(document))
        config.load(tmp_path / "usdx.toml", {})


MISFITS: list[tuple[Way, Any, str]] = [
    ((*CONTRACT[:-1], "vualt"), "0x" + "11" * 20, "protocols.wexel.addresses.vualt"),
    (("protocols", "wexel", "addresses"), {}, "protocols.wexel.addresses.vault"),
    (("protocols", "again"), DOCUMENT["protocols"]["wexel"], "protocols.again.path"),
    ((*FEED, "sources"), ["coinbase", "krakn"], 'feeds."ETH/USD".sources'),
    (FEED, {"sources": ["coinbase", "kraken"], "min_sources": 9}, 'feeds."ETH/USD".min_sources'),
]


@pytest.mark.parametrize(("way", "value", "key"), MISFITS, ids=[key for _, _, key in MISFITS])
def test_what_a_worker_cannot_use_is_refused(way: Way, value: Any, key: str, tmp_path: Path) -> None:
    """What only a worker can know to be wrong is refused when it starts, with file, key and what was expected."""
    document = put(way, value)
    for one in document["protocols"].values():
        one["path"] = str(ROOT / "protocols" / "wexel")
        if one["addresses"]:
            one["addresses"]["marketplace"] = "0x" + "22" * 20
    (tmp_path / "usdx.toml").write_text(toml.dumps(document))
    loaded = config.load(tmp_path / "usdx.toml", {})
    start: Callable[[settings.Settings], object] = plan if key.startswith("feeds") else fitted_all
    with pytest.raises(ConfigError) as caught:
        start(loaded)
    assert f"{tmp_path / 'usdx.toml'}: {key}" in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(("document", "way"), WRONGS)
def test_a_wrong_value_is_refused(document: Any, way: Way, tmp_path: Path) -> None:
    """Any value of a wrong kind is refused with its file, its key and what was expected."""
    said = refusal(document, tmp_path)
    assert str(tmp_path / "usdx.toml") in said
    assert str(way[-1]) in said
    assert "expected" in said


@pytest.mark.parametrize(("document", "way"), MISSPELT)
def test_a_misspelt_key_is_refused(document: Any, way: Way, tmp_path: Path) -> None:
    """Any key that nobody knows is refused by name, never ignored."""
    said = refusal(document, tmp_path)
    assert str(tmp_path / "usdx.toml") in said
    assert f"{way[-1]}x" in said


FOLDERS = [
    ("protocol.toml", 'name = "wexel"', "name = 7", "name"),
    ("protocol.toml", 'name = "wexel"', 'name = "pg_catalog"', "name"),
    ("protocol.toml", 'name = "wexel"', 'name = "public; drop"', "name"),
    ("protocol.toml", 'name = "wexel"', 'name = ""', "name"),
    ("protocol.toml", 'abi = "abi/vault.json"', "abi = 5", "abi"),
    ("protocol.toml", 'abi = "abi/vault.json"', 'abi = "abi"', "abi"),
    ("protocol.toml", 'abi = "abi/vault.json"', 'abi = "/etc/hostname"', "abi"),
    ("protocol.toml", 'start_block = "auto"', 'start_block = "soon"', "start_block"),
    ("protocol.toml", 'start_block = "auto"', "start_block = -1", "start_block"),
    ("protocol.toml", '"PoolCreated",', '"PoolCreate",', "events"),
    ("protocol.toml", '["receiver", "chain_id"]', "[]", "columns"),
    ("protocol.toml", '["receiver", "chain_id"]', '"id"', "columns"),
    ("protocol.toml", "[contracts.marketplace]", "[contracts.Market-Place]", "Market-Place"),
    ("protocol.toml", "[contracts.vault]", "[contract.vault]", "contract"),
    ("protocol.toml", "[contracts.vault]", "[contracts.vault", "protocol.toml"),
    ("metrics.toml", "labels = [", "label = [", "label"),
    ("metrics.toml", 'period = "', 'period = "never', "period"),
    ("metrics.toml", 'help = "', 'helps = "', "helps"),
]


@pytest.mark.parametrize(("file", "old", "new", "key"), FOLDERS)
def test_a_bad_protocol_folder_is_refused(file: str, old: str, new: str, key: str, tmp_path: Path) -> None:
    """Every mistake in a protocol folder names its file and key."""
    shutil.copytree(ROOT / "protocols" / "wexel", tmp_path / "wexel")
    text = (tmp_path / "wexel" / file).read_text()
    assert old in text
    (tmp_path / "wexel" / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        protocol.load(tmp_path / "wexel")
    assert file in str(caught.value)
    assert key in str(caught.value)


HOSTILE = (
    'x"; drop table usdx.cursors; --',
    "x'); drop schema usdx cascade; --",
    "$$; select pg_sleep(60); $$",
    'a"."b',
    "\\'; commit; drop database usdx; --",
    "Robert'); DROP TABLE students;--",
    "x\x00y",
    "ü" * 80,
    "select",
    "chain_id",
    "%s %I",
    "",
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("where", ["event", "parameter"])
async def test_names_of_an_abi_are_only_names(name: str, where: str, db: Database, tmp_path: Path) -> None:
    """Whatever an ABI calls its events and parameters, it is refused by its file or becomes a name and nothing else."""
    event = name if where == "event" else "Sold"
    parameter = name if where == "parameter" else "price"
    abi = [{"type": "event", "name": event, "inputs": [{"name": parameter, "type": "uint256", "indexed": False}]}]
    (tmp_path / "abi.json").write_text(json.dumps(abi))
    contract = protocol.Contract("market", (tmp_path / "abi.json",))
    refused = ""
    try:
        chosen, _ = events_of(contract)
        made = tables("shop", "market", chosen)
    except BadAbi as exc:
        refused = str(exc)
    if refused:
        assert "abi.json" in refused
        return
    async with db.connection() as cx:
        await cx.execute("create schema shop")
        for table in made:
            await cx.execute(create_table(table))
        assert await cx.fetchval("select count(*) from usdx.cursors") == 0, "still there"
        there = {row[0] for row in await cx.fetch("select tablename from pg_tables where schemaname = 'shop'")}
    assert there == {table.name for table in made}


@pytest.mark.parametrize("depth", [40, 400, 100_000])
def test_an_abi_bomb_is_refused_at_once(depth: int, tmp_path: Path) -> None:
    """Types nested or sized beyond reason are a bad ABI, not a hanging or dying process."""
    inner: dict[str, Any] = {"name": "x", "type": "uint256"}
    if depth <= 400:
        for _ in range(depth):
            inner = {"name": "x", "type": "tuple", "components": [inner, inner][:1]}
        text = json.dumps([{"type": "event", "name": "Bomb", "inputs": [inner]}])
    else:
        text = "[" * depth
    (tmp_path / "abi.json").write_text(text)
    with pytest.raises(BadAbi, match=r"abi\.json"):
        events_of(protocol.Contract("market", (tmp_path / "abi.json",)))
