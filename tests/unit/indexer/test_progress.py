"""A backfill says how far it is, how fast, and what it waits for."""

from unittest.mock import MagicMock

import pytest

from indexer.catch_up import bar
from indexer.horizon import Horizon
from indexer.metrics import ChainState
from indexer.model import BlockRef, Committed, Cursor, Range, Timing
from indexer.progress import WINDOW_S, Pace, Progress, span
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, chain_of


def _step(timing: Timing) -> Committed:
    return Committed("base", ("p/c",), Range(0, 99), BlockRef(99, bytes(32), bytes(32), 0), {"Sold": 40}, timing, 0.0)


@pytest.mark.parametrize(
    ("timing", "on"),
    [
        (Timing(fetch_s=9, waited_s=3, decode_s=1, store_s=2), "node"),
        (Timing(fetch_s=9, waited_s=0, decode_s=1, store_s=2, decoder_s=2), "decode"),
        (Timing(fetch_s=9, waited_s=1, decode_s=1, store_s=2), "database"),
    ],
)
def test_what_most_time_is_lost_to(timing: Timing, on: str) -> None:
    """The bar names that of node, decoder and database which the last commits waited for longest."""
    pace = Pace()
    pace.note(_step(timing), now=5.0)
    told = Progress(99, 100, 1.0, pace.events_per_s(6.0), pace.blocks_per_s(6.0), waits_for=pace.waits_for(6.0))
    assert bar("base", 0.5, told) == (
        f"base [###############...............]  50.0 %  block 99  40 ev/s  ETA 1s, waits for {on}"
    )


def test_nothing_is_waited_for() -> None:
    """Without a commit in the last seconds nothing is named, and at the tip it is done."""
    pace = Pace()
    pace.note(_step(Timing(waited_s=3)), now=5.0)
    assert pace.waits_for(50.0) == ""
    assert bar("base", 1.0, Progress(99, 0, 1.0, 0.0, 0.0, waits_for="node")).endswith("done")


def test_what_is_waited_for_while_nothing_moves() -> None:
    """What fails is named before what the last commits waited for, and that before what is under way."""
    hands, worker = Hands(), MagicMock(seen={"shop/token": Cursor(-1, None, None)}, waits_for="")
    state = ChainState("base", MagicMock(tip=MagicMock(number=99), looked_at=hands.at), [worker], 1.0)

    def told() -> str:
        return bar("base", state.done_ratio(), state.progress(hands.clock())).partition("]")[2]

    worker.streams = {"shop/token": MagicMock(start_block=0)}
    assert told() == "   0.0 %  not begun  0 ev/s  ETA unknown"
    worker.waits_for = "node"
    assert told() == "   0.0 %  not begun  0 ev/s  ETA unknown, waits for node"
    state.pace.note(_step(Timing(decode_s=1)), hands.at)
    assert told().endswith("waits for decode")
    state.failing = "database"
    assert told().endswith("waits for database")
    hands.at, state.failing = hands.at + 60, ""
    assert told().endswith("waits for node")


def test_a_scrape_changes_nothing() -> None:
    """Who reads the pace, from whichever thread and with whichever time, takes nothing away from the next reader."""
    pace, marks = Pace(), []
    for at in range(5):
        pace.note(_step(Timing(waited_s=1)), now=float(at))
        marks.append(pace._marks)
    before = pace.events_per_s(6.0), pace.blocks_per_s(6.0), pace.waits_for(6.0)
    assert (pace.events_per_s(1e9), pace.blocks_per_s(1e9), pace.waits_for(1e9)) == (0.0, 0.0, "")
    assert (pace.events_per_s(6.0), pace.blocks_per_s(6.0), pace.waits_for(6.0)) == before == (200 / 6, 500 / 6, "node")
    assert [len(one) for one in marks] == [1, 2, 3, 4, 5], "a reader's marks do not change under it"


def test_only_the_last_seconds_are_kept() -> None:
    """What is older than the window is let go of with the next commit."""
    pace = Pace()
    for at in range(100):
        pace.note(_step(Timing()), now=float(at))
    assert len(pace._marks) == WINDOW_S + 1


async def test_ready_only_while_a_node_tells_the_head() -> None:
    """At the tip a chain whose node answers is ready, whether the chain moves or not; when nobody has told the head for
    the lag threshold and a poll it waits, and is ready again with the first answer."""
    hands = Hands()
    horizon = Horizon(chain_of(FakeNode(busy_chain(1))), hands.clock())
    tip = await horizon.look()
    worker = MagicMock(seen={"shop/token": Cursor(tip.number, tip.hash, tip.time)}, waits_for="")
    state = ChainState("base", horizon, [worker], lag_threshold_s=20.0, poll_s=2.0)

    def told() -> tuple[bool, str]:
        progress = state.progress(hands.clock())
        assert progress is not None
        return progress.ready, str(progress)

    for _ in range(100):
        hands.at += 22
        await horizon.look()
        assert told() == (True, f"READY block {tip.number} lag {span(hands.at - tip.time)} 0 ev/s")
    hands.at += 22
    assert told()[0]
    hands.at += 1
    assert told() == (False, f"WAITING block {tip.number}: head last seen 23s ago")
    state.failing = "node"
    hands.at += 60
    assert told() == (False, f"WAITING block {tip.number}: head last seen 1m23s ago, waits for node")
    await horizon.look()
    assert told()[0]
