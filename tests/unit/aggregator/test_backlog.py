"""What a client of the stream that comes back is told."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.stream.backlog import Backlog
from aggregator.stream.messages import MISSED

EPOCH = "0123abcd"
ALL = frozenset({"event", "price", "status"})
TOPIC = st.sampled_from(["event", "price", "status"])


def ids_of(frames: bytes) -> list[str]:
    return re.findall(r"^id: (\S+)$", frames.decode(), re.MULTILINE)


def missed_of(backlog: Backlog, last_id: str, topics: frozenset[str] = ALL) -> list[str]:
    """The topics of which a client is told that it missed something."""
    first = next(backlog.since(last_id, topics), b"")
    if not first.startswith(f"event: {MISSED}\n".encode()):
        return []
    return list(msgspec.json.decode(first.partition(b"data: ")[2])["topics"])


@given(
    st.lists(st.tuples(st.sampled_from(["say", "skip", "come back"]), TOPIC, st.integers(0, 9)), max_size=60),
    st.sets(TOPIC, min_size=1),
)
def test_a_client_hears_all_or_knows_that_it_did_not(steps: list[tuple[str, str, int]], wants: set[str]) -> None:
    """However often and wherever a client is cut off, it is sent every message of its topics once and in order, or is
    told on which of them it missed something, and never on others or without a cause."""
    backlog, topics = Backlog(EPOCH, kept_messages=5), frozenset(wants)
    last_id, due, lost = ids_of(backlog.mark)[0], list[str](), set[str]()
    for what, topic, heard in steps:
        if what == "say":
            message = backlog.add(topic, b"1")
            if topic in topics and topic != "status":
                due += ids_of(message)
        elif what == "skip" and topic != "status":
            backlog.skip((topic,))
            lost |= {topic} & topics
        elif what == "come back":
            told = missed_of(backlog, last_id, topics)
            assert lost <= set(told) <= topics - {"status"}
            frames = [one for one in backlog.since(last_id, topics) if ids_of(one)]
            found = [ids_of(one)[0] for one in frames]
            assert found == due[len(due) - len(found) :]
            assert bool(told) == bool(lost or len(found) < len(due))
            whole = heard > len(frames)
            last_id = ids_of(backlog.mark)[0] if whole else [last_id, *found][heard]
            due = [] if whole else found[heard:]
            lost = set() if whole else set(told) & set(missed_of(backlog, last_id, topics))


@pytest.mark.parametrize(
    "last_id", ["other", "other-1", "ffffffff-1", f"{EPOCH}-", f"{EPOCH}--1", f"{EPOCH}-7", f"{EPOCH}-" + "9" * 5000]
)
def test_who_comes_with_a_strange_id_is_told_so(last_id: str) -> None:
    """An id of another life of the process, of the future, or of nobody's: something may have been missed, and all
    that is known follows. Who wants states only missed nothing."""
    backlog = Backlog(EPOCH)
    frames = [backlog.add(topic, b"1") for topic in ("event", "price", "event")]
    assert missed_of(backlog, last_id) == ["event", "price"]
    assert list(backlog.since(last_id, ALL))[1:] == frames
    assert missed_of(backlog, last_id, frozenset({"status"})) == []


def test_news_of_other_topics_push_nothing_out() -> None:
    """A client of a quiet topic missed nothing, however much was said on the others."""
    backlog = Backlog(EPOCH, kept_messages=5)
    backlog.add("price", b"1")
    (seen,) = ids_of(backlog.mark)
    for _ in range(50):
        backlog.add("event", b"1")
    assert missed_of(backlog, seen) == ["event"]
    assert list(backlog.since(seen, frozenset({"price"}))) == []


def test_a_newcomer_missed_nothing() -> None:
    """A client without an id is sent the present states alone."""
    backlog = Backlog(EPOCH)
    backlog.add("event", b"1")
    backlog.add("status", b"1")
    newest = backlog.add("status", b"2")
    assert list(backlog.since("", ALL)) == [newest]
    assert b"id: " not in newest
