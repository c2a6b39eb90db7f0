"""What stands behind a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eth_hash.auto import keccak

from indexer.implementations import Seen, digest, known, only_of_proxies
from indexer.proxies import BEACON, BEACON_SLOT, CLONE, SLOTS, Behind, behind
from indexer.signature import parse_signature
from shared.rpc_errors import Rejected
from shared.rpc_types import Call

PROXY, LOGIC, LATER, BEACON_AT = (bytes([number]) * 20 for number in (0x11, 0x22, 0x33, 0x44))
OLD_ABI, NEW_ABI = b"old", b"new"


class Node:
    """A node that knows some storage and some code."""

    def __init__(self, storage: dict[str, str] | None = None, code: str = "0x6001", calls: str = "0x") -> None:
        self.storage, self.code, self.calls = storage or {}, code, calls
        self.asked = 0

    async def ask(self, calls: Sequence[Call]) -> list[Any]:
        self.asked += 1
        return [self._answer(call) for call in calls]

    def _answer(self, call: Call) -> Any:
        if call.method == "eth_getCode":
            return self.code
        if call.method == "eth_call":
            assert call.params[0]["to"] == "0x" + BEACON_AT.hex()
            return self.calls
        return self.storage.get(call.params[1], "0x" + "0" * 64)


def word(address: bytes) -> str:
    return "0x" + address.hex().rjust(64, "0")


def test_the_slots_are_those_of_the_standards() -> None:
    """Each slot is the hash that its standard names."""

    def below(text: bytes) -> str:
        return f"0x{int.from_bytes(keccak(text)) - 1:064x}"

    assert SLOTS["EIP-1967"] == below(b"eip1967.proxy.implementation")
    assert below(b"eip1967.proxy.beacon") == BEACON_SLOT
    assert SLOTS["EIP-1822"] == "0x" + keccak(b"PROXIABLE").hex()
    assert SLOTS["OpenZeppelin"] == "0x" + keccak(b"org.zeppelinos.proxy.implementation").hex()


@pytest.mark.parametrize("kind", SLOTS)
async def test_every_kind_of_slot_is_read(kind: str) -> None:
    """Whichever slot holds an address: that is the implementation. Leading zeros may be left out."""
    for text in (word(LOGIC), "0x" + LOGIC.hex()):
        assert await behind(Node({SLOTS[kind]: text}).ask, [PROXY]) == {PROXY: Behind(kind, LOGIC)}


async def test_a_beacon_is_asked_for_its_implementation() -> None:
    """A proxy that only knows its beacon is looked through."""
    node = Node({BEACON_SLOT: word(BEACON_AT)}, calls=word(LOGIC))
    assert await behind(node.ask, [PROXY]) == {PROXY: Behind(BEACON, LOGIC)}
    assert node.asked == 2


async def test_a_clone_names_its_implementation_in_its_code() -> None:
    """EIP-1167."""
    node = Node(code=f"0x363d3d373d3d3d363d73{LOGIC.hex()}5af43d82803e903d91602b57fd5bf3")
    assert await behind(node.ask, [PROXY]) == {PROXY: Behind(CLONE, LOGIC)}


async def test_other_contracts_are_no_proxies() -> None:
    """Nothing in the slots, or what is no address, and code of its own: no proxy, at one question."""
    node = Node({SLOTS["EIP-1822"]: "0x" + "f" * 64})
    assert await behind(node.ask, [PROXY, LATER]) == {PROXY: None, LATER: None}
    assert node.asked == 1
    assert await behind(node.ask, []) == {}
    assert node.asked == 1


async def test_a_node_that_cannot_tell_says_nothing() -> None:
    """A contract of which a question failed is left out: it is not called no proxy."""

    async def refuse(calls: Sequence[Call]) -> list[Any]:
        return [Rejected("no such method") for _ in calls]

    assert await behind(refuse, [PROXY]) == {}


def test_what_proxies_emit_themselves() -> None:
    """An ABI with nothing but a proxy's events is told from one of an implementation."""
    upgraded = parse_signature("event Upgraded(address indexed implementation)")
    assert only_of_proxies([upgraded])
    assert only_of_proxies([])
    assert not only_of_proxies([upgraded, parse_signature("event Ping(uint256 count)")])


def test_events_are_told_apart_by_their_names_and_layouts() -> None:
    """The digest does not depend on the order, but on everything that decides what rows look like."""
    one, two = parse_signature("event A(uint256 a)"), parse_signature("event B(uint256 a)")
    assert digest([one, two]) == digest([two, one])
    others = ("event A(uint256 b)", "event A(uint256 indexed a)", "event A(uint128 a)")
    assert len({digest([parse_signature(text)]) for text in ("event A(uint256 a)", *others)}) == 4


@pytest.mark.parametrize(
    ("history", "abi", "listed", "expected"),
    [
        ([], OLD_ABI, (), True),
        ([Seen(LOGIC, OLD_ABI, True)], OLD_ABI, (), False),
        ([Seen(LOGIC, OLD_ABI, True)], NEW_ABI, (), True),
        ([Seen(LOGIC, OLD_ABI, True)], OLD_ABI, (LATER,), True),
        ([Seen(LOGIC, OLD_ABI, True), Seen(LATER, OLD_ABI, False)], OLD_ABI, (), False),
        ([Seen(LOGIC, OLD_ABI, True), Seen(LATER, OLD_ABI, False)], NEW_ABI, (), True),
        ([Seen(LATER, OLD_ABI, True), Seen(LOGIC, NEW_ABI, True)], NEW_ABI, (), True),
    ],
    ids=["first", "upgraded", "upgraded with its ABI", "listed", "still unknown", "mended", "went back"],
)
def test_which_implementations_are_known(
    history: Sequence[Seen], abi: bytes, listed: Sequence[bytes], expected: bool
) -> None:
    """The first one is what the ABI is for; a later one is known once the ABI was changed for it, or it is listed."""
    assert known(history, LATER, abi, listed) is expected
