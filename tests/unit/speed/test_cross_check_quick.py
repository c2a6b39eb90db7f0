"""With `cross_check` logs are read by columns, too, once a second endpoint has told them letter by letter."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from indexer.chain import Chain
from indexer.model import Range
from shared.rpc_errors import RpcError
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.families import GETH, Family
from tests.fakes.faults import LOGS, Fault
from tests.fakes.node import FakeNode
from tests.unit.node.world import pool_of
from tests.unit.speed.test_chain_quick import FAULTS, UNTIMED, WRONG, found, here, made, read, truth

SPANS = [Range(40 * at + 1, 40 * at + 40) for at in range(5)]
WORDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another order": lambda log: dict(reversed(log.items())),
    "capital letters": lambda log: log | {"blockHash": "0x" + log["blockHash"][2:].upper()},
    "more fields": lambda log: log | {"logType": "normal"},
    "longer numbers": lambda log: log | {"transactionIndex": "0x00"},
}


@pytest.fixture(params=[1, 3], ids=["crowded", "sparse"])
def fake(request: pytest.FixtureRequest) -> FakeChain:
    return made(200, request.param)


def lies(chain: Chain) -> dict[str, int]:
    return {one.name: sum(one.lies.values()) for one in chain._pool.endpoints}


@pytest.mark.parametrize("family", [GETH, UNTIMED], ids=["timed", "untimed"])
async def test_the_same_words_confirm_what_was_read_by_columns(family: Family, fake: FakeChain) -> None:
    """Each endpoint is asked the same, once, and nobody's logs are read one by one, nor anybody's twice."""
    nodes, quick = [FakeNode(fake, name, family=family) for name in ("one", "two")], here()
    chain = Chain(pool_of(*nodes), cross_check=True)
    await read(chain, SPANS[0], quick)  # which may tell that there are no times
    for span in SPANS[1:]:
        for node in nodes:
            node.asked.clear()
        rows = quick.rows
        logs = await read(chain, span, quick)
        assert logs.copied
        assert not logs.logs
        assert found(logs) == truth(fake, span)
        assert quick.rows - rows == len(truth(fake, span))
        assert [node.asked["eth_getLogs"] for node in nodes] == [1, 1]
        assert nodes[0].asked == nodes[1].asked
    assert lies(chain) == {"one": 0, "two": 0}


@pytest.mark.parametrize("family", [GETH, UNTIMED], ids=["timed", "untimed"])
@pytest.mark.parametrize("words", WORDS)
async def test_other_words_for_the_same_confirm_it_too(words: str, family: Family, fake: FakeChain) -> None:
    """An endpoint that writes the same logs otherwise is no liar; the rows are still those that columns made."""
    one, two = (FakeNode(fake, name, family=family) for name in ("one", "two"))
    chain, quick = Chain(pool_of(one, two), cross_check=True), here()
    two.fail(Fault(LOGS, 10_000, change=lambda logs: [WORDS[words](log) for log in logs]))
    for span in SPANS:
        logs = await read(chain, span, quick)
        assert found(logs) == truth(fake, span)
        assert logs.copied or span == SPANS[0]
    assert lies(chain) == {"one": 0, "two": 0}


@pytest.mark.parametrize(("family", "every"), [(GETH, 3), (UNTIMED, 1)], ids=["timed", "untimed"])
@pytest.mark.parametrize("first", ["bad", "good"])
@pytest.mark.parametrize("name", FAULTS)
async def test_nothing_wrong_passes(name: str, first: str, family: Family, every: int) -> None:
    """Beside an honest endpoint one that is wrong changes no row; of headers that nobody can settle there are none."""
    fake = made(200, every)
    bad, good = (FakeNode(fake, node, family=family) for node in ("bad", "good"))
    chain = Chain(pool_of(*((bad, good) if first == "bad" else (good, bad))), cross_check=True)
    quick = here()
    for at, span in enumerate(SPANS):
        if at == 2:
            bad.fail(FAULTS[name]().often(1_000))
        try:
            logs = await read(chain, span, quick)
        except RpcError:
            assert name in WRONG
            assert at >= 2
        else:
            assert found(logs) == truth(fake, span)
    assert lies(chain)["good"] == 0 or name in WRONG


@pytest.mark.parametrize("first", ["bad", "good"])
@pytest.mark.parametrize("seed", range(20))
async def test_no_letter_may_differ(seed: int, first: str) -> None:
    """Whichever letter of an answer is replaced in what decides a row, the row is right all the same."""
    rng, fake = random.Random(seed), made(200, 1)
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    chain = Chain(pool_of(*((bad, good) if first == "bad" else (good, bad))), cross_check=True)

    def change(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not logs:
            return logs
        at = rng.randrange(len(logs))
        field = rng.choice(["blockHash", "transactionHash", "address", "data", "blockTimestamp", "logIndex", "topics"])
        value = logs[at][field]
        word = value[0] if field == "topics" else value
        place = rng.randrange(2, len(word))
        other = word[:place] + rng.choice([c for c in "0123456789abcdef" if c != word[place]]) + word[place + 1 :]
        return [*logs[:at], logs[at] | {field: [other] if field == "topics" else other}, *logs[at + 1 :]]

    bad.fail(Fault(LOGS, 10_000, change=change))
    for span in SPANS:
        assert found(await read(chain, span, here())) == truth(fake, span)
    assert lies(chain)["good"] == 0


async def test_where_nobody_else_answers_receipts_are_held_against_columns(fake: FakeChain) -> None:
    """A lone endpoint's rows are proved by its receipts, and what those deny is not stored, of whichever block."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    chain, quick = Chain(pool_of(one, two), cross_check=True), here()
    await read(chain, SPANS[0], quick)
    two.fail(faults.html().often(10_000))
    assert found(await read(chain, SPANS[1], quick)) == truth(fake, SPANS[1])
    one.fail(faults.shifted_log_index().often(10_000))
    with pytest.raises(RpcError, match=r"one: logs of block \d+ are missing, or are not its own"):
        await read(chain, SPANS[2], quick)


async def test_an_endpoint_with_narrower_answers_is_followed(fake: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions get as narrow as the second endpoint needs them to answer in the same words, if that is near."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    chain, quick = Chain(pool_of(one, two), cross_check=True), here()
    await read(chain, SPANS[0], quick)
    (filter_,) = chain._pool.endpoints[1].windows
    spans = {}
    for name, blocks in (("near", 600), ("far", 100)):
        for endpoint, span in zip(chain._pool.endpoints, (900, blocks), strict=True):
            endpoint.windows[filter_] = type(endpoint.windows[filter_])(span)
        spans[name] = chain.span(filter_)
    assert spans == {"near": 600, "far": 900}


async def test_a_little_more_is_asked_rather_than_twice(fake: FakeChain) -> None:
    """A second endpoint that gave a little less at last is asked for the whole page all the same."""
    nodes, quick = [FakeNode(fake, name) for name in ("one", "two")], here()
    chain = Chain(pool_of(*nodes), cross_check=True)
    await read(chain, SPANS[0], quick)
    two = chain._pool.endpoints[1]
    (filter_,) = two.windows
    for span, blocks, questions in ((SPANS[1], 30, 1), (SPANS[2], 10, 4)):
        two.windows[filter_] = type(two.windows[filter_])(blocks)
        nodes[1].asked.clear()
        assert found(await read(chain, span, quick)) == truth(fake, span)
        assert (nodes[1].asked["eth_getLogs"] == 1) == (questions == 1)
