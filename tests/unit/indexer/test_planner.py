"""Which range comes next."""

from hypothesis import example, given
from hypothesis import strategies as st

from indexer.model import Cursor
from indexer.planner import LINKED_BLOCKS, plan

HASHES = [None, b"\x01" * 32, b"\x02" * 32]


NAMES = st.sampled_from("abcdef")


@given(
    st.dictionaries(NAMES, st.builds(Cursor, st.integers(-1, 50), st.sampled_from(HASHES), st.none())),
    st.integers(-1, 200),
    st.integers(-1, 200),
    st.integers(1, 40),
    st.dictionaries(NAMES, st.integers(-1, 250)),
)
@example({"child": Cursor(100, None, None), "other": Cursor(100, None, None)}, 110, 90, 10, {"child": 50})
@example({"child": Cursor(100, None, None), "other": Cursor(100, None, None)}, 110, 120, 10, {"child": 100})
@example({"child": Cursor(60, None, None)}, 50, 50, 10, {"child": 100})
def test_ranges_tile(
    cursors: dict[str, Cursor], target: int, finalized: int, window: int, walls: dict[str, int]
) -> None:
    """Stepping until nothing is left covers every stream's blocks up to its wall exactly once, and nobody overtakes
    who may still move."""
    covered: dict[str, list[int]] = {name: [] for name in cursors}
    at = dict(cursors)
    end = {name: min(target, walls.get(name, target)) for name in cursors}
    while (todo := plan(at, target, finalized, window, walls)) is not None:
        assert len(todo.range) <= (min(window, LINKED_BLOCKS) if todo.linked else window)
        assert todo.linked == (todo.range.first > finalized)
        assert todo.linked or todo.range.last <= finalized
        behind = min(one.number for name, one in at.items() if one.number < end[name])
        assert todo.range.first == behind + 1
        others = [one.number for name, one in at.items() if name not in todo.streams and one.number > behind]
        assert todo.range.last <= min(others, default=todo.range.last)
        for name in todo.streams:
            covered[name] += range(todo.range.first, todo.range.last + 1)
            at[name] = Cursor(todo.range.last, b"\x03" * 32, 0)
    for name, cursor in cursors.items():
        assert covered[name] == list(range(cursor.number + 1, end[name] + 1))


def test_streams_at_one_block_of_two_forks_go_apart() -> None:
    """The same number with another hash is another place."""
    cursors = {"a": Cursor(5, HASHES[1], 0), "b": Cursor(5, HASHES[2], 0), "c": Cursor(5, HASHES[1], 0)}
    todo = plan(cursors, 10, 10, 100)
    assert todo is not None
    assert todo.streams == ("a", "c")
