"""Measure parts of the pipeline alone: how fast the node serves, and how fast one core decodes."""

from __future__ import annotations

import http.client
import json
import os
import time

from benchmarks.baselines import Rate
from benchmarks.chain import ABI, CHAIN_ID, FIRST_BLOCK, PROFILES, TOKEN, Chain
from benchmarks.stage import Node

CHUNKS = 8


def ceiling(node: Node, blocks: int, step: int = 600) -> Rate:
    """Fetch everything as fast as one client can read it, and look at nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port)
    began, size = time.monotonic(), 0
    for first in range(FIRST_BLOCK, FIRST_BLOCK + blocks, step):
        last = min(first + step, FIRST_BLOCK + blocks) - 1
        asked = {"fromBlock": hex(first), "toBlock": hex(last), "address": "0x" + TOKEN.hex()}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [asked]})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        size += len(connection.getresponse().read())
    seconds = time.monotonic() - began
    connection.close()
    return Rate(Chain(PROFILES[node.plan.profile]).logs_in(blocks), seconds)


def columns_alone(repeats: int = 5) -> Rate:
    """CPU time of one core from the bytes of answers to finished COPY rows, by columns; the best of some rounds."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    from indexer.abi import parse
    from indexer.columns import Columns
    from indexer.quick import Known, source, stamps
    from indexer.streams import stream

    one = stream("bench/token", "replay", "bench", parse(json.dumps(ABI)), [TOKEN], FIRST_BLOCK)
    columns = Columns(CHAIN_ID, [source(one)])
    answers = [np.frombuffer(text, np.uint8) for text in _answers()]
    known = Known(0, 1 << 40, stamps())
    rows, best = 0, float("inf")
    for _ in range(repeats):
        began = time.process_time()
        decoded = [columns.decode(answer, known) for answer in answers]
        best = min(best, time.process_time() - began)
        rows = sum(part.logs for part in decoded if part is not None)
    return Rate(rows, best)


def general_alone() -> Rate:
    """The same by the general decoder: JSON, one log after the other, COPY rows."""
    import msgspec

    from indexer.abi import parse
    from indexer.copy_format import encoder
    from indexer.model import Log, Logs, Range
    from indexer.rows import Batch, RowWriter
    from indexer.streams import stream

    one = stream("bench/token", "replay", "bench", parse(json.dumps(ABI)), [TOKEN], FIRST_BLOCK)
    writer = RowWriter(CHAIN_ID, [one])
    answers = _answers()
    began, rows = time.process_time(), 0
    for text in answers:
        batch = Batch()
        logs = msgspec.json.decode(b"[" + text + b"]", type=list[Log])
        writer.write(Logs(Range(0, 1 << 40), {}, logs), batch)
        for table in batch.rows.values():
            encode = encoder(table.table.types.values())
            rows += len([encode(record) for record in table.records])
    return Rate(rows, time.process_time() - began)


def _answers() -> list[bytes]:
    chain = Chain(PROFILES["dense"])
    return [bytes(chain.chunk(number).logs) for number in range(CHUNKS)]
