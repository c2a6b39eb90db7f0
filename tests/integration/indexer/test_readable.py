"""SQL functions that give addresses and strings back as people and contracts write them."""

from __future__ import annotations

import random

from eth_utils.address import to_checksum_address

from indexer.text import storable
from shared.db import Database

PIECES = [b"\\", b"x", b"0", b"5c", b"\0", b"\xff", b"a", "é".encode(), b"\n", b"\\x41"]


async def test_addresses_have_their_checksum(db: Database) -> None:
    """`usdx.address_text` writes an address as EIP-55 does, and other bytes as plain hex."""
    rng = random.Random(55)
    async with db.connection() as cx:
        for _ in range(50):
            address = rng.randbytes(20)
            assert await cx.fetchval("select usdx.address_text($1)", address) == to_checksum_address(address)
        assert await cx.fetchval("select usdx.address_text($1)", b"\xab\xcd") == "0xabcd"


async def test_strings_come_back_byte_by_byte(db: Database) -> None:
    """`usdx.text_bytes` undoes the escape of what Postgres text cannot hold."""
    rng = random.Random(8)
    async with db.connection() as cx:
        for _ in range(100):
            raw = b"".join(rng.choices(PIECES, k=rng.randint(0, 12)))
            stored = storable(raw.decode("utf-8", "surrogateescape"))
            assert await cx.fetchval("select usdx.text_bytes($1)", stored) == raw
