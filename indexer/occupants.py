"""Tell which tables hold another event than the ABI gives them now.

Events whose names come to the same in SQL are told apart by a number that goes by their order in the ABI. So an order
that changed, or an event that came or went, would let two events share a table whose columns fit both. Which event a
table was made for says its comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from indexer.errors import BadAbi
from indexer.events import EventSpec
from indexer.naming import quoted, shortened
from indexer.schema import Drift, Table
from indexer.signature import parse_signature

_NUMBER = re.compile(r"_\d+$")


def misplaced(tables: Sequence[Table], comments: Mapping[str, str | None]) -> dict[Table, Drift]:
    """The tables that hold another event, with what moves all rows of such a group to where they belong.

    Shape: `comments` by table, of those that are there. A comment that is no event is the user's own and says nothing.
    """
    groups: dict[tuple[str, str], list[Table]] = {}
    for table in tables:
        groups.setdefault((table.schema, _NUMBER.sub("", table.name)), []).append(table)
    return {table: one for group in groups.values() for table, one in _in_group(group, comments).items()}


def _in_group(group: Sequence[Table], comments: Mapping[str, str | None]) -> dict[Table, Drift]:
    homes = {_identity(table.event): table for table in group}
    held: dict[Table, EventSpec] = {}
    for table in group:
        event = _event(comments.get(str(table)))
        if event is not None and _is_another(event, table.event, homes):
            held[table] = event
    remedy = _moves(held, homes, comments) if held else None
    return {
        table: Drift(str(table), f"holds {event.signature}, but is the table of {table.event.signature} now", remedy)
        for table, event in held.items()
    }


def _event(comment: str | None) -> EventSpec | None:
    try:
        return parse_signature(comment or "")
    except BadAbi:
        return None


def _identity(event: EventSpec) -> tuple[str, bool]:
    return event.signature, event.anonymous


def _is_another(held: EventSpec, wanted: EventSpec, homes: Mapping[tuple[str, bool], Table]) -> bool:
    """Whether it is another event, and not the same one with types that the ABI was mended in."""
    return _identity(held) != _identity(wanted) and (held.name != wanted.name or _identity(held) in homes)


def _moves(
    held: Mapping[Table, EventSpec], homes: Mapping[tuple[str, bool], Table], comments: Mapping[str, str | None]
) -> str | None:
    """The statements that give every table the name of what it holds; an event that is wanted no more goes aside."""
    to = {table: homes.get(_identity(event)) for table, event in held.items()}
    if any(home is not None and home not in held and str(home) in comments for home in to.values()):
        return None  # that event has a table of its own already
    names = {table: home.name if home else shortened(f"{table.name}_before") for table, home in to.items()}
    if not any(home in held for home in to.values()):
        return " ".join(_rename(table, table.name, name) for table, name in names.items())
    between = {table: shortened(f"{table.name}_moving") for table in held}
    return " ".join(
        [_rename(table, table.name, between[table]) for table in held]
        + [_rename(table, between[table], name) for table, name in names.items()]
    )


def _rename(table: Table, old: str, new: str) -> str:
    return f"ALTER TABLE {quoted(table.schema)}.{quoted(old)} RENAME TO {quoted(new)};"
