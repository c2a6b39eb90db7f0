"""A pool of Postgres connections, timed by operation and table, with errors in our own words."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self

import asyncpg

from shared import embedded, migrate
from shared.clock import Clock, system_clock
from shared.db_errors import FOREIGN, translate, translated
from shared.errors import ConfigError, DatabaseUnavailable, UsdxError
from shared.health import Health
from shared.metrics import DATABASE, Family, Registry, Sample, Scraped
from shared.runtime import Stop
from shared.settings import Settings

QUERIES = Family("usdx_db_queries_total", "counter", "Database statements executed.", ("operation", "table"))
DURATION = Family(
    "usdx_db_query_duration_seconds",
    "histogram",
    "Database statement latency.",
    ("operation", "table"),
    "seconds",
    DATABASE,
)
ERRORS = Family("usdx_db_errors_total", "counter", "Database statements failed, by error class.", ("operation", "kind"))
CONNECTIONS = Family("usdx_db_pool_connections", "gauge", "Pool connections by state.", ("state",))
MAX_CONNECTIONS = Family("usdx_db_pool_max_connections", "gauge", "Configured pool size.")
ACQUIRE = Family(
    "usdx_db_pool_acquire_duration_seconds",
    "histogram",
    "Time spent waiting for a pool connection.",
    (),
    "seconds",
    DATABASE,
)
FAMILIES = (QUERIES, DURATION, ERRORS, CONNECTIONS, MAX_CONNECTIONS, ACQUIRE)

Isolation = Literal["read_committed", "repeatable_read", "serializable"]
OPERATIONS = frozenset(
    {"select", "insert", "update", "delete", "merge", "copy", "with", "create", "alter", "drop", "truncate"}
    | {"set", "lock", "notify", "begin", "commit", "rollback"}
)
ERROR_KINDS = ("unavailable", "timeout", "conflict", "rejected")
NO_TABLE = "none"
ACQUIRE_TIMEOUT_S = 30.0
STATEMENT_TIMEOUT_S = 120.0
CONNECT_TIMEOUT_S = 10.0
COPY_PIECE_BYTES = 1 << 19
_FIRST_WORD = re.compile(r"\s*(?:--[^\n]*\n\s*)*([A-Za-z]+)")


@functools.lru_cache(maxsize=1024)
def operation_of(sql: str) -> str:
    """The statement's first word, from a closed set."""
    match = _FIRST_WORD.match(sql)
    word = match[1].lower() if match else ""
    return word if word in OPERATIONS else "other"


class _Meter:
    """Counts and times statements."""

    def __init__(self, registry: Registry) -> None:
        self._queries = registry.counter(QUERIES)
        self._duration = registry.histogram(DURATION)
        self._errors = registry.counter(ERRORS)
        self._known: set[tuple[str, str]] = set()

    def start(self, operation: str, table: str) -> None:
        """Make the series exist at 0."""
        if (operation, table) not in self._known:
            self._known.add((operation, table))
            self._queries.start(operation, table)
            self._duration.start(operation, table)
            for kind in ERROR_KINDS:
                self._errors.start(operation, kind)

    def done(self, operation: str, table: str, duration_s: float) -> None:
        self._queries.inc(operation, table)
        self._duration.observe(duration_s, operation, table)

    def failed(self, operation: str, error: UsdxError) -> None:
        self._errors.inc(operation, error.reason.removeprefix("database_"))


class _Timed:
    """Times one statement and translates what it raises."""

    __slots__ = ("_began", "_meter", "_operation", "_table", "_target")

    def __init__(self, meter: _Meter, target: str, operation: str, table: str) -> None:
        self._meter, self._target, self._operation, self._table = meter, target, operation, table

    def __enter__(self) -> None:
        self._meter.start(self._operation, self._table)
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._meter.done(self._operation, self._table, perf_counter() - self._began)
        if isinstance(exc, FOREIGN):
            error = translate(exc, self._target)
            self._meter.failed(self._operation, error)
            raise error from exc


class Connection:
    """One borrowed connection. `on` is the table label of the statement's metrics."""

    __slots__ = ("_meter", "_target", "raw")

    def __init__(self, raw: Any, meter: _Meter, target: str) -> None:
        self.raw = raw
        self._meter = meter
        self._target = target

    def _timed(self, operation: str, on: str) -> _Timed:
        return _Timed(self._meter, self._target, operation, on)

    async def execute(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> str:
        """Run a statement; returns its command tag, such as `INSERT 0 3`."""
        with self._timed(operation_of(sql), on):
            return str(await self.raw.execute(sql, *args, timeout=timeout_s))

    async def executemany(self, sql: str, args: Iterable[Sequence[object]], *, on: str = NO_TABLE) -> None:
        """Run a statement for each row of arguments, all or none."""
        with self._timed(operation_of(sql), on):
            await self.raw.executemany(sql, args)

    async def fetch(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> list[Any]:
        """All rows."""
        with self._timed(operation_of(sql), on):
            return list(await self.raw.fetch(sql, *args, timeout=timeout_s))

    async def fetchrow(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> Any:
        """The first row, or None."""
        with self._timed(operation_of(sql), on):
            return await self.raw.fetchrow(sql, *args, timeout=timeout_s)

    async def fetchval(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> Any:
        """The first column of the first row, or None."""
        with self._timed(operation_of(sql), on):
            return await self.raw.fetchval(sql, *args, timeout=timeout_s)

    async def copy_records(
        self,
        schema: str,
        table: str,
        columns: Sequence[str],
        records: Iterable[Sequence[object]],
        *,
        on: str | None = None,
    ) -> int:
        """COPY rows of Python values in; returns how many."""
        with self._timed("copy", on or table):
            tag = await self.raw.copy_records_to_table(
                table, schema_name=schema, columns=list(columns), records=records
            )
        return int(tag.removeprefix("COPY "))

    async def copy_binary(
        self,
        schema: str,
        table: str,
        columns: Sequence[str],
        source_bytes: bytes | Iterable[bytes | memoryview],
        *,
        on: str | None = None,
    ) -> int:
        """COPY bytes in, already in Postgres's binary COPY format; returns how many rows they held."""
        parts = [source_bytes] if isinstance(source_bytes, bytes) else source_bytes
        with self._timed("copy", on or table):
            tag = await self.raw.copy_to_table(
                table, schema_name=schema, columns=list(columns), source=_pieces(parts), format="binary"
            )
        return int(tag.removeprefix("COPY "))

    async def stream(self, sql: str, *args: object, prefetch: int = 1000) -> AsyncIterator[Any]:
        """Rows one after the other, for results too large to hold; only within a transaction."""
        with translated(self._target):
            async for row in self.raw.cursor(sql, *args, prefetch=prefetch):
                yield row


async def _pieces(parts: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """The parts, large ones in pieces: each becomes one message to the server."""
    for part in parts:
        for at in range(0, len(part), COPY_PIECE_BYTES):
            yield memoryview(part)[at : at + COPY_PIECE_BYTES]


class Database:
    """The pool. Open it with `await Database.open(…)`, close it with `close()` or `async with`."""

    def __init__(self, pool: Any, registry: Registry, target: str, url: str, server: embedded.Handle | None) -> None:
        self._pool = pool
        self._meter = _Meter(registry)
        self._acquire = registry.histogram(ACQUIRE)
        self._server = server
        self.target = target
        self.url = url
        registry.gauge(MAX_CONNECTIONS).set(pool.get_max_size())
        self._scraped: Scraped = registry.collector(self._connections, CONNECTIONS)

    @classmethod
    async def open(
        cls, settings: Settings, registry: Registry, clock: Clock | None = None, application_name: str = "usdx"
    ) -> Self:
        """Connect to `settings.database.url`, or to the embedded Postgres under `settings.data_dir` without one."""
        clock = clock or system_clock()
        server: embedded.Handle | None = None
        if settings.database.url is None:
            server = await asyncio.to_thread(embedded.start, settings.data_dir / "postgres")
        url = server.url if server else settings.database.url.get_secret_value() if settings.database.url else ""
        try:
            pool = await _create_pool(url, settings.database.pool_size, application_name)
        except BaseException:
            if server is not None:
                await asyncio.to_thread(server.close)
            raise
        return cls(pool, registry, address_of(url), url, server)

    async def close(self) -> None:
        """Give everything back; a busy pool is cut off after a second."""
        self._scraped.close()
        try:
            await asyncio.wait_for(self._pool.close(), 1.0)
        except TimeoutError:
            self._pool.terminate()
        finally:
            if self._server is not None:
                await asyncio.to_thread(self._server.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection."""
        began = perf_counter()
        with translated(self.target):
            raw = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        self._acquire.observe(perf_counter() - began)
        try:
            yield Connection(raw, self._meter, self.target)
        finally:
            with suppress(*FOREIGN):  # a broken connection cannot be reset; the pool drops it
                await asyncio.shield(self._pool.release(raw))

    @asynccontextmanager
    async def transaction(
        self, isolation: Isolation = "read_committed", readonly: bool = False, timeout_s: float | None = None
    ) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on any error.

        `timeout_s` bounds each statement inside, by the server.
        """
        async with self.connection() as cx:
            transaction = cx.raw.transaction(isolation=isolation, readonly=readonly)
            with _Timed(self._meter, self.target, "begin", NO_TABLE):
                await transaction.start()
            try:
                if timeout_s is not None:
                    await cx.execute(f"set local statement_timeout = {int(timeout_s * 1000)}")
                yield cx
            except BaseException:
                with suppress(*FOREIGN), _Timed(self._meter, self.target, "rollback", NO_TABLE), suppress(*FOREIGN):
                    await transaction.rollback()
                raise
            with _Timed(self._meter, self.target, "commit", NO_TABLE):
                await transaction.commit()

    async def migrate(self) -> tuple[str, ...]:
        """Bring the schema `usdx` up to this version; returns the names of the migrations applied now."""
        async with self.transaction() as cx:
            with translated(self.target):
                return await migrate.apply(cx.raw, migrate.known())

    def start_series(self, operation: str, table: str) -> None:
        """Make the metrics of an operation on a table exist at 0 before its first statement."""
        self._meter.start(operation, table)

    async def probe(self) -> None:
        """Raise when the database does not answer."""
        async with self.connection() as cx:
            await cx.fetchval("select 1", timeout_s=5.0)

    def _connections(self) -> list[Sample]:
        idle = self._pool.get_idle_size()
        return [
            Sample(CONNECTIONS, idle, ("idle",)),
            Sample(CONNECTIONS, self._pool.get_size() - idle, ("used",)),
        ]


async def _create_pool(url: str, size: int, application_name: str) -> Any:
    with translated(address_of(url)):
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=STATEMENT_TIMEOUT_S,
                server_settings={"application_name": application_name, "timezone": "UTC"},
            )
        except ValueError as exc:  # the driver's own words may repeat a part of the password
            raise ConfigError(f"database.url: host, port or options of {address_of(url)} cannot be read") from exc


def address_of(url: str) -> str:
    """Hosts, ports and database of a url: what may be shown."""
    match = re.match(r"\w+://(?:[^@/?]*@)?([^/?]*)(/[^?]*)?", url)
    return f"{match[1] or 'local socket'}{match[2] or ''}" if match else "of unknown address"


async def watch(db: Database, health: Health, stop: Stop, period_s: float = 5.0) -> None:
    """A task: keep the readiness check and dependency gauge `postgres` true to the facts."""
    while not stop.is_set():
        try:
            await db.probe()
            health.set_dependency("postgres", True, db.target)
        except DatabaseUnavailable as exc:
            health.set_dependency("postgres", False, str(exc))
        await stop.wait(period_s)
