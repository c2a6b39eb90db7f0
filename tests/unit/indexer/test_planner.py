"""Which range comes next."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.model import Cursor
from indexer.planner import LINKED_BLOCKS, plan

HASHES = [None, b"\x01" * 32, b"\x02" * 32]


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.builds(Cursor, st.integers(-1, 50), st.sampled_from(HASHES), st.none())
    ),
    st.integers(-1, 200),
    st.integers(-1, 200),
    st.integers(1, 40),
)
def test_ranges_tile(cursors: dict[str, Cursor], target: int, finalized: int, window: int) -> None:
    """Stepping until nothing is left covers every stream's blocks exactly once, and nobody overtakes."""
    covered: dict[str, list[int]] = {name: [] for name in cursors}
    at = dict(cursors)
    while (todo := plan(at, target, finalized, window)) is not None:
        assert len(todo.range) <= (min(window, LINKED_BLOCKS) if todo.linked else window)
        assert todo.linked == (todo.range.first > finalized)
        assert todo.linked or todo.range.last <= finalized
        behind = min(one.number for one in at.values())
        assert todo.range.first == behind + 1
        others = [one.number for name, one in at.items() if name not in todo.streams and one.number > behind]
        assert todo.range.last <= min(others, default=todo.range.last)
        for name in todo.streams:
            covered[name] += range(todo.range.first, todo.range.last + 1)
            at[name] = Cursor(todo.range.last, b"\x03" * 32, 0)
    for name, cursor in cursors.items():
        assert covered[name] == list(range(cursor.number + 1, target + 1))


def test_streams_at_one_block_of_two_forks_go_apart() -> None:
    """The same number with another hash is another place."""
    cursors = {"a": Cursor(5, HASHES[1], 0), "b": Cursor(5, HASHES[2], 0), "c": Cursor(5, HASHES[1], 0)}
    todo = plan(cursors, 10, 10, 100)
    assert todo is not None
    assert todo.streams == ("a", "c")
