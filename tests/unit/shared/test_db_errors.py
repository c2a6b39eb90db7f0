"""What Postgres and its driver refuse, in our own words."""

import asyncpg
import pytest

from shared.db_errors import FOREIGN, translate, translated
from shared.errors import (
    DatabaseConflict,
    DatabaseRejected,
    DatabaseTimeout,
    DatabaseUnavailable,
    Permanent,
    Transient,
    UsdxError,
)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("08006", DatabaseUnavailable),  # connection failure
        ("25006", DatabaseUnavailable),  # read-only transaction: a failover left us on a standby
        ("40001", DatabaseConflict),  # serialization failure
        ("40P01", DatabaseConflict),  # deadlock
        ("53300", DatabaseUnavailable),  # too many connections
        ("55P03", DatabaseConflict),  # lock not available
        ("57014", DatabaseTimeout),  # statement timeout
        ("57P01", DatabaseUnavailable),  # shutting down
        ("57P03", DatabaseUnavailable),  # starting up
        ("XX001", DatabaseUnavailable),  # data corrupted: another server may do
        ("22012", DatabaseRejected),  # division by zero
        ("25001", DatabaseRejected),  # active transaction: our own fault, trying again is no help
        ("25P02", DatabaseRejected),
        ("42P01", DatabaseRejected),  # no such table
    ],
)
def test_the_state_says_what_to_do(state: str, wanted: type[UsdxError]) -> None:
    """What another try may mend is Transient, above all a write on a server that has become a standby; what only a
    person can mend is Permanent."""
    refused = asyncpg.PostgresError.new({"C": state, "M": "cannot do that"})
    found = translate(refused, "db:5432/usdx")
    assert type(found) is wanted
    assert isinstance(found, Permanent if wanted is DatabaseRejected else Transient)
    assert str(found) == "database db:5432/usdx: cannot do that"


@pytest.mark.parametrize("foreign", [OSError(111, "refused"), TimeoutError(), asyncpg.InterfaceError("pool is closed")])
def test_a_lost_server_is_unavailable(foreign: Exception) -> None:
    """Whatever the driver or the system calls it; the cause is kept."""
    assert isinstance(foreign, FOREIGN)
    with pytest.raises(DatabaseUnavailable) as found, translated("db"):
        raise foreign
    assert found.value.__cause__ is foreign
