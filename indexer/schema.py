"""Turn event specs into tables and report where a table has drifted from its event.

| ABI | Postgres |
|--|--|
| `uint8`…`uint56`, `int8`…`int64` | `bigint` |
| wider integers | `numeric(78,0)` |
| `fixedMxN`, `ufixedMxN` | `numeric` |
| `bool` | `boolean` |
| `address`, `bytesN`, `bytes`, `function` | `bytea` |
| `string` | `text` (see `indexer.text`) |
| arrays and structs | `jsonb` (see `indexer.json_form`) |
| an indexed `string`, `bytes`, array or struct | `bytea`: its keccak hash, all that the chain keeps |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.events import EventSpec, Param, Scalar
from indexer.naming import column_names, quoted, shortened
from shared.naming import snake_case

META = (
    ("chain_id", "bigint"),
    ("block_number", "bigint"),
    ("log_index", "bigint"),
    ("block_time", "timestamp with time zone"),
    ("block_hash", "bytea"),
    ("tx_hash", "bytea"),
    ("address", "bytea"),
)
KEY = ("chain_id", "block_number", "log_index")


@dataclass(frozen=True, slots=True)
class Column:
    """One ABI input as a column."""

    name: str
    type: str
    param: Param


@dataclass(frozen=True, slots=True)
class Table:
    """One event's table. Shape: the columns of `META`, then one per ABI input in its order."""

    schema: str
    name: str
    event: EventSpec
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        return (*(name for name, _ in META), *(column.name for column in self.columns))

    @property
    def types(self) -> Mapping[str, str]:
        return dict(META) | {column.name: column.type for column in self.columns}

    @property
    def qualified(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between an event and its table. `remedy` is a statement, or None: only indexing again helps."""

    table: str
    problem: str
    remedy: str | None


def tables(schema: str, contract: str, events: Sequence[EventSpec]) -> tuple[Table, ...]:
    """One table per event, `<contract>_<event>`; overloads also carry their types, and layouts what is indexed."""
    names = Counter(event.name for event in events)
    signatures = Counter(event.signature for event in events)
    out: list[Table] = []
    for event in events:
        parts = [snake_case(contract), snake_case(event.name) or "anonymous"]
        if names[event.name] > 1:
            parts.append(snake_case(event.signature[len(event.name) :]))
        if signatures[event.signature] > 1:
            parts += ["indexed", *(str(place) for place, param in enumerate(event.inputs) if param.indexed)]
        out.append(Table(schema, _distinct("_".join(filter(None, parts)), out), event, _columns(event)))
    return tuple(out)


def create_table(table: Table) -> str:
    """The statement that makes the table."""
    columns = [f"{quoted(name)} {kind} not null" for name, kind in table.types.items()]
    key = ", ".join(quoted(name) for name in KEY)
    return f"create table if not exists {table.qualified} (\n  {', '.join(columns)},\n  primary key ({key})\n)"


def describe(table: Table) -> str:
    """The comment that says which event the table holds."""
    return f"{table.event.full_signature}"


def drift(table: Table, actual: Sequence[tuple[str, str, bool]]) -> tuple[Drift, ...]:
    """How an existing table differs from its event.

    Shape: `actual` is (column, type, must be given) in the table's order. Further columns that need no value are the
    user's own business.
    """
    have = {name: kind for name, kind, _ in actual}
    want = table.types
    missing = [name for name in want if name not in have]
    extra = [name for name, _, _ in actual if name not in want]
    found = [_retyped(table, name, have[name], want[name]) for name in want if have.get(name, want[name]) != want[name]]
    for name in missing:
        renamed = next((other for other in extra if _same_place(table, actual, name, other)), None)
        if renamed is None:
            found.append(Drift(str(table), f"column {name} {want[name]} is missing", None))
            continue
        extra.remove(renamed)
        remedy = f"ALTER TABLE {table.qualified} RENAME COLUMN {quoted(renamed)} TO {quoted(name)};"
        found.append(Drift(str(table), f"column {renamed} is called {name} in the ABI", remedy))
    demanding = {name for name, _, required in actual if required}
    for name in extra:
        if name in demanding:
            remedy = f"ALTER TABLE {table.qualified} ALTER COLUMN {quoted(name)} DROP NOT NULL;"
            found.append(Drift(str(table), f"column {name} is not in the ABI but demands a value", remedy))
    return tuple(found)


def column_type(param: Param) -> str:
    """The Postgres type of an ABI input."""
    kind = param.type
    if param.hashed:
        return "bytea"
    if not isinstance(kind, Scalar):
        return "jsonb"
    match kind.kind:
        case "uint" | "int":
            return "bigint" if kind.size - (kind.kind == "int") <= 63 else "numeric(78,0)"
        case "fixed" | "ufixed":
            return "numeric"
        case "bool":
            return "boolean"
        case "string":
            return "text"
        case _:
            return "bytea"


def _columns(event: EventSpec) -> tuple[Column, ...]:
    names = column_names([param.name for param in event.inputs], [name for name, _ in META])
    return tuple(Column(name, column_type(param), param) for name, param in zip(names, event.inputs, strict=True))


def _distinct(name: str, others: Sequence[Table]) -> str:
    name, taken, number = shortened(name), {table.name for table in others}, 2
    candidate = name
    while candidate in taken:
        candidate, number = shortened(f"{name}_{number}"), number + 1
    return candidate


def _retyped(table: Table, name: str, have: str, want: str) -> Drift:
    widening = have in ("smallint", "integer", "bigint") and want in ("integer", "bigint", "numeric(78,0)", "numeric")
    remedy = f"ALTER TABLE {table.qualified} ALTER COLUMN {quoted(name)} TYPE {want};" if widening else None
    return Drift(str(table), f"column {name} is {have}, the ABI makes it {want}", remedy)


def _same_place(table: Table, actual: Sequence[tuple[str, str, bool]], name: str, other: str) -> bool:
    """Whether column `other` stands where `name` should and has its type: it was renamed."""
    names, want = [entry[0] for entry in actual], list(table.types)
    return want.index(name) == names.index(other) and table.types[name] == actual[names.index(other)][1]
