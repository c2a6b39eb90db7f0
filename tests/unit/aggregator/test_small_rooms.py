"""Rates, limits, caches, resources."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.api import keyset
from aggregator.api.cache import Body, Cache
from aggregator.api.operation import bind
from aggregator.api.problems import Refused
from aggregator.api.resources import KINDS, Resource, load, operations, problems_of
from aggregator.merge import read
from aggregator.model import Fetched, Sweep, Target
from aggregator.status.samples import Facts, Rates, facts_of
from shared.errors import ConfigError
from tests.fakes.clock import Hands

EVENTS = "usdx_indexer_events_processed_total"
WEXEL = Path(__file__).parents[3] / "protocols" / "wexel"


def test_rates_are_growth_over_time() -> None:
    """A rate is the growth of a counter in the last half minute; a restart begins anew."""
    rates = Rates()
    for second in range(0, 60, 2):
        rates.note(Facts(float(second), {(EVENTS, "base"): second * 10.0}))
    assert rates.per_s(EVENTS, "base") == pytest.approx(10.0)
    rates.note(Facts(60.0, {(EVENTS, "base"): 3.0}))
    assert rates.per_s(EVENTS, "base") is None
    rates.note(Facts(62.0, {(EVENTS, "base"): 13.0}))
    assert rates.per_s(EVENTS, "base") == pytest.approx(5.0)
    rates.note(Facts(64.0, {}))
    assert rates.per_s(EVENTS, "base") is None


@pytest.mark.parametrize(
    ("braced", "chain"),
    [
        ('chain="b",type="x"', "b"),
        ('chain="",type="x"', ""),
        (r'chain="b\"c"', 'b"c'),
        ('type="x,chain=",chain="b"', "b"),
        ('type="x"', ""),
        ("", ""),
    ],
)
def test_a_chain_wherever_it_stands(braced: str, chain: str) -> None:
    """The label is found first or last, escaped or missing, and never within another one's value."""
    facts = facts_of(Sweep(1.0, (Fetched(Target("i", "a:1", ""), 0.1, read(f"{EVENTS}{{{braced}}} 2\n")),)))
    assert facts.get(EVENTS, chain) == 2


def test_facts_add_counters_and_take_the_largest_state() -> None:
    """Several series of a chain are one fact."""
    text = f'# TYPE {EVENTS} counter\n{EVENTS}{{chain="b",type="x"}} 2\n{EVENTS}{{chain="b",type="y"}} 3\n'
    text += 'usdx_indexer_chain_head_block{chain="b"} 7\nother{chain="b"} 1\n'
    target = Target("indexer", "a:1", "")
    facts = facts_of(Sweep(1.0, (Fetched(target, 0.1, read(text)), Fetched(target, 0.1, None, "timeout"))))
    assert facts.get(EVENTS, "b") == 5
    assert facts.get("usdx_indexer_chain_head_block", "b") == 7
    assert facts.get("other", "b") is None


class Asked:
    """A question that counts how often it was really answered, each answer taking `cost_s`; the `failing`-th fails."""

    def __init__(self, hands: Hands, cost_s: float = 0.0, failing: int = 0) -> None:
        self.times = 0
        self._hands, self._cost_s, self._failing = hands, cost_s, failing

    async def answer(self) -> Body:
        self.times += 1
        await asyncio.sleep(0)
        self._hands.at += self._cost_s
        if self.times == self._failing:
            raise Refused("unavailable", "x")
        return Body(b"%d" % self.times, "")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_cache_asks_once() -> None:
    """Who asks the same within half a second gets the same answer; for half a second more they still do, while it is
    asked anew; failures are asked again."""
    hands = Hands()
    asked = Asked(hands, failing=4)
    cache = Cache(hands.clock())

    async def get() -> bytes:
        return (await cache.get("q", asked.answer)).json

    assert set(await asyncio.gather(*(get() for _ in range(5)))) == {b"1"}
    hands.at += 0.6
    assert [await get(), await get()] == [b"1", b"1"]
    await settle()
    assert (await get(), asked.times) == (b"2", 2)
    hands.at += 1.1
    assert await get() == b"3"
    hands.at += 1.1
    with pytest.raises(Refused):
        await get()
    assert await get() == b"5"


async def test_what_changed_is_asked_anew() -> None:
    """After a change nobody gets an answer that was begun before it, whether at hand, being made, or being made anew;
    who asked before it still gets his, and other questions are not touched."""
    hands, gate, times = Hands(), asyncio.Event(), 0

    async def answer() -> Body:
        nonlocal times
        times += 1
        mine = times
        if mine in (2, 4):
            await gate.wait()
        return Body(b"%d" % mine, "")

    cache = Cache(hands.clock())
    assert (await cache.get("alerts a", answer)).json == b"1"
    cache.forget("alerts ")
    early = asyncio.ensure_future(cache.get("alerts a", answer))
    await settle()
    cache.forget("alerts ")
    assert (await cache.get("alerts a", answer)).json == b"3"
    hands.at += 0.6
    await cache.get("alerts a", answer)
    await settle()
    cache.forget("alerts ")
    assert (await cache.get("alerts a", answer)).json == b"5"
    gate.set()
    await settle()
    assert ((await early).json, (await cache.get("alerts a", answer)).json) == (b"2", b"5")
    cache.forget("prices ")
    assert (await cache.get("alerts a", answer)).json == b"5"


async def test_nobody_waits_for_a_slow_database_at_once() -> None:
    """While a new answer is long in coming the old one is given for three seconds more; then all wait for the new."""
    hands, gate, times = Hands(), asyncio.Event(), 0

    async def answer() -> Body:
        nonlocal times
        times += 1
        if times > 1:
            await gate.wait()
        return Body(b"%d" % times, "")

    cache = Cache(hands.clock())
    assert (await cache.get("q", answer)).json == b"1"
    for pause_s in (0.6, 1.0, 2.0):
        hands.at += pause_s
        assert (await cache.get("q", answer)).json == b"1"
        await settle()
    hands.at += 1.0
    waiting = asyncio.ensure_future(cache.get("q", answer))
    await settle()
    assert not waiting.done()
    gate.set()
    assert ((await waiting).json, times) == (b"2", 2)


async def test_what_is_dear_is_asked_seldom() -> None:
    """However dear a question and however often it is asked, answering takes a twentieth of the time, and nobody but
    the first waits for it; no answer is kept beyond two minutes."""
    hands = Hands()
    asked = Asked(hands, cost_s=1.0)
    cache = Cache(hands.clock())
    began = hands.at
    for _ in range(2_000):
        await cache.get("q", asked.answer)
        await settle()
        hands.at += 0.1
    assert 5 <= asked.times <= (hands.at - began) / 20 + 1
    hands.at += 121
    times = asked.times
    await cache.get("q", asked.answer)
    assert asked.times == times + 1


def resource(**changes: Any) -> Resource:
    fields: dict[str, Any] = {
        "path": "things",
        "view": "x.things",
        "one": "Thing",
        "summary": "Things",
        "columns": {"id": "id", "at": "time", "gone": "time?"},
        "sort": "id",
        "sorts": {"id": ["id"]},
    }
    return Resource(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"view": "things; drop table x"}, "schema.name"),
        ({"columns": {"id": "uuid"}}, "cannot be"),
        ({"columns": {"a b": "id"}}, "no SQL name"),
        ({"filters": ["nope"]}, "no column"),
        ({"columns": {"id": "id", "all": "labels"}, "sorts": {"id": ["all"]}}, "which is JSON"),
        ({"columns": {"id": "id", "all": "json?"}, "filters": ["all"]}, "which is JSON"),
        ({"sorts": {"id": ["gone"]}}, "can be missing"),
        ({"sort": "-other"}, "none of sorts"),
        ({"key": "id"}, "column chain"),
    ],
)
def test_wrong_resources_are_named(changes: dict[str, Any], words: str) -> None:
    """Each mistake in an api.toml is one sentence that names it."""
    assert any(words in problem for problem in problems_of(resource(**changes)))


def test_whatever_is_accepted_can_be_paged() -> None:
    """A page token can carry every kind of column that an api.toml may sort by."""
    for name, kind in KINDS.items():
        accepted = not problems_of(resource(columns={"id": "id", "x": name}, sorts={"id": ["x", "id"]}))
        assert accepted == (kind.key in keyset.READ)


def test_right_resources(tmp_path: Path) -> None:
    """The shipped api.toml is right; a broken one is refused with its name."""
    assert all(problems_of(one) == [] for one in load(WEXEL))
    assert problems_of(resource()) == []
    assert load(tmp_path) == ()
    (tmp_path / "api.toml").write_text("[[resources]]\npath = 1")
    with pytest.raises(ConfigError, match=r"api\.toml"):
        load(tmp_path)


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=3))
def test_any_query_is_read_or_refused(given_: list[tuple[str, str]]) -> None:
    """Random parameters are refused with the parameter's name, never another error."""
    for one in operations(load(WEXEL)[0], None, "x"):
        with suppress(Refused):
            bind(one.asked, given_)
