"""Show the events of any contract of any protocol, as they were decoded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from aggregator.api.answers import Address, After, BlockNumber, ChainName, Hash, Instant, Limit, Page, as_of
from aggregator.api.keyset import Key, Order
from aggregator.api.operation import Operation, operation
from aggregator.api.problems import Refused
from shared.db import Connection
from shared.naming import MAX_BYTES, snake_case

META = ("chain_id", "block_number", "log_index", "block_time", "block_hash", "tx_hash", "address")
NEWEST = Order(
    "-block", (Key("e.chain_id", "bigint"), Key("e.block_number", "bigint"), Key("e.log_index", "bigint")), True
)
OLDEST = Order("block", NEWEST.keys, False)
_DIGEST = re.compile(r"_[0-9a-f]{8}")  # in which a table's name ends that would be too long

Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]


class EventsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which events: by contract and event, then by block, address, and by parameters in `where`."""

    contract: Name
    event: Annotated[
        str,
        msgspec.Meta(
            pattern="^[A-Za-z0-9_$]{1,255}$",
            description="`WexelCreated` or `wexel_created`; of several with one name, its table's name without the "
            "contract's: `transfer_address_uint256`.",
            examples=["WexelCreated"],
        ),
    ]
    limit: Limit = 50
    after: After | None = None
    sort: Annotated[str, msgspec.Meta(pattern="^-?block$", description="`-block` means newest first.")] = "-block"
    protocol: (
        Annotated[str, msgspec.Meta(max_length=63, description="Needed when two protocols have such a contract.")]
        | None
    ) = None
    chain: ChainName | None = None
    address: Address | None = None
    from_block: BlockNumber | None = None
    to_block: BlockNumber | None = None
    tx_hash: Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{64}$")] | None = None
    where: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=512,
                description="Parameters that must be equal, as `name:value` pairs with commas between; names as in "
                "`args`.",
                examples=["pool_id:1,owner:0x" + "5f" * 20],
            ),
        ]
        | None
    ) = None


class Event(msgspec.Struct):
    """One event as it was decoded."""

    chain: str
    chain_id: int
    block_number: BlockNumber
    log_index: Annotated[int, msgspec.Meta(ge=0)]
    block_time: Instant
    block_hash: Hash
    tx_hash: Hash
    address: Address
    args: Annotated[
        dict[str, Any],
        msgspec.Meta(description="The event's parameters: numbers as decimal strings, bytes as 0x and hex digits."),
    ]


@dataclass(frozen=True, slots=True)
class EventTable:
    """One table of events: its place, and its parameters' columns with their SQL types. `protocol` is the schema,
    `keys` are the names that the config gives the protocol, `event` is the event's name in the ABI."""

    protocol: str
    keys: tuple[str, ...]
    contract: str
    name: str
    event: str
    columns: Mapping[str, str]

    @property
    def short(self) -> str:
        """The table's name without the contract's."""
        return self.name.removeprefix(f"{snake_case(self.contract)}_")

    @property
    def select(self) -> str:
        """Everything of it that is shown."""
        return ", ".join(f'e."{name}"' for name in (*META, *self.columns))


class EventTables:
    """Which event tables there are. They are the indexer's, so they are looked up in the database."""

    def __init__(self, contracts: Mapping[str, Sequence[str]], keys: Mapping[str, Sequence[str]]) -> None:
        self._contracts = contracts
        self._keys = keys
        self._tables: tuple[EventTable, ...] = ()

    @property
    def all(self) -> tuple[EventTable, ...]:
        """Every table that was found, by protocol and name."""
        return self._tables

    async def look(self, cx: Connection) -> tuple[EventTable, ...]:
        """Look which tables there are now."""
        rows = await cx.fetch(
            """select c.relnamespace::regnamespace::text as protocol, c.relname as name,
                split_part(coalesce(obj_description(c.oid, 'pg_class'), ''), '(', 1) as event,
                array_agg(a.attname::text order by a.attnum) as columns,
                array_agg(format_type(a.atttypid, null) order by a.attnum) as types
            from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text = any($1)
            group by c.oid order by 1, 2""",
            list(self._contracts),
            on="pg_class",
        )
        found = []
        for row in rows:
            columns = dict(zip(row["columns"], row["types"], strict=True))
            contract = owner_of(self._contracts[row["protocol"]], row["name"], row["event"])
            if contract is not None and all(name in columns for name in META):
                parameters = {name: kind for name, kind in columns.items() if name not in META}
                keys = tuple(self._keys[row["protocol"]])
                found.append(EventTable(row["protocol"], keys, contract, row["name"], row["event"], parameters))
        self._tables = tuple(found)
        return self._tables

    async def find(self, cx: Connection, asked: EventsQuery) -> EventTable:
        """The table of the events asked for. Raises Refused when there is none, or more than one."""
        for tables in (self._tables, None):
            found = matching(await self.look(cx) if tables is None else tables, asked)
            if len({table.protocol for table in found}) < len(found):
                names = " and ".join(table.short for table in found)
                raise Refused("ambiguous", f"{asked.contract} has several such events; say which: {names}", "event")
            if len(found) > 1:
                names = " and ".join(table.protocol for table in found)
                raise Refused("ambiguous", f"{names} have such a contract; say which with ?protocol=", "protocol")
            if found:
                return found[0]
        raise Refused("not-found", f"no contract {asked.contract} has an event {asked.event} that is indexed", "event")


def owner_of(contracts: Sequence[str], table: str, event: str) -> str | None:
    """The contract whose table this is: the longest name that it starts with and that leaves the event's."""
    owners = [contract for contract in contracts if table.startswith(f"{snake_case(contract)}_")]
    fitting = [contract for contract in owners if _is_of(table.removeprefix(f"{snake_case(contract)}_"), event, table)]
    return max(fitting or owners, key=len, default=None)


def _is_of(short: str, event: str, table: str) -> bool:
    """Whether what is left of a table's name begins with the event's, or with as much of it as there was room for."""
    word = snake_case(event) or "anonymous"
    cut = len(table) == MAX_BYTES and _DIGEST.fullmatch(short[-9:]) is not None
    return short.startswith(word) or (cut and word.startswith(short[:-9]))


def matching(tables: Sequence[EventTable], asked: EventsQuery) -> list[EventTable]:
    """The tables that are asked for: those whose event is called just so, else those that come nearest."""
    contract, event = snake_case(asked.contract), snake_case(asked.event)
    of_contract = [
        table for table in tables if snake_case(table.contract) == contract and asked.protocol in (None, table.protocol)
    ]
    exactly = [table for table in of_contract if table.event == asked.event]
    by_table = [table for table in of_contract if table.short == asked.event]
    return exactly or by_table or [table for table in of_contract if event in (table.short, snake_case(table.event))]


def event_operations(tables: EventTables) -> tuple[Operation, ...]:
    """Everything about events."""

    async def events(cx: Connection, asked: EventsQuery) -> Page[Event]:
        """The events of one kind, as they were decoded; of any protocol."""
        table = await tables.find(cx, asked)
        by = OLDEST if asked.sort == "block" else NEWEST
        conditions, arguments = conditions_of(asked, table)
        if asked.after is not None:
            conditions.append(by.behind(len(arguments) + 1))
            arguments += by.values(asked.after)
        where = f"where {' and '.join(conditions)}" if conditions else ""
        rows = await cx.fetch(
            f"""select c.chain, {table.select} from "{table.protocol}"."{table.name}" e
            join usdx.chains c on c.chain_id = e.chain_id {where} order by {by.sql} limit {asked.limit + 1}""",  # noqa: S608 (names from the catalogue, values as arguments)
            *arguments,
            on=table.name,
        )
        shown = rows[: asked.limit]
        last = [shown[-1][name] for name in META[:3]] if len(rows) > asked.limit else None
        return Page(
            [event_of(row, table.columns) for row in shown],
            None if last is None else by.token(last),
            await as_of(cx, table.keys),
        )

    problems = ("not-found", "ambiguous")
    return (operation("GET", "/events/{contract}/{event}", events, tag="events", problems=problems),)


def conditions_of(asked: EventsQuery, table: EventTable) -> tuple[list[str], list[object]]:
    """The conditions that a request sets, and their arguments. Raises Refused."""
    given: list[tuple[str, object]] = []
    if asked.chain is not None:
        given.append(("c.chain = ${}", asked.chain))
    if asked.address is not None:
        given.append(("e.address = ${}", bytes.fromhex(asked.address[2:])))
    if asked.tx_hash is not None:
        given.append(("e.tx_hash = ${}", bytes.fromhex(asked.tx_hash[2:])))
    if asked.from_block is not None:
        given.append(("e.block_number >= ${}", asked.from_block))
    if asked.to_block is not None:
        given.append(("e.block_number <= ${}", asked.to_block))
    for pair in asked.where.split(",") if asked.where else ():
        name, colon, text = pair.partition(":")
        if not colon or name not in table.columns:
            raise Refused(
                "bad-request", f"where: {pair[:64]!r} is no name:value; names: {', '.join(table.columns)}", "where"
            )
        given.append((f'e."{name}" = ${{}}', value_of(name, table.columns[name], text)))
    return [condition.format(n) for n, (condition, _) in enumerate(given, 1)], [value for _, value in given]


def value_of(name: str, kind: str, text: str) -> object:
    """A parameter's value as SQL compares it. Raises Refused."""
    try:
        if kind == "bytea":
            return bytes.fromhex(text.removeprefix("0x"))
        if kind in ("bigint", "numeric"):
            number = int(text)
            if abs(number) >= (2**63 if kind == "bigint" else 10**78):
                raise ValueError("too large")
            return number if kind == "bigint" else Decimal(number)
        if kind == "boolean":
            return {"true": True, "false": False}[text]
    except (ValueError, KeyError) as exc:
        raise Refused("bad-request", f"where: {name} is a {kind}, not {text[:64]!r}", "where") from exc
    if kind == "text":
        return text
    raise Refused("bad-request", f"where: {name} is a {kind}, which cannot be compared", "where")


def event_of(row: Mapping[str, Any], columns: Mapping[str, str]) -> Event:
    """The event that a row holds."""
    return Event(
        row["chain"],
        row["chain_id"],
        row["block_number"],
        row["log_index"],
        row["block_time"],
        _hex(row["block_hash"]),
        _hex(row["tx_hash"]),
        _hex(row["address"]),
        {name: shown(row[name], kind) for name, kind in columns.items()},
    )


def shown(value: Any, kind: str) -> Any:
    """A parameter's value in JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, (int, Decimal)):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return msgspec.Raw(value.encode()) if kind == "jsonb" else value


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
