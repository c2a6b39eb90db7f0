"""SQL in every string that reaches SQL: it is data, and never a statement."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner

from aggregator.api.server import BASE
from indexer.layout import claim_chain
from indexer.recovery_cli import reindex, rollback
from oracle.cli import set_price
from oracle.model import Pair, Round
from oracle.onchain import Sample
from oracle.reasons import Reason
from shared.backup import Content, contents_of
from shared.config import load
from shared.db import Database
from shared.errors import ConfigError
from shared.lease import lease, mark
from shared.settings import Settings
from tests.adversity.crash import free_port
from tests.adversity.scene import scene
from tests.adversity.shop import DESK, note
from tests.adversity.test_ending import answering
from tests.integration.aggregator.test_webhook import alert, send
from tests.integration.aggregator.world import CHAIN, Site, World, site
from tests.integration.oracle.test_store import START_S, Past, plan_of, store_of
from tests.unit.oracle import feeds

HOSTILE = (
    "'; drop schema usdx cascade; --",
    '"; delete from wexel.vault_transfer; --',
    "' or '1'='1",
    "0) or (1=1",
    "x' union select url from pg_settings --",
    "$1 or true",
    "%' or \\'1\\'=\\'1",
    "{0}{}; truncate usdx.cursors",
)
GOOD = {"contract": "vault", "event": "wexel_created", "base": "ETH", "quote": "USD", "fingerprint": "trouble-"}
COMMANDS = {
    "rollback --stream": (rollback, ("--to=0", "--yes", "--stream")),
    "rollback --chain": (rollback, ("--to=0", "--yes", "--chain")),
    "reindex": (reindex, ("--yes", "--")),
}


@pytest.fixture
async def served(settings: Settings, db: Database) -> AsyncIterator[Site]:
    """The aggregator on a chain with rows in its tables."""
    world = World(db)
    await world.begin()
    await world.pool()
    for number in range(1, 5):
        await world.deposit(number)
    for minute in range(3):
        await world.price("2000", datetime.now(UTC) - timedelta(minutes=minute))
    async with site(settings, db, rate=1_000_000) as found:
        for name in ("Trouble", "Other", "Third"):
            await send(found, alert(name=name))
        yield found


async def contents(db: Database) -> dict[str, Content]:
    cx = await asyncpg.connect(db.url)
    try:
        return await contents_of(cx)
    finally:
        await cx.close()


@asynccontextmanager
async def untouched(db: Database) -> AsyncIterator[None]:
    """Every table is there and holds the same rows as before."""
    before = await contents(db)
    assert sum(one.rows for one in before.values()) > 10
    yield
    assert await contents(db) == before


async def asked(served: Site, path: str, **query: str) -> tuple[int, Any]:
    async with served.client.get(path, params=query) as answer:
        return answer.status, await answer.json(content_type=None)


async def parameters(served: Site) -> list[tuple[str, str, str]]:
    """Every parameter of every question that the API takes: path, where it stands, name."""
    paths = (await served.get("/api/v1/openapi.json"))["paths"]
    return [
        (BASE + path, one["in"], one["name"])
        for path, methods in paths.items()
        for one in methods.get("get", {}).get("parameters", ())
        if one["in"] in ("query", "path")
    ]


async def test_every_parameter_of_the_api(served: Site, db: Database) -> None:
    """It is refused, or it matches nothing: never an error of ours, never a row that it does not name."""
    found = await parameters(served)
    assert {("query", "where"), ("query", "sort"), ("path", "contract"), ("path", "base")} <= {one[1:] for one in found}
    async with untouched(db):
        for path, place, name in found:
            for text in HOSTILE:
                filled = path
                for other in (one[2] for one in found if one[:2] == (path, "path")):
                    good = GOOD.get(other, "1")
                    filled = filled.replace(f"{{{other}}}", quote(text, safe="") if other == name else good)
                status, body = await asked(served, filled, **({name: text} if place == "query" else {}))
                assert status in (200, 400, 404), (path, name, text, body)
                assert status != 200 or body["data"] == [], (path, name, text, body)


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/wexels", "/api/v1/events/vault/wexel_created"])
async def test_cursors(path: str, served: Site, db: Database) -> None:
    """A cursor made up with SQL in any of its parts is refused, or is just a place in the order."""
    whole = (await asked(served, path))[1]["data"]
    token = (await asked(served, path, limit="1"))[1]["next"]
    parts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    async with untouched(db):
        for at in range(len(parts)):
            for text in HOSTILE:
                made = [*parts[:at], text, *parts[at + 1 :]]
                after = base64.urlsafe_b64encode(json.dumps(made).encode()).decode().rstrip("=")
                status, body = await asked(served, path, after=after)
                assert status in (200, 400), (made, body)
                assert status == 400 or all(row in whole for row in body["data"])
                assert status == 400 or at == len(parts) - 1, "only a text among the keys can be any text"


async def test_parameters_of_events(served: Site, db: Database) -> None:
    """Names and values in `where` are looked up, not pasted."""
    async with untouched(db):
        for text in HOSTILE:
            for pair in (f"owner:{text}", f"{text}:1", f'owner" = e."owner" or e."owner:{text}'):
                assert (await asked(served, "/api/v1/events/vault/wexel_created", where=pair))[0] == 400


async def test_labels_of_alerts(served: Site, db: Database) -> None:
    """They come back as they were sent, and a filter by one finds that one."""
    before = await contents(db)
    for number, text in enumerate(HOSTILE):
        one = alert(name=text, number=str(number)) | {"fingerprint": f"hostile-{number}", "annotations": {text: text}}
        one["labels"] |= {"service": text, "x": text}
        await send(served, one)
        ((found,),) = await served.pages("/api/v1/alerts", alertname=text)
        assert (found["labels"], found["annotations"]) == (one["labels"], one["annotations"])
        ((same,),) = await served.pages("/api/v1/alerts", service=text)
        assert same == found
        path, body = f"/api/v1/alerts/hostile-{number}/ack", {"by": text, "note": text}
        async with served.client.post(path, json=body) as answer:
            assert (await answer.json())["data"].items() >= body.items()
    after = await contents(db)
    assert {name for name in before if before[name] != after[name]} == {
        "usdx.alert_notifications",
        "usdx.alert_acknowledgements",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_of_commands(name: str, served: Site, db: Database, tmp_path: Path) -> None:
    """A stream or chain that is not there is named, and nothing is done."""
    config = tmp_path / "usdx.toml"
    config.write_text(
        f'[database]\nurl = "{db.url}"\n[chains.{CHAIN}]\nrpc = [{{ name = "node", url = "http://127.0.0.1:1" }}]\n'
    )
    command, arguments = COMMANDS[name]
    before = asyncio.run(contents(db))
    for text in HOSTILE:
        done = CliRunner().invoke(command, [f"--config={config}", *arguments, text])
        assert done.exit_code in (1, 2), done.output
        assert text in done.output
    assert asyncio.run(contents(db)) == before


def test_streams_of_a_backfill(served: Site, db: Database, tmp_path: Path) -> None:
    """As above; the command has processes of its own, so it is one."""
    config = tmp_path / "usdx.toml"
    config.write_text(f'[database]\nurl = "{db.url}"\n')
    before = asyncio.run(contents(db))
    line = [sys.executable, "-m", "shared", "backfill", "--redecode", f"--config={config}"]
    done = subprocess.run(
        [*line, *(f"--reindex={text}" for text in HOSTILE)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (1, 2)
    assert all(text in done.stderr for text in HOSTILE), done.stderr
    assert "Traceback" not in done.stderr
    assert asyncio.run(contents(db)) == before


def test_arguments_of_a_price_by_hand(served: Site, db: Database, tmp_path: Path) -> None:
    """Who set it and why are kept to the letter; a feed that is none is named, and nothing is done."""
    config = tmp_path / "usdx.toml"
    config.write_text(
        f'[database]\nurl = "{db.url}"\n[feeds."ETH/USD"]\nsources = ["manual"]\nmin_sources = 1\n', encoding="utf-8"
    )
    before = asyncio.run(contents(db))
    for text in HOSTILE:
        line = ["ETH/USD", "2000", f"--why={text}", f"--by={text}", f"--config={config}"]
        done = CliRunner().invoke(set_price, line)
        assert done.exit_code == 0, done.output
        done = CliRunner().invoke(set_price, [f"{text}/USD", *line[1:]])
        assert (done.exit_code, text in done.output) == (2, True), done.output
    after = asyncio.run(contents(db))
    assert {name for name in before if before[name] != after[name]} == {"usdx.manual_prices"}
    kept = asyncio.run(rows(db, "select author, why from usdx.manual_prices order by id"))
    assert kept == [(text, text) for text in HOSTILE]


async def test_names_of_feeds_and_venues_and_what_venues_answer(db: Database) -> None:
    """A feed, its venues, their words and sequence numbers are stored and found to the letter, and touch no more."""
    names = [text.replace("/", "|") for text in HOSTILE]
    before = await contents(db)
    for text in names:
        pair = Pair(text, "USD")
        past = Past(feeds.feed(text, "other", pair=pair))
        answers = {name: feeds.quote(name, 2000, pair=pair, sequence=text) for name in (text, "other")}
        past.round(START_S, answers)
        past.round(START_S + 5, answers | {text: Reason.TIMEOUT})
        past.rounds[1] = says(past.rounds[1], text)
        store = store_of(db, past.feed)
        await store.register([plan_of(past.feed)])
        await store.append(past.rounds, [(text, Sample(1, 2))])
        assert pair in await store.memories(START_S + 10, START_S - 100)
        stored = [row async for row in store.history(pair, START_S, START_S + 10)]
        assert [row["feed"] for row, _, _ in stored] == [str(pair)] * 2
        quotes = [one for _, of, _ in stored for one in of if one["source"] == text]
        assert [(one["sequence"], one["detail"]) for one in quotes] == [(text, None), (None, text)]
    after = await contents(db)
    changed = {name for name in after if before.get(name) != after[name]}
    assert {name.rstrip("0123456789_") for name in changed} == {
        *("usdx.feeds", "usdx.observations", "usdx.quotes", "usdx.cumulatives")
    }
    assert before.keys() <= after.keys()
    assert await rows(db, "select feed from usdx.feeds order by 1") == sorted((f"{text}/USD",) for text in names)


@pytest.mark.parametrize("section", ["chains", "protocols", "venues"])
def test_names_in_the_configuration(section: str, tmp_path: Path) -> None:
    """Chains, protocols and venues are called by plain words, or the configuration is refused by that key."""
    config = tmp_path / "usdx.toml"
    for text in HOSTILE:
        config.write_text(f"[{section}.{json.dumps(text)}]\n", encoding="utf-8")
        with pytest.raises(ConfigError) as refused:
            load(config, {})
        assert "a name of at most 40 letters" in str(refused.value)
        assert section in str(refused.value)


async def test_chains(db: Database) -> None:
    """What a chain is called, by whatever way it came in, is data for the tables and for the lease."""
    before = await contents(db)
    for number, text in enumerate(HOSTILE):
        await claim_chain(db, text, number, bytes(32))
        async with lease(db, f"chain {text}"), db.transaction() as cx:
            await mark(cx, db, f"chain {text}")
    after = await contents(db)
    assert {name for name in after if before.get(name) != after[name]} == {"usdx.chains"}
    assert await rows(db, "select chain from usdx.chains order by chain_id") == [(text,) for text in HOSTILE]


def says(one: Round, text: str) -> Round:
    """The round as it would have been had the refusals come with these words."""
    inputs = tuple(replace(each, detail=text) if each.detail else each for each in one.observation.inputs)
    return replace(one, observation=replace(one.observation, inputs=inputs, detail=text))


async def rows(db: Database, sql: str) -> list[tuple[Any, ...]]:
    cx = await asyncpg.connect(db.url)
    try:
        return [tuple(row) for row in await cx.fetch(sql)]
    finally:
        await cx.close()


async def test_texts_of_events(database_url: str, tmp_path: Path) -> None:
    """What an event says is stored, found and shown to the letter."""
    port = free_port()
    async with scene(tmp_path, database_url, more=f"[aggregator]\nport = {port}\nrate = 100000\n") as one:
        one.life.chain.mine(*(note(DESK, text, number) for number, text in enumerate(HOSTILE)))
        one.life._note()
        await one.start()
        await one.settle()
        process = await one.nursery.fork(one.config, tmp_path / "aggregator.log", "aggregator")
        async with aiohttp.ClientSession() as session:
            base = f"http://127.0.0.1:{port}"
            await answering(session, f"{base}/healthz")
            for number, text in enumerate(HOSTILE):
                query = {"where": f"text:{text}"}
                async with session.get(f"{base}/api/v1/events/desk/note", params=query) as answer:
                    (found,) = (await answer.json())["data"]
                    assert found["args"] == {"text": text, "number": str(number)}
        assert await one.differences(at_head=True) == []
        assert await one.end() == 0
        process.kill()
        await process.wait()
