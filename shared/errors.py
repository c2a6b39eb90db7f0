"""The tree of errors, drawn by what the caller should do about them.

`Transient` retry here · `TooLarge` ask for less · `Inconsistent` the other side contradicted itself, ask another ·
`Permanent` stop, a person must act. Each class carries a `reason` slug (one word for log, metric label and docs)
and a line of `advice`.
"""

from __future__ import annotations

from typing import ClassVar


class UsdxError(Exception):
    """Any failure that we foresaw; its message alone tells a person what happened."""

    reason: ClassVar[str] = "error"
    advice: ClassVar[str] = "Read the message; it names what failed."


class Transient(UsdxError):
    """It may work when tried again here."""

    reason = "transient"
    advice = "Retried by itself; look at the other side if it stays."


class TooLarge(UsdxError):
    """The other side refused the size of the question."""

    reason = "too_large"
    advice = "Asked again in smaller parts by itself."


class Inconsistent(UsdxError):
    """The other side contradicted itself; another one must be asked."""

    reason = "inconsistent"
    advice = "Another endpoint is asked by itself; remove the endpoint if it stays."


class Permanent(UsdxError):
    """Trying again cannot help; a person must act."""

    reason = "permanent"
    advice = "Mend what the message names, then start again."


class ConfigError(Permanent):
    """What the user wrote cannot be used. The message lists every problem, one a line."""

    reason = "config"
    advice = "Mend the keys named in the message; `usdx check` looks at all of them at once."


class PortTaken(Permanent):
    """Somebody else listens on our port."""

    reason = "port_taken"
    advice = "Stop the other program or choose another port in the config."


class TaskDied(Permanent):
    """A task of a worker ended with an error that nobody foresaw: a bug."""

    reason = "task_died"
    advice = "Please report it with the log; the process may be started again safely."


class DatabaseUnavailable(Transient):
    """Postgres does not answer, or went away."""

    reason = "database_unavailable"
    advice = "Check that Postgres runs and that database.url points at it."


class DatabaseTimeout(Transient):
    """A statement was cancelled because it ran for too long."""

    reason = "database_timeout"
    advice = "Look for a missing index or a lock held by another session."


class DatabaseConflict(Transient):
    """Two transactions met; one of them has to run again."""

    reason = "database_conflict"
    advice = "Retried by itself."


class DatabaseRejected(Permanent):
    """Postgres refused what was asked: the statement, the data or the login."""

    reason = "database_rejected"
    advice = "Read Postgres's own words in the message."


class SchemaMismatch(Permanent):
    """The database was migrated by another version of usdx."""

    reason = "schema_mismatch"
    advice = "Run the version that migrated this database, or a newer one."


class EmbeddedFailed(Permanent):
    """The embedded Postgres could not be brought up."""

    reason = "embedded_postgres"
    advice = "Read the log file named in the message, or give a database.url of your own."


class LeaseLost(Transient):
    """The connection that held a lease is gone, so somebody else may hold it now."""

    reason = "lease_lost"
    advice = "The worker stops what it does and asks for the lease again by itself."


class LeaseHeld(Permanent):
    """Another process works on what we want for ourselves."""

    reason = "lease_held"
    advice = "Stop that worker (and those that stand by for it), then run the command again."


class BackupFailed(Permanent):
    """There is no new backup, or it could not be restored as it was."""

    reason = "backup_failed"
    advice = "The last good backup is untouched; mend what the message names and run the command again."
