"""A backfill says how far it is, how fast, and what it waits for."""

from unittest.mock import MagicMock

import pytest

from indexer.catch_up import bar
from indexer.metrics import ChainState
from indexer.model import BlockRef, Committed, Cursor, Range, Timing
from indexer.progress import WINDOW_S, Pace, Progress
from tests.fakes.clock import Hands


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
    state = ChainState("base", MagicMock(tip=MagicMock(number=99)), [worker], 1.0)

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
