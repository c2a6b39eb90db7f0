"""Tell from a header's bloom whether a block can hold logs that match a filter."""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

from indexer.model import Filter

BITS = 2_048


class FilterBloom:
    """A filter as bloom masks (yellow paper, 4.3.1). An empty part of the filter matches anything."""

    def __init__(self, filter: Filter) -> None:  # noqa: A002
        self._addresses = _masks(filter.addresses)
        self._topics = _masks(filter.topic0s)

    def may_match(self, bloom: bytes) -> bool:
        """False says for certain that the block has no such log, if the bloom is honest."""
        bits = int.from_bytes(bloom, "big")
        return bits != 0 and _any(self._addresses, bits) and _any(self._topics, bits)

    def chance(self, bloom: bytes) -> float:
        """How likely `may_match` is by mere chance in a bloom as full as this one."""
        if not self._addresses and not self._topics:
            return 0.0
        one = (int.from_bytes(bloom, "big").bit_count() / BITS) ** 3
        return _chance(one, len(self._addresses)) * _chance(one, len(self._topics))


def bloom_of(items: Sequence[bytes]) -> bytes:
    """The bloom of these addresses and topics."""
    bits = 0
    for item in items:
        bits |= _mask(item)
    return bits.to_bytes(BITS // 8, "big")


def _mask(item: bytes) -> int:
    digest = keccak(item)
    return sum({1 << (int.from_bytes(digest[at : at + 2], "big") % BITS) for at in (0, 2, 4)})


def _masks(items: Sequence[bytes]) -> tuple[int, ...]:
    return tuple(_mask(item) for item in items)


def _any(masks: tuple[int, ...], bits: int) -> bool:
    return not masks or any(mask & bits == mask for mask in masks)


def _chance(one: float, count: int) -> float:
    return 1 - (1 - one) ** count if count else 1.0
