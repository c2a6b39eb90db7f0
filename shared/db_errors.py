"""Say in our own words what Postgres and its driver refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.errors import (
    DatabaseConflict,
    DatabaseRejected,
    DatabaseTimeout,
    DatabaseUnavailable,
    UsdxError,
)

FOREIGN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)

# SQLSTATE prefix → class; the longest prefix wins (PostgreSQL manual, appendix A).
_BY_STATE: dict[str, type[UsdxError]] = {
    "08": DatabaseUnavailable,  # connection exception
    "25006": DatabaseUnavailable,  # read-only: after a failover this is a standby; see `translate`
    "40": DatabaseConflict,  # serialization failure, deadlock
    "53": DatabaseUnavailable,  # too many connections, disk full, out of memory
    "55006": DatabaseConflict,  # object in use
    "55P03": DatabaseConflict,  # lock not available
    "57014": DatabaseTimeout,  # cancelled by statement_timeout
    "57P": DatabaseUnavailable,  # shutting down, starting up, crashed
    "58": DatabaseUnavailable,  # system error
    "XX": DatabaseUnavailable,  # internal error
}
_GONE = re.compile(r"\bclos(ed|ing)\b|released back to the pool")  # which takes back one that was lost in use


@contextmanager
def translated(target: str) -> Iterator[None]:
    """Raise our errors for the driver's; `target` says which database, without secrets."""
    try:
        yield
    except FOREIGN as exc:
        raise translate(exc, target) from exc


def translate(exc: BaseException, target: str) -> UsdxError:
    """The error of our tree that says what `exc` says.

    A statement refused as read-only (25006) counts as an outage, not as a fault of the statement: all our own writes
    are in transactions that may write, so the server became a standby, and the next connection or the failover's end
    mends it. The one room that runs others' statements read-only, the business gauges, looks for that case itself.
    """
    if isinstance(exc, asyncpg.PostgresError):
        return _by_state(exc.sqlstate or "")(f"database {target}: {_words(exc)}")
    if isinstance(exc, TimeoutError):
        return DatabaseUnavailable(f"database {target}: no answer in time")
    if isinstance(exc, OSError):
        return DatabaseUnavailable(f"database {target}: {exc.strerror or exc}")
    if isinstance(exc, asyncpg.TargetServerAttributeNotMatched):  # nobody is the primary at this moment
        return DatabaseUnavailable(f"database {target}: {exc}")
    if isinstance(exc, asyncpg.InterfaceError) and _GONE.search(str(exc)):
        return DatabaseUnavailable(f"database {target}: the connection is closed")
    return DatabaseRejected(f"database {target}: {exc}")


def _by_state(state: str) -> type[UsdxError]:
    for length in (5, 3, 2):
        if found := _BY_STATE.get(state[:length]):
            return found
    return DatabaseRejected


def _words(exc: asyncpg.PostgresError) -> str:
    """Postgres's message, with detail and hint, in one line."""
    return "; ".join(line.strip() for line in str(exc).splitlines() if line.strip())
