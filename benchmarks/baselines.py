"""What the product is measured against: web3.py as people write it, and a bare COPY of the same rows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from web3 import Web3

from benchmarks.chain import ABI, FIRST_BLOCK, TOKEN
from benchmarks.stage import SCHEMA, Node

STEP = 1_000
TABLES = {
    "Transfer": ('"from" bytea, "to" bytea, value numeric(78,0)', ("from", "to", "value")),
    "Approval": ("owner bytea, spender bytea, value numeric(78,0)", ("owner", "spender", "value")),
    "Swap": (
        'sender bytea, a0 numeric(78,0), a1 numeric(78,0), b0 numeric(78,0), b1 numeric(78,0), "to" bytea',
        ("sender", "amount0In", "amount1In", "amount0Out", "amount1Out", "to"),
    ),
    "Note": ("author bytea, text text", ("author", "text")),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many rows in so many seconds."""

    rows: int
    seconds: float

    @property
    def per_s(self) -> float:
        return self.rows / self.seconds


def web3_executemany(node: Node, database: str, blocks: int) -> Rate:
    """get_logs and process_log of web3.py, executemany of asyncpg, one question an event and 1,000 blocks."""
    return asyncio.run(_web3(node, database, blocks))


async def _web3(node: Node, database: str, blocks: int) -> Rate:
    w3 = Web3(Web3.HTTPProvider(node.url))
    address = Web3.to_checksum_address("0x" + TOKEN.hex())
    contract = w3.eth.contract(address=address, abi=ABI)
    cx = await asyncpg.connect(database)
    inserts = {}
    for name, (columns, keys) in TABLES.items():
        await cx.execute(
            f"create table {name} (chain_id bigint, block_number bigint, log_index bigint, block_time timestamptz, "
            f"block_hash bytea, tx_hash bytea, address bytea, {columns}, "
            f"primary key (chain_id, block_number, log_index))"
        )
        slots = ", ".join(f"${number}" for number in range(1, 8 + len(keys)))
        inserts[name] = f"insert into {name} values ({slots})"
    began, rows = time.monotonic(), 0
    for first in range(FIRST_BLOCK, FIRST_BLOCK + blocks, STEP):
        async with cx.transaction():
            for name, (_, keys) in TABLES.items():
                event = contract.events[name]()
                topic = event.topic if hasattr(event, "topic") else None
                logs = w3.eth.get_logs(
                    {"fromBlock": first, "toBlock": first + STEP - 1, "address": address, "topics": [topic]}
                )
                records = [_record(event.process_log(log), keys) for log in logs]
                await cx.executemany(inserts[name], records)
                rows += len(records)
    seconds = time.monotonic() - began
    await cx.close()
    return Rate(rows, seconds)


def _record(event: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    stamp = event.get("blockTimestamp", 0)
    seconds = int(stamp, 16) if isinstance(stamp, str) else int(stamp)
    values = [event["args"][key] for key in keys]
    return (
        4242,
        event["blockNumber"],
        event["logIndex"],
        datetime.fromtimestamp(seconds, UTC),
        bytes(event["blockHash"]),
        bytes(event["transactionHash"]),
        bytes.fromhex(event["address"][2:]),
        *(bytes.fromhex(v[2:]) if isinstance(v, str) and v.startswith("0x") and len(v) == 42 else v for v in values),
    )


async def dump(database: str) -> dict[str, tuple[str, bytes, int]]:
    """Every event table of a filled database: how it is made, and its rows as one binary COPY."""
    cx = await asyncpg.connect(database)
    out = {}
    for row in await cx.fetch("select tablename from pg_tables where schemaname = $1", SCHEMA):
        name = row["tablename"]
        chunks: list[bytes] = []

        async def keep(data: bytes, chunks: list[bytes] = chunks) -> None:
            chunks.append(data)

        tag = await cx.copy_from_query(
            f'select * from "{SCHEMA}"."{name}" order by chain_id, block_number, log_index',
            output=keep,
            format="binary",
        )
        columns = await cx.fetch(
            "select attname, format_type(atttypid, atttypmod) as type from pg_attribute "
            "where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum",
            f"{SCHEMA}.{name}",
        )
        shape = ", ".join(f'"{c["attname"]}" {c["type"]} not null' for c in columns)
        ddl = f'create table "{name}" ({shape}, primary key (chain_id, block_number, log_index))'
        out[name] = (ddl, b"".join(chunks), int(tag.removeprefix("COPY ")))
    await cx.close()
    return out


async def bare_copy(database: str, tables: dict[str, tuple[str, bytes, int]]) -> Rate:
    """One connection, one transaction, one binary COPY a table; primary keys in place."""
    cx = await asyncpg.connect(database)
    for ddl, _, _ in tables.values():
        await cx.execute(ddl)
    began = time.monotonic()
    async with cx.transaction():
        for name, (_, data, _) in tables.items():
            await cx.copy_to_table(name, source=_chunks(data), format="binary")
    seconds = time.monotonic() - began
    await cx.close()
    return Rate(sum(count for _, _, count in tables.values()), seconds)


async def _chunks(data: bytes) -> Any:
    view = memoryview(data)
    for at in range(0, len(view), 1 << 19):
        yield view[at : at + (1 << 19)]
