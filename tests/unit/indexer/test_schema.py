"""Tables from events."""

from indexer.abi import parse
from indexer.schema import Drift, Table, create_table, drift, tables
from indexer.signature import parse_signature


def table_of(signature: str) -> Table:
    return tables("shop", "Desk", [parse_signature(signature)])[0]


def actual(table: Table) -> list[tuple[str, str, bool]]:
    return [(name, kind, True) for name, kind in table.types.items()]


def test_types() -> None:
    """Every ABI type has its Postgres type; integers that fit 63 bits are bigint."""
    table = table_of(
        "All(uint8 a, uint56 b, uint64 c, int64 d, int72 e, uint256 f, bool g, address h, bytes4 i, bytes j, string k,"
        " uint8[] l, (uint8 x) m, string indexed n, uint8[2] indexed o, function p, fixed128x18 q)"
    )
    assert [column.type for column in table.columns] == [
        "bigint", "bigint", "numeric(78,0)", "bigint", "numeric(78,0)", "numeric(78,0)", "boolean", "bytea", "bytea",
        "bytea", "text", "jsonb", "jsonb", "bytea", "bytea", "bytea", "numeric",
    ]  # fmt: skip


def test_names() -> None:
    """A table is called after contract and event; overloads carry their types and layouts what is indexed."""
    events = parse(
        "event Made(uint a)\nevent Made(address a, (uint b)[] c)\nevent Sold()\n"
        "event Moved(uint indexed a, uint b)\nevent Moved(uint a, uint b)\nevent SOLD()"
    )
    assert [table.name for table in tables("shop", "TheDesk", events)] == [
        "the_desk_made_uint256", "the_desk_made_address_uint256", "the_desk_sold",
        "the_desk_moved_uint256_uint256_indexed_0", "the_desk_moved_uint256_uint256_indexed", "the_desk_sold_2",
    ]  # fmt: skip


def test_statement() -> None:
    """Identifiers are quoted and the key is that of every event table."""
    sql = create_table(table_of("Made(uint8 order)"))
    assert sql.startswith('create table if not exists "shop"."desk_made"')
    assert '"order_" bigint not null' in sql
    assert 'primary key ("chain_id", "block_number", "log_index")' in sql


def test_no_drift() -> None:
    """A table as created has not drifted, nor has one to which a user added a column that needs no value."""
    table = table_of("Made(uint8 a)")
    assert drift(table, [*actual(table), ("mine", "text", False)]) == ()


def test_drift_comes_with_its_remedy() -> None:
    """A renamed, a widened and a demanding column come with the statement that mends them, a missing one without."""
    table = table_of("Made(uint256 amount, string memo)")
    have = [(("sum" if name == "amount" else name), kind, True) for name, kind in table.types.items()]
    assert drift(table, have) == (
        Drift(
            "shop.desk_made",
            "column sum is called amount in the ABI",
            'ALTER TABLE "shop"."desk_made" RENAME COLUMN "sum" TO "amount";',
        ),
    )
    have = [(name, "bigint" if name == "amount" else kind, True) for name, kind in table.types.items()]
    (found,) = drift(table, have)
    assert found.remedy == 'ALTER TABLE "shop"."desk_made" ALTER COLUMN "amount" TYPE numeric(78,0);'
    have = [(name, "bigint" if name == "memo" else kind, True) for name, kind in table.types.items()]
    assert drift(table, have)[0].remedy is None
    (found,) = drift(table, [*actual(table), ("mine", "text", True)])
    assert found.remedy == 'ALTER TABLE "shop"."desk_made" ALTER COLUMN "mine" DROP NOT NULL;'
    assert drift(table, actual(table)[:-1])[0].remedy is None
