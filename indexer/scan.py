"""Cut the text of an `eth_getLogs` answer into logs, and read what all logs have."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.copy_format import POSTGRES_EPOCH_S
from indexer.log_shape import LogShape

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

META = np.dtype(
    [
        ("chain_id_size", ">i4"),
        ("chain_id", ">i8"),
        ("block_number_size", ">i4"),
        ("block_number", ">i8"),
        ("log_index_size", ">i4"),
        ("log_index", ">i8"),
        ("block_time_size", ">i4"),
        ("block_time", ">i8"),
        ("block_hash_size", ">i4"),
        ("block_hash", "V32"),
        ("tx_hash_size", ">i4"),
        ("tx_hash", "V32"),
        ("address_size", ">i4"),
        ("address", "V20"),
    ]
)
"""The columns that every event table begins with, as COPY wants them."""
META_BYTES = META.itemsize

TOPIC_TEXT = 69
"""`"0x` + 64 digits + `"` + `,`"""

_COLON = ord(":")
_COMMA = ord(",")
_ONES = np.uint64(0x0101010101010101)
_ZEROS = np.uint64(0x3030303030303030)


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where logs begin and end, and where the colons in each are (one row a log, the next log's first included)."""

    text: Bytes
    start: Ints
    stop: Ints
    colons: Ints


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of logs are that depend on their event. Shape: `log` is a log's place in the answer."""

    text: Bytes
    log: Ints
    topics_at: Ints
    data_at: Ints
    data_width: Ints

    def __getitem__(self, keep: Mask | Ints) -> Places:
        return Places(self.text, self.log[keep], self.topics_at[keep], self.data_at[keep], self.data_width[keep])


@dataclass(frozen=True, slots=True)
class Logs:
    """What logs have whatever their event. Shape: times are unix seconds, 0 when unknown."""

    places: Places
    topics: Ints
    number: Ints
    index: Ints
    time: Ints
    block_hash: Bytes
    tx_hash: Bytes
    address: Bytes

    def __getitem__(self, keep: Mask) -> Logs:
        return Logs(*(getattr(self, name)[keep] for name in self.__slots__))

    def meta(self, chain_id: int) -> NDArray[np.void]:
        """The fields of `META`, one byte string a log."""
        out = np.empty(len(self.number), META)
        for name, width in (("block_hash", 32), ("tx_hash", 32), ("address", 20)):
            out[f"{name}_size"] = width
            out[name] = getattr(self, name).view(f"V{width}")[:, 0]
        for name in ("chain_id", "block_number", "log_index", "block_time"):
            out[f"{name}_size"] = 8
        out["chain_id"] = chain_id
        out["block_number"] = self.number
        out["log_index"] = self.index
        out["block_time"] = (self.time - POSTGRES_EPOCH_S) * 1_000_000
        return out.view(f"V{META_BYTES}")


def cut(text: Bytes, shape: LogShape) -> Cuts | None:
    """Tell the logs apart; None when they do not all have the same keys, or more than commas between them."""
    colons = np.flatnonzero(text == _COLON)
    if not len(colons) or len(colons) % shape.colons:
        return None
    rows = colons.reshape(-1, shape.colons)
    start = rows[:, 0] - shape.head
    after = np.append(rows[1:, 0], len(text) + 1 + shape.head)
    stop = np.append(start[1:] - 1, len(text))
    if start[0] != 0 or not (text[stop[:-1]] == _COMMA).all() or not (stop > start).all():
        return None
    return Cuts(text, start, stop, np.column_stack([rows, after]))


def read(cuts: Cuts, shape: LogShape) -> Logs:
    """The logs whose text is of this shape. Raises binascii.Error where hex should be and is none."""
    size = len(cuts.text)
    at = cuts.colons.T
    last = shape.segments[-1]
    fits = at[last.colon] + (last.shift + len(last.text)) == cuts.stop
    body = gather(
        cuts.text,
        [(inside(at[one.colon] + one.shift, len(one.text), size), len(one.text)) for one in shape.segments],
    )
    fits &= matches(body, *shape.template)
    begin = {name: at[gap.colon] + gap.lead for name, gap in shape.gaps.items()}
    width = {name: at[gap.colon + 1] - (gap.lead + gap.tail) - at[gap.colon] for name, gap in shape.gaps.items()}
    topics = (width["topics"] + 1) // TOPIC_TEXT
    fits &= (topics * TOPIC_TEXT == width["topics"] + 1) & (topics >= 1) & (topics <= 4) & (width["data"] >= 0)
    names = [name for name in shape.gaps if name not in ("topics", "data")]
    ends = [inside(begin[name] + width[name] - 8, 8, size) for name in names]
    values, fine = _quantities(cuts.text, np.stack(ends), np.stack([width[name] for name in names]))
    numbers = dict(zip(names, values, strict=True))
    fits &= fine.all(axis=0)
    hashes = unhex(body, [shape.column(name) for name in ("blockHash", "transactionHash", "address")])
    block_hash, tx_hash, address = (np.ascontiguousarray(hashes[:, a:b]) for a, b in ((0, 32), (32, 64), (64, 84)))
    time = numbers.get("blockTimestamp", np.zeros(len(topics), np.int64))
    places = Places(cuts.text, np.arange(len(topics)), begin["topics"], begin["data"], width["data"])
    logs = Logs(places, topics, numbers["blockNumber"], numbers["logIndex"], time, block_hash, tx_hash, address)
    return logs if fits.all() else logs[fits]


def numbers(cuts: Cuts, shape: LogShape) -> Ints | None:
    """The block numbers of all logs, and nothing else looked at; None where one is no number."""
    gap = shape.gaps["blockNumber"]
    end = cuts.colons[:, gap.colon + 1] - gap.tail
    digits = end - cuts.colons[:, gap.colon] - gap.lead
    found, fine = _quantities(cuts.text, inside(end - 8, 8, len(cuts.text)), digits)
    return found if fine.all() else None


def gather(text: Bytes, pieces: Sequence[tuple[Ints, int]]) -> Bytes:
    """Stretches of text side by side, one row a log, padded to whole words with what nobody may look at."""
    width = sum(length for _, length in pieces)
    rows = len(pieces[0][0])
    out = np.empty((rows, -(-width // 8) * 8), np.uint8)
    at = 0
    for begin, length in pieces:
        put(out, at, windows(text, length)[begin])
        at += length
    return out


def inside(begin: Ints, length: int, size: int) -> Ints:
    """Ascending places, moved so far that a stretch of this length lies in the text: a log that needs it is cut off."""
    return np.minimum(begin, size - length) if len(begin) and begin[-1] + length > size else begin


def windows(text: Bytes, length: int) -> NDArray[np.void]:
    """Every stretch of this length, by where it begins."""
    return np.ndarray((len(text) - length + 1,), f"V{length}", text, strides=(1,))


def put(out: Bytes, at: int, column: NDArray[np.void]) -> None:
    """Write one column of equally long byte strings into the rows of a matrix."""
    out[:, at : at + column.dtype.itemsize].view(column.dtype)[:, 0] = column


def column(rows: Bytes, at: int, width: int) -> NDArray[np.void]:
    """One column of equally long byte strings out of the rows of a matrix."""
    return rows[:, at : at + width].view(f"V{width}")[:, 0]


def matches(rows: Bytes, template: NDArray[np.uint64], mask: NDArray[np.uint64]) -> Mask:
    """Which rows equal the template wherever the mask has ones."""
    wrong = rows.view(np.uint64) ^ template
    wrong &= mask
    if not wrong.any():
        return np.ones(len(rows), np.bool_)
    return np.asarray(~wrong.any(axis=1))


def unhex(rows: Bytes, columns: Sequence[tuple[int, int]]) -> Bytes:
    """The bytes of hex columns side by side. Shape: (where, how many characters). Raises binascii.Error."""
    width = sum(length for _, length in columns)
    text = np.empty((len(rows), width), np.uint8)
    at = 0
    for begin, length in columns:
        put(text, at, column(rows, begin, length))
        at += length
    return np.frombuffer(binascii.unhexlify(text.data), np.uint8).reshape(len(rows), width // 2)


def _quantities(text: Bytes, at: Ints, digits: Ints) -> tuple[Ints, Mask]:
    """Hex quantities of one to eight digits at the end of the eight characters at `at`, and which of them are such."""
    fine = (digits >= 1) & (digits <= 8)
    words = windows(text, 8)[at].view("<u8")
    hidden = (np.uint64(1) << (np.uint64(8) * (8 - np.where(fine, digits, 8)).astype(np.uint64))) - np.uint64(1)
    words = (words & ~hidden) | (hidden & _ZEROS)
    nibbles = (words & np.uint64(0x0F0F0F0F0F0F0F0F)) + ((words >> np.uint64(6)) & _ONES) * np.uint64(9)
    letters = ((nibbles + np.uint64(0x0606060606060606)) >> np.uint64(4)) & _ONES
    # Written back as digits they are the same text: so it was lower-case hex and nothing else.
    fine &= (nibbles & np.uint64(0xF0F0F0F0F0F0F0F0)) == 0
    fine &= nibbles + _ZEROS + letters * np.uint64(39) == words
    pairs = ((nibbles << np.uint64(4)) | (nibbles >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = ((pairs << np.uint64(8)) | (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    return (((fours << np.uint64(16)) | (fours >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.int64), fine
