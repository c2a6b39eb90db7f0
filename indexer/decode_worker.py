"""The process behind `indexer.decode_process`: read answers from shared memory, write rows back."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its matrices here are tiny

import gc
import mmap
import pickle
import signal
import sys
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from indexer.columns import Columns
from indexer.decode_messages import LENGTH, Ask, Setup, Told, packed


def main() -> None:
    """Serve until standard input ends, which it does however the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(5)  # who feeds Postgres comes first; decoding is ahead of it anyway
    setup = _receive(sys.stdin.buffer)
    if not isinstance(setup, Setup):
        return
    columns = Columns(setup.chain_id, setup.sources)
    memory = mmap.mmap(int(sys.argv[1]), setup.slots * setup.slot_bytes)
    gc.collect()
    gc.freeze()
    while isinstance(ask := _receive(sys.stdin.buffer), Ask):
        base = ask.slot * setup.slot_bytes
        told = _answer(columns, ask, memoryview(memory)[base : base + setup.slot_bytes])
        sys.stdout.buffer.write(packed(told))
        sys.stdout.buffer.flush()


def _answer(columns: Columns, ask: Ask, slot: memoryview) -> Told:
    inner = np.frombuffer(slot[: ask.size], np.uint8).copy()  # to gather from private memory is faster
    if ask.known is None:
        return Told(blocks=columns.blocks(inner))
    copied = columns.decode(inner, ask.known)
    if copied is None or sum(map(len, copied.copies.values())) > len(slot):
        return Told()
    at = 0
    for copy in copied.copies.values():
        slot[at : at + len(copy)] = copy
        at += len(copy)
    return Told(replace(copied, copies={}), {table: len(copy) for table, copy in copied.copies.items()})


def _receive(pipe: BinaryIO) -> object:
    """One message, None at the end."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return pickle.loads(pipe.read(LENGTH.unpack(head)[0]))  # noqa: S301 -- our own parent


if __name__ == "__main__":
    main()
