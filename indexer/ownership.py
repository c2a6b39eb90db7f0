"""Tell which rows of a table are a stream's own, where annexes fill the same table."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.streams import Stream


def own(stream: Stream, first: int) -> tuple[str, Sequence[object]]:
    """A condition on rows for the end of a WHERE, and its arguments, whose placeholders begin with `$<first>`.

    Invariant: of the streams that share a table every address belongs to one; what no config names is a factory's.
    """
    if stream.beside is None:
        return "", ()
    sql = f" and (address = any(${first}::bytea[]) or not address = any(${first + 1}::bytea[]))"
    return sql, (list(stream.addresses), list(stream.beside) if stream.parent is not None else None)
