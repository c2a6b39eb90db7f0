"""One borrowed connection: statements, timed by operation and table, with errors in our own words."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from types import TracebackType
from typing import Any

from prometheus_client import Counter, Histogram

from shared.db_errors import FOREIGN, translate, translated
from shared.errors import UsdxError
from shared.metrics import DATABASE, Family, Registry

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
FAMILIES = (QUERIES, DURATION, ERRORS)

OPERATIONS = frozenset(
    {"select", "insert", "update", "delete", "merge", "copy", "with", "create", "alter", "drop", "truncate"}
    | {"set", "lock", "notify", "begin", "commit", "rollback"}
)
ERROR_KINDS = ("unavailable", "timeout", "conflict", "rejected")
NO_TABLE = "none"
COPY_PIECE_BYTES = 1 << 19
_FIRST_WORD = re.compile(r"\s*(?:--[^\n]*\n\s*)*([A-Za-z]+)")


@functools.lru_cache(maxsize=1024)
def operation_of(sql: str) -> str:
    """The statement's first word, from a closed set."""
    match = _FIRST_WORD.match(sql)
    word = match[1].lower() if match else ""
    return word if word in OPERATIONS else "other"


class Meter:
    """Counts and times statements."""

    def __init__(self, registry: Registry) -> None:
        self._queries = registry.counter(QUERIES)
        self._duration = registry.histogram(DURATION)
        self._errors = registry.counter(ERRORS)
        self._known: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        for kind in ERROR_KINDS:
            self._errors.start("connect", kind)

    def start(self, operation: str, table: str) -> None:
        """Make the series exist at 0."""
        if (operation, table) not in self._known:
            self._known[operation, table] = (self._queries.of(operation, table), self._duration.of(operation, table))
            for kind in ERROR_KINDS:
                self._errors.start(operation, kind)

    def done(self, operation: str, table: str, duration_s: float) -> None:
        self.start(operation, table)
        queries, duration = self._known[operation, table]
        queries.inc()
        duration.observe(duration_s)

    @contextmanager
    def connecting(self, target: str) -> Iterator[None]:
        """Translates and counts what keeps a connection from being had: no statement, but nothing can be asked."""
        try:
            yield
        except FOREIGN as exc:
            error = translate(exc, target)
            self.failed("connect", error)
            raise error from exc

    def failed(self, operation: str, error: UsdxError) -> None:
        self._errors.inc(operation, error.reason.removeprefix("database_"))


class Timed:
    """Times one statement and translates what it raises."""

    __slots__ = ("_began", "_meter", "_operation", "_table", "_target")

    def __init__(self, meter: Meter, target: str, operation: str, table: str) -> None:
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
    """One borrowed connection. `on` is the table label of the statement's metrics. A statement without a `timeout_s` of
    its own is waited for `patience_s`, or as long as the driver waits."""

    __slots__ = ("_meter", "_patience_s", "_target", "raw")

    def __init__(self, raw: Any, meter: Meter, target: str, patience_s: float | None = None) -> None:
        self.raw = raw
        self._meter = meter
        self._target = target
        self._patience_s = patience_s

    def _timed(self, operation: str, on: str) -> Timed:
        return Timed(self._meter, self._target, operation, on)

    async def execute(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> str:
        """Run a statement; returns its command tag, such as `INSERT 0 3`."""
        with self._timed(operation_of(sql), on):
            return str(await self.raw.execute(sql, *args, timeout=timeout_s or self._patience_s))

    async def executemany(self, sql: str, args: Iterable[Sequence[object]], *, on: str = NO_TABLE) -> None:
        """Run a statement for each row of arguments, all or none."""
        with self._timed(operation_of(sql), on):
            await self.raw.executemany(sql, args, timeout=self._patience_s)

    async def fetch(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> list[Any]:
        """All rows."""
        with self._timed(operation_of(sql), on):
            return list(await self.raw.fetch(sql, *args, timeout=timeout_s or self._patience_s))

    async def fetchrow(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> Any:
        """The first row, or None."""
        with self._timed(operation_of(sql), on):
            return await self.raw.fetchrow(sql, *args, timeout=timeout_s or self._patience_s)

    async def fetchval(self, sql: str, *args: object, on: str = NO_TABLE, timeout_s: float | None = None) -> Any:
        """The first column of the first row, or None."""
        with self._timed(operation_of(sql), on):
            return await self.raw.fetchval(sql, *args, timeout=timeout_s or self._patience_s)

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
