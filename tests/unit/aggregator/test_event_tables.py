"""Which table holds the events that are asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.api.events import EventsQuery, EventTable, matching, owner_of
from indexer.abi import parse
from indexer.schema import describe, tables

LONG = "VeryLongEventName" * 4
CONTRACTS = ("pool", "pool_factory", "Vault-2")


def found(contract: str, *events: str) -> list[EventTable]:
    """The tables of a contract's events, as the database tells of them."""
    made = tables("p", contract, parse("\n".join(f"event {event}" for event in events)))
    owners = [owner_of(CONTRACTS, table.name, describe(table).partition("(")[0]) for table in made]
    assert owners == [contract] * len(made)
    return [EventTable("p", ("p",), contract, table.name, table.event.name, {}) for table in made]


def asked(among: list[EventTable], contract: str, event: str) -> list[str]:
    return [table.name for table in matching(among, EventsQuery(contract=contract, event=event))]


@given(st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,90}", fullmatch=True), st.sampled_from(CONTRACTS))
def test_names_are_the_indexers(name: str, contract: str) -> None:
    """Whatever name an ABI gives an event, its table is known here as its contract's, and found by it."""
    (table,) = made = tables("p", contract, parse(json.dumps([{"type": "event", "name": name, "inputs": []}])))
    assert owner_of(CONTRACTS, table.name, describe(table).partition("(")[0]) == contract
    among = [EventTable("p", ("p",), contract, one.name, one.event.name, {}) for one in made]
    assert asked(among, contract, name) == [table.name]


@pytest.mark.parametrize("event", ["Moved", LONG, "_Foo", "A$B", "fooBAR_"])
@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_event_is_found_by_its_own_name(contract: str, event: str) -> None:
    """Whatever an event is called, it is found by that, and by the name that its table has."""
    (table,) = among = found(contract, f"{event}(uint256 a)")
    assert asked(among, contract, event) == asked(among, contract, table.short) == [table.name]


def test_of_several_each_is_found() -> None:
    """Overloads share a name and are told apart by their tables'; names that differ in letters only are told apart."""
    among = found("pool", "Transfer(address indexed a)", "Transfer(address indexed a, uint256 b)")
    assert len(asked(among, "pool", "Transfer")) == 2
    assert all(asked(among, "pool", table.short) == [table.name] for table in among)
    among = found("pool", "foo_Bar(uint256 x)", "FooBar(uint256 x)")
    assert [asked(among, "pool", table.event) for table in among] == [[table.name] for table in among]


def test_a_table_belongs_to_the_contract_that_has_the_event() -> None:
    """`pool` may have an event whose table is called like those of `pool_factory`."""
    assert [table.name for table in found("pool", "FactoryMade()")] == ["pool_factory_made"]
    assert [table.name for table in found("pool_factory", "Created()")] == ["pool_factory_created"]
    assert owner_of(CONTRACTS, "pool_factory_old", "") == "pool_factory"
