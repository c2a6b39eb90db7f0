"""The nouns of JSON-RPC: a call, a header, a raw log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Call:
    """One method with its positional parameters."""

    method: str
    params: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A block header as one node reported it; hashes are 32 bytes, the bloom 256, the timestamp unix seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    logs_bloom: bytes


class RawHeader(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A block of `eth_getBlockByNumber`, quantities and bytes still 0x-hex (execution-apis `Block`)."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str = "0x"

    def parsed(self) -> Header:
        """The header in numbers and bytes; raises ValueError when a field is no hex or has the wrong width."""
        return Header(
            number=int(self.number, 16),
            hash=_bytes(self.hash, 32),
            parent_hash=_bytes(self.parent_hash, 32),
            timestamp=int(self.timestamp, 16),
            logs_bloom=bytes.fromhex(self.logs_bloom[2:]),
        )


class RawLog(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A log of `eth_getLogs`, every field still the node's own 0x-hex text, which costs half of converting it here.

    `bytes.fromhex(text[2:])` and `int(text, 16)` give the values; `block_timestamp` is None when the node omits it.
    """

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


def _bytes(text: str, width: int) -> bytes:
    value = bytes.fromhex(text[2:])
    if len(value) != width or not text.startswith("0x"):
        raise ValueError(f"expected {width} bytes of 0x-hex, got {text[:80]!r}")
    return value
