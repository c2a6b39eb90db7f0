"""What the decoder process is asked, and what it tells."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexer.model import Copied
from indexer.quick import Known, Source

LENGTH = struct.Struct(">I")
"""What precedes every message: its size."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the process needs to know once."""

    chain_id: int
    sources: Sequence[Source]
    slots: int
    slot_bytes: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Decode the answer in a slot; without anything known, tell its blocks."""

    slot: int
    size: int
    known: Known | None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it. Shape: the rows of `copied` lie one after the other in the slot, in sizes by table."""

    copied: Copied | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    blocks: Sequence[int] | None = None


def packed(message: Setup | Ask | Told) -> bytes:
    """The message with its size before it."""
    body = pickle.dumps(message, protocol=5)
    return LENGTH.pack(len(body)) + body
