"""The pool of connections to Postgres, embedded when no url is given."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Any, Literal, Self

import asyncpg

from shared import embedded, migrate
from shared.clock import Clock, system_clock
from shared.db_connection import FAMILIES as STATEMENTS
from shared.db_connection import NO_TABLE, Connection, Meter, Timed, operation_of
from shared.db_errors import FOREIGN, translated
from shared.db_hosts import CONNECT_TIMEOUT_S, Hosts
from shared.errors import ConfigError, DatabaseUnavailable, UsdxError
from shared.health import Health
from shared.metrics import DATABASE, Family, Registry, Sample, Scraped
from shared.runtime import Stop
from shared.settings import Settings

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
FAMILIES = (*STATEMENTS, CONNECTIONS, MAX_CONNECTIONS, ACQUIRE)

__all__ = [
    "CONNECT_TIMEOUT_S",
    "FAMILIES",
    "Connection",
    "Database",
    "Isolation",
    "address_of",
    "keepalives",
    "operation_of",
    "watch",
]

Isolation = Literal["read_committed", "repeatable_read", "serializable"]
ACQUIRE_TIMEOUT_S = 30.0
STATEMENT_TIMEOUT_S = 120.0
MARGIN_S = 1.0  # a server that is there says itself, in this time, that a statement took too long
LOCKS_KEPT_S = (
    30  # a process that is stopped between two statements, or whose machine is gone, keeps its locks no longer
)


class Database:
    """The pool. Open it with `await Database.open(…)`, close it with `close()` or `async with`."""

    def __init__(self, pool: Any, registry: Registry, hosts: Hosts, url: str, server: embedded.Handle | None) -> None:
        self._pool = pool
        self._hosts = hosts
        self._meter = Meter(registry)
        self._acquire = registry.histogram(ACQUIRE)
        self._server = server
        self.target = address_of(url)
        self.url = url
        self.token = random.SystemRandom().getrandbits(31)  # tells our sessions from those of any other process
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
            hosts = Hosts(url)
            pool = await _create_pool(url, hosts, settings.database.pool_size, application_name)
        except BaseException:
            if server is not None:
                await asyncio.to_thread(server.close)
            raise
        return cls(pool, registry, hosts, url, server)

    async def connect(self, **settings: str) -> Any:
        """A connection outside the pool, the driver's own, with these server settings."""
        with self._meter.connecting(self.target):
            return await self._hosts.connect(server_settings=settings)

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
    async def connection(self, patience_s: float | None = None) -> AsyncIterator[Connection]:
        """Borrow a connection. Nothing that is asked of it is waited for longer than `patience_s`, nor it itself."""
        began = perf_counter()
        with self._meter.connecting(self.target):
            raw = await self._pool.acquire(timeout=patience_s or ACQUIRE_TIMEOUT_S)
        self._acquire.observe(perf_counter() - began)
        try:
            yield Connection(raw, self._meter, self.target, patience_s)
        except DatabaseUnavailable as exc:
            _let_go(raw, exc)
            if isinstance(exc.__cause__, asyncpg.ReadOnlySQLTransactionError):
                await self._pool.expire_connections()  # a primary that became a standby stays one; ask who it is now
            raise
        finally:
            await asyncio.shield(self._give_back(raw))

    async def _give_back(self, raw: Any) -> None:
        with suppress(*FOREIGN):  # a broken connection cannot be reset; the pool drops it
            await self._pool.release(raw)

    @asynccontextmanager
    async def transaction(
        self, isolation: Isolation = "read_committed", readonly: bool = False, timeout_s: float | None = None
    ) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on any error.

        `timeout_s` bounds each statement inside, by the server; one that does not even say so is given up soon after.
        """
        patience_s = None if timeout_s is None else timeout_s + MARGIN_S
        async with self.connection(patience_s) as cx, self.within(cx, isolation, readonly, timeout_s):
            yield cx

    @asynccontextmanager
    async def within(
        self,
        cx: Connection,
        isolation: Isolation = "read_committed",
        readonly: bool = False,
        timeout_s: float | None = None,
    ) -> AsyncIterator[None]:
        """A transaction like that of `transaction`, on a connection that was borrowed for more than it."""
        patience_s = None if timeout_s is None else timeout_s + MARGIN_S
        transaction = cx.raw.transaction(isolation=isolation, readonly=readonly)
        with Timed(self._meter, self.target, "begin", NO_TABLE):
            await _done(cx.raw, transaction.start(), patience_s)
        try:
            if timeout_s is not None:
                await cx.execute(f"set local statement_timeout = {int(timeout_s * 1000)}")
            yield
        except BaseException as exc:
            _let_go(cx.raw, exc)
            with suppress(UsdxError), Timed(self._meter, self.target, "rollback", NO_TABLE):
                await _done(cx.raw, transaction.rollback(), patience_s)
            raise
        with Timed(self._meter, self.target, "commit", NO_TABLE):
            await _done(cx.raw, transaction.commit(), patience_s)

    @asynccontextmanager
    async def snapshot(self, timeout_s: float) -> AsyncIterator[Connection]:
        """A connection that sees one moment of the database and can only read, each statement within `timeout_s`, like
        those of `transaction`.

        Made for many short questions: what `transaction` says in three round trips is said in one.
        """
        patience_s = timeout_s + MARGIN_S
        async with self.connection(patience_s) as cx:
            timeout_ms = int(timeout_s * 1000)
            with Timed(self._meter, self.target, "begin", NO_TABLE):
                await cx.raw.execute(
                    f"begin isolation level repeatable read read only; set local statement_timeout = {timeout_ms}",
                    timeout=patience_s,
                )
            try:
                yield cx
            except DatabaseUnavailable as exc:
                _let_go(cx.raw, exc)
                raise
            finally:  # nothing was written, so that even after an error there is nothing to take back
                with suppress(UsdxError), Timed(self._meter, self.target, "commit", NO_TABLE):
                    await _done(cx.raw, cx.raw.execute("commit"), patience_s)

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


def _let_go(raw: Any, exc: BaseException) -> None:
    """Close a connection that did not answer in time: who asked it anything else, or gave it back, would wait for it to
    hear that the question is taken back."""
    if isinstance(exc, DatabaseUnavailable) and isinstance(exc.__cause__, TimeoutError):
        _close(raw)


async def _done(raw: Any, work: Awaitable[Any], patience_s: float | None) -> None:
    """Begin or end a transaction, on a connection that is closed when it does not do so in time."""
    try:
        async with asyncio.timeout(patience_s):
            await work
    except TimeoutError:
        _close(raw)
        raise


def _close(raw: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # it is closed already
        raw.terminate()


async def _create_pool(url: str, hosts: Hosts, size: int, application_name: str) -> Any:
    with translated(address_of(url)):
        try:
            return await asyncpg.create_pool(
                url,
                connect=hosts.connect,
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=STATEMENT_TIMEOUT_S,
                server_settings={
                    "application_name": application_name,
                    "timezone": "UTC",
                    "idle_in_transaction_session_timeout": str(LOCKS_KEPT_S * 1000),
                    **keepalives(LOCKS_KEPT_S),
                },
            )
        except ValueError as exc:  # the driver's own words may repeat a part of the password
            raise ConfigError(f"database.url: host, port or options of {address_of(url)} cannot be read") from exc


def keepalives(patience_s: int) -> dict[str, str]:
    """Server settings by which the server gives up a session whose machine has not answered for so long."""
    return {
        "tcp_keepalives_idle": "4",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": str(max(1, (patience_s - 4) // 2)),
        "tcp_user_timeout": str(patience_s * 1000),
    }


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
