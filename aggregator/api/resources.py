"""Make operations of the views that a protocol's api.toml shows: pages with filters and sorts, and single things."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from aggregator.api.answers import (
    Address,
    After,
    Amount,
    ChainName,
    Hash,
    Id,
    Instant,
    Item,
    Limit,
    Page,
    as_of,
)
from aggregator.api.keyset import Key, choices, order
from aggregator.api.operation import Operation
from aggregator.api.problems import Refused
from shared.db import Connection
from shared.errors import ConfigError

FILE = "api.toml"
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_VIEW = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class Resource(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One view as api.toml describes it."""

    path: str
    view: str
    one: str
    summary: str
    columns: dict[str, str]
    sort: str
    sorts: dict[str, list[str]]
    key: str | None = None
    filters: list[str] = []
    ranges: list[str] = []


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[Resource] = []


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type of api.toml: how it is read from SQL, typed in answers, and compared with a parameter."""

    sql: str
    type: Any
    key: str

    json: bool = False

    @property
    def asked(self) -> Any:
        """The type of a parameter that is compared with it."""
        return Annotated[str, msgspec.Meta(max_length=64)] if self.type is str else self.type

    def shown(self, value: Any) -> Any:
        """What a value from SQL is in the answer."""
        return msgspec.Raw(value.encode()) if self.json and value is not None else value

    def argument(self, value: Any) -> Any:
        """What a parameter's value is to SQL."""
        if self.key == "numeric":
            return Decimal(value)
        if self.key == "bytea":
            return bytes.fromhex(value.removeprefix("0x"))
        return value


KINDS: Mapping[str, Kind] = {
    "id": Kind("{}::text", Id, "numeric"),
    "amount": Kind("{}::text", Amount, "numeric"),
    "integer": Kind("{}::bigint", Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)], "bigint"),
    "number": Kind("{}::float8", float, "float8"),
    "address": Kind("'0x' || encode({}, 'hex')", Address, "bytea"),
    "hash": Kind("'0x' || encode({}, 'hex')", Hash, "bytea"),
    "time": Kind("{}", Instant, "timestamptz"),
    "text": Kind("{}", str, "text"),
    "boolean": Kind("{}", bool, "boolean"),
    "labels": Kind("{}", dict[str, str], "jsonb", json=True),
    "json": Kind("{}", Any, "jsonb", json=True),
}

JSON = frozenset(name + missing for name, kind in KINDS.items() if kind.json for missing in ("", "?"))


def load(folder: Path) -> tuple[Resource, ...]:
    """The resources of a protocol folder, none when it has no api.toml. Raises ConfigError naming file and key."""
    path = folder / FILE
    if not path.exists():
        return ()
    try:
        resources = msgspec.convert(tomllib.loads(path.read_text()), _Document).resources
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    problems = [f"{path}: resource {one.path}: {problem}" for one in resources for problem in problems_of(one)]
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(resources)


def problems_of(resource: Resource) -> list[str]:
    """What is wrong with a resource, one sentence each."""
    wrong = [] if _VIEW.fullmatch(resource.view) else [f"view must be schema.name, not {resource.view!r}"]
    wrong += [f"column {name!r} is no SQL name" for name in resource.columns if not _WORD.fullmatch(name)]
    for name, text in resource.columns.items():
        if text.removesuffix("?") not in KINDS and not re.fullmatch(r"[a-z_]+(\|[a-z_]+)+\??", text):
            wrong.append(f"column {name} cannot be a {text!r}; there are {', '.join(KINDS)} and words|between|bars")
    named = {"filters": resource.filters, "ranges": resource.ranges, "key": [resource.key] if resource.key else []}
    named |= {f"sorts.{name}": columns for name, columns in resource.sorts.items()}
    for where, columns in named.items():
        wrong += [f"{where} names {name!r}, which is no column" for name in columns if name not in resource.columns]
        wrong += [f"{where} names {name!r}, which is JSON" for name in columns if resource.columns.get(name) in JSON]
    if resource.key is not None and resource.columns.get("chain") != "text":
        wrong.append('key needs the column chain = "text": two chains may have such a thing')
    for name, columns in resource.sorts.items():
        wrong += [
            f"sorts.{name} uses {column}, which can be missing"
            for column in columns
            if resource.columns.get(column, "").endswith("?")
        ]
    if resource.sort.removeprefix("-") not in resource.sorts:
        wrong.append(f"sort is {resource.sort!r}, which is none of sorts")
    return wrong


def operations(resource: Resource, keys: Sequence[str] | None, tag: str) -> tuple[Operation, ...]:
    """The page of a resource, and the single thing if it has a key. `keys` are those of its protocol in the config."""
    row = _row_type(resource)
    page = _page(resource, keys, tag, _of(Page, row))
    if resource.key is None:
        return (page,)
    return page, _item(resource, keys, tag, _of(Item, row), resource.key)


def _page(resource: Resource, keys: Sequence[str] | None, tag: str, answer: Any) -> Operation:
    sorts = {name: tuple(_key(resource, column) for column in columns) for name, columns in resource.sorts.items()}
    select = _select(resource)
    limits = _conditions(resource)
    asked = _page_parameters(resource, choices(sorts))
    shape = _shaped(resource)

    async def handler(cx: Connection, asked: Any) -> Page[Any]:
        by = order(asked.sort, sorts)
        conditions, arguments = [], list[object]()
        for name, condition, kind in limits:
            if (value := getattr(asked, name)) is not None:
                arguments.append(kind.argument(value))
                conditions.append(condition.format(len(arguments)))
        if asked.after is not None:
            conditions.append(by.behind(len(arguments) + 1))
            arguments += by.values(asked.after)
        where = f"where {' and '.join(conditions)} " if conditions else ""
        shadow = ", ".join(f"{key.column} as _key{n}" for n, key in enumerate(by.keys))
        rows = await cx.fetch(
            f"select {select}, {shadow} from {resource.view} v {where}order by {by.sql} limit {asked.limit + 1}",  # noqa: S608 (names from api.toml, values as arguments)
            *arguments,
            on=resource.view.partition(".")[2],
        )
        shown = rows[: asked.limit]
        more = len(rows) > asked.limit
        return Page(
            [shape(one) for one in shown],
            by.token([shown[-1][f"_key{n}"] for n in range(len(by.keys))]) if more else None,
            await as_of(cx, keys),
        )

    return Operation(
        "GET",
        f"/{resource.path}",
        handler,
        asked,
        answer,
        summary=f"{resource.summary}.",
        tag=tag,
    )


def _item(resource: Resource, keys: Sequence[str] | None, tag: str, answer: Any, key: str) -> Operation:
    kind, shape = kind_of(resource.columns[key]), _shaped(resource)
    sql = (
        f"select {_select(resource)} from {resource.view} v "  # noqa: S608 (names from api.toml, values as arguments)
        f"where v.{key} = $1::{kind.key} and ($2::text is null or v.chain = $2) order by v.chain limit 2"
    )

    async def handler(cx: Connection, asked: Any) -> Item[Any]:
        rows = await cx.fetch(sql, kind.argument(getattr(asked, key)), asked.chain, on=resource.view.partition(".")[2])
        if not rows:
            raise Refused("not-found", f"no {resource.one.lower()} has the {key} {getattr(asked, key)}", key)
        if len(rows) > 1:
            chains = " and ".join(one["chain"] for one in rows)
            raise Refused("ambiguous", f"there is one on {chains}; say which with ?chain=", "chain")
        return Item(shape(rows[0]), await as_of(cx, keys))

    asked = msgspec.defstruct(
        f"{resource.one}Key",
        [(key, kind.asked), ("chain", ChainName | None, None)],
        forbid_unknown_fields=True,
    )
    return Operation(
        "GET",
        f"/{resource.path}/{{{key}}}",
        handler,
        asked,
        answer,
        summary=f"One {resource.one.lower()}.",
        tag=tag,
        problems=("not-found", "ambiguous"),
    )


def _of(generic: Any, row: type[msgspec.Struct]) -> Any:
    """A generic shape of a type that only api.toml knows."""
    return generic[row]


def kind_of(text: str) -> Kind:
    """The kind that a column's text in api.toml stands for."""
    text = text.removesuffix("?")
    return Kind("{}", Literal[tuple(text.split("|"))], "text") if "|" in text else KINDS[text]


def _row_type(resource: Resource) -> type[msgspec.Struct]:
    fields = []
    for name, text in resource.columns.items():
        kind = kind_of(text)
        fields.append((name, kind.type | None if text.endswith("?") else kind.type))
    return msgspec.defstruct(resource.one, fields)


def _shaped(resource: Resource) -> Callable[[Any], dict[str, Any]]:
    """A function from a row of SQL to what is shown of it."""
    kinds = [(name, kind_of(text)) for name, text in resource.columns.items()]
    return lambda row: {name: kind.shown(row[name]) for name, kind in kinds}


def _key(resource: Resource, column: str) -> Key:
    return Key(f"v.{column}", kind_of(resource.columns[column]).key)


def _select(resource: Resource) -> str:
    return ", ".join(f"{kind_of(text).sql.format(f'v.{name}')} as {name}" for name, text in resource.columns.items())


def _conditions(resource: Resource) -> Sequence[tuple[str, str, Kind]]:
    """Each parameter that limits what is shown: its name, its SQL with a place for the argument's number, its kind."""
    found = []
    for name in (*(["chain"] if "chain" in resource.columns else []), *resource.filters):
        kind = kind_of(resource.columns[name])
        found.append((name, f"v.{name} = ${{}}::{kind.key}", kind))
    for name in resource.ranges:
        kind = kind_of(resource.columns[name])
        found.append((f"{name}_from", f"v.{name} >= ${{}}::{kind.key}", kind))
        found.append((f"{name}_before", f"v.{name} < ${{}}::{kind.key}", kind))
    return found


def _page_parameters(resource: Resource, sorts: tuple[str, ...]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = [("limit", Limit, 50), ("after", After | None, None)]
    fields.append(
        (
            "sort",
            Annotated[Literal[sorts], msgspec.Meta(description="`-` means newest or largest first.")],
            resource.sort,
        )
    )
    fields += [(name, kind.asked | None, None) for name, _, kind in _conditions(resource)]
    return msgspec.defstruct(f"{resource.one}Query", fields, forbid_unknown_fields=True)
