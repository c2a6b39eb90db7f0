"""Find the implementation behind a proxy contract.

Sources: EIP-1967 (implementation and beacon slots), EIP-1822 (`PROXIABLE`), the slot of OpenZeppelin's proxies before
EIP-1967, EIP-1167 (clones, whose code names their implementation).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.rpc_errors import RpcError
from shared.rpc_types import Call

Ask = Callable[[Sequence[Call]], Awaitable[list[Any]]]

SLOTS = {
    "EIP-1967": "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    "EIP-1822": "0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7",
    "OpenZeppelin": "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
}
"""Where a proxy keeps its implementation's address, by the kind of proxy."""

BEACON_SLOT = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"
BEACON = "EIP-1967 beacon"
CLONE = "EIP-1167"
IMPLEMENTATION = "0x5c60da1b"  # the selector of implementation()

_CLONE = re.compile(r"0x363d3d373d3d3d363d73([0-9a-f]{40})5af43d82803e903d91602b57fd5bf3")


@dataclass(frozen=True, slots=True)
class Behind:
    """What a proxy forwards its calls to."""

    kind: str
    implementation: bytes


async def behind(ask: Ask, addresses: Iterable[bytes]) -> Mapping[bytes, Behind | None]:
    """What stands behind each address, None where it is no proxy; those that the node cannot tell of are left out.

    Asks twice at most. Raises RpcError when nothing was answered at all.
    """
    chosen = list(addresses)
    each = [*SLOTS.values(), BEACON_SLOT]
    calls = [call for one in chosen for call in _questions(one, each)]
    answers = await ask(calls) if calls else []
    found: dict[bytes, Behind | None] = {}
    beacons: dict[bytes, bytes] = {}
    for place, one in enumerate(chosen):
        *slots, code = answers[place * (len(each) + 1) : (place + 1) * (len(each) + 1)]
        words = [_address(slot) for slot in slots]
        if any(isinstance(answer, RpcError) for answer in (*slots, code)):
            continue
        if words[-1] is not None:
            beacons[one] = words[-1]
        else:
            found[one] = _direct(words[:-1], code)
    return found | await _behind_beacons(ask, beacons)


async def _behind_beacons(ask: Ask, beacons: Mapping[bytes, bytes]) -> dict[bytes, Behind | None]:
    calls = [Call("eth_call", ({"to": _hex(beacon), "data": IMPLEMENTATION}, "latest")) for beacon in beacons.values()]
    answers = [_address(answer) for answer in await ask(calls)] if calls else []
    told = zip(beacons, answers, strict=True)
    return {proxy: Behind(BEACON, address) for proxy, address in told if address is not None}


def _questions(address: bytes, slots: Sequence[str]) -> list[Call]:
    at = _hex(address)
    return [*(Call("eth_getStorageAt", (at, slot, "latest")) for slot in slots), Call("eth_getCode", (at, "latest"))]


def _direct(words: Sequence[bytes | None], code: object) -> Behind | None:
    for kind, word in zip(SLOTS, words, strict=True):
        if word is not None:
            return Behind(kind, word)
    clone = _CLONE.fullmatch(code.lower()) if isinstance(code, str) else None
    return Behind(CLONE, bytes.fromhex(clone[1])) if clone else None


def _address(word: object) -> bytes | None:
    """The address in a storage word, whose leading zeros some nodes leave out; None when there is none."""
    if not isinstance(word, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", word):
        return None
    number = int(word, 16)
    return number.to_bytes(20, "big") if 0 < number < 1 << 160 else None


def _hex(address: bytes) -> str:
    return "0x" + address.hex()
