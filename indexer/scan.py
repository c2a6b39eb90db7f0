"""Cut the text of an `eth_getLogs` answer into logs, and read what all logs have."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.copy_format import POSTGRES_EPOCH_S
from indexer.log_shape import Gap, LogShape

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

_QUOTE = ord('"')
_COMMA = ord(",")
_DIGITS = 16
_MAX_TIME_S = 1 << 40


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where logs begin and end. Shape: `good` logs have the shape's quotes and end where the next one begins."""

    text: Bytes
    start: Ints
    stop: Ints
    quotes: Ints
    quote: Ints
    topics: Ints
    good: Mask


@dataclass(slots=True)
class Logs:
    """What logs have whatever their event. Shape: `place` is their place in the answer; times are unix seconds, 0 unknown."""

    text: Bytes
    place: Ints
    topics: Ints
    topics_at: Ints
    data_at: Ints
    data_width: Ints
    number: Ints
    index: Ints
    time: Ints
    block_hash: Bytes
    tx_hash: Bytes
    address: Bytes

    def __getitem__(self, keep: Mask | Ints) -> Logs:
        parts = (getattr(self, name)[keep] for name in self.__slots__ if name != "text")
        return Logs(self.text, *parts)

    def meta(self, chain_id: int) -> NDArray[np.void]:
        """The fields of `META`."""
        out = np.empty(len(self.place), META)
        for name, width in (("chain_id", 8), ("block_number", 8), ("log_index", 8), ("block_time", 8)):
            out[f"{name}_size"] = width
        for name, width in (("block_hash", 32), ("tx_hash", 32), ("address", 20)):
            out[f"{name}_size"] = width
            out[name] = getattr(self, name).view(f"V{width}")[:, 0]
        out["chain_id"] = chain_id
        out["block_number"] = self.number
        out["log_index"] = self.index
        out["block_time"] = (self.time - POSTGRES_EPOCH_S) * 1_000_000
        return out


def cut(text: Bytes, shape: LogShape) -> Cuts | None:
    """Tell the logs apart; None when the text does not begin with one."""
    quotes = np.flatnonzero(text == _QUOTE)
    size, width = len(text), len(shape.marker)
    key = width - shape.marker.index(b'"') - 1
    found = np.flatnonzero(quotes[1:] - quotes[:-1] == key)
    start = quotes[found] - (width - key - 1)
    found, start = found[(start >= 0) & (start + width <= size)], start[(start >= 0) & (start + width <= size)]
    begun = windows(text, width)[start].view(np.uint8).reshape(-1, width)
    marked = (begun == np.frombuffer(shape.marker, np.uint8)).all(axis=1)
    quote, start = found[marked], start[marked]
    if not len(start) or start[0] != 0:
        return None
    count = np.diff(quote, append=len(quotes)) - shape.quotes
    topics = count >> 1
    good = (count & 1 == 0) & (topics >= 1) & (topics <= 4)
    stop = np.append(start[1:] - 1, size)
    last = shape.segments[-1]
    end = quotes[np.where(good, quote + last.quote + 2 * topics * last.after_topics, 0)] + last.shift + len(last.text)
    good &= end == stop
    good[:-1] &= text[stop[:-1]] == _COMMA
    return Cuts(text, start, stop, quotes, quote, topics, good)


def read(cuts: Cuts, shape: LogShape) -> Logs:
    """The good logs whose text is the shape's own. Raises binascii.Error where hex should be and is none."""
    keep = cuts.good
    quote, topics, start = (part if keep.all() else part[keep] for part in (cuts.quote, cuts.topics, cuts.start))
    twice = 2 * topics

    def at(number: int, after_topics: bool) -> Ints:
        place = quote + number
        return cuts.quotes[place + twice if after_topics else place]

    size = len(cuts.text)
    pieces = []
    for piece in shape.segments:
        begin = at(piece.quote, piece.after_topics) + piece.shift
        pieces.append((np.minimum(begin, size - len(piece.text)), len(piece.text)))
    body = gather(cuts.text, pieces)
    fits = matches(body, *shape.template)
    topics_at = at(shape.topics_quote, False)
    data = _gap(shape, "data")
    data_stop = at(data.quote, data.after_topics)
    data_at = at(data.quote - 1, data.after_topics) + 3
    fits &= data_stop >= data_at
    numbers = {}
    gaps = [gap for gap in shape.gaps if gap.name != "data"]
    opened = [at(gap.quote - 1, gap.after_topics) for gap in gaps]
    closed = [at(gap.quote, gap.after_topics) for gap in gaps]
    for gap, values, fine in zip(gaps, *_quantities(cuts.text, opened, closed), strict=True):
        fits &= fine
        numbers[gap.name] = values
    time = numbers.get("blockTimestamp")
    if time is None:
        time = np.zeros(len(quote), np.int64)
    fits &= time < _MAX_TIME_S
    hashes = unhex(body, [shape.column(name) for name in ("blockHash", "transactionHash", "address")])
    block_hash, tx_hash, address = (np.ascontiguousarray(hashes[:, a:b]) for a, b in ((0, 32), (32, 64), (64, 84)))
    logs = Logs(
        cuts.text,
        np.flatnonzero(keep),
        topics,
        topics_at,
        data_at,
        data_stop - data_at,
        numbers["blockNumber"],
        numbers["logIndex"],
        time,
        block_hash,
        tx_hash,
        address,
    )
    return logs if fits.all() else logs[fits]


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


def windows(text: Bytes, length: int) -> NDArray[np.void]:
    """Every stretch of this length, by where it begins."""
    return np.ndarray((len(text) - length + 1,), f"V{length}", text, strides=(1,))


def put(out: Bytes, at: int, column: NDArray[np.void]) -> None:
    """Write one column of equally long byte strings into the rows of a matrix."""
    np.ndarray((len(out),), column.dtype, out, at, (out.strides[0],))[:] = column


def column(rows: Bytes, at: int, width: int) -> NDArray[np.void]:
    """One column of equally long byte strings out of the rows of a matrix."""
    return np.ndarray((len(rows),), f"V{width}", rows, at, (rows.strides[0],))


def matches(rows: Bytes, template: NDArray[np.uint64], mask: NDArray[np.uint64]) -> Mask:
    """Which rows equal the template wherever the mask has ones."""
    wrong = rows.view(np.uint64) ^ template
    wrong &= mask
    if not wrong.any():
        return np.ones(len(rows), np.bool_)
    return ~wrong.any(axis=1)


def unhex(rows: Bytes, columns: Sequence[tuple[int, int]]) -> Bytes:
    """The bytes of hex columns side by side. Shape: (where, how many characters). Raises binascii.Error."""
    width = sum(length for _, length in columns)
    text = np.empty((len(rows), width), np.uint8)
    at = 0
    for begin, length in columns:
        put(text, at, column(rows, begin, length))
        at += length
    return np.frombuffer(binascii.unhexlify(text.data), np.uint8).reshape(len(rows), width // 2)


def _gap(shape: LogShape, name: str) -> Gap:
    return next(gap for gap in shape.gaps if gap.name == name)


def _quantities(text: Bytes, opened: Sequence[Ints], closed: Sequence[Ints]) -> tuple[list[Ints], list[Mask]]:
    """Hex quantities of 1 to 16 digits, and which are no larger than 63 bits. Shape: positions of their quotes."""
    begin, end = np.stack(opened), np.stack(closed)
    digits = end - begin - 3
    fine = (digits >= 1) & (digits <= _DIGITS) & (end >= _DIGITS)
    shown = windows(text, _DIGITS)[np.where(fine, end - _DIGITS, 0)].view(np.uint8).reshape(*digits.shape, _DIGITS)
    hidden = np.arange(_DIGITS) < (_DIGITS - digits)[..., None]
    shown[hidden | ~fine[..., None]] = ord("0")
    values = np.frombuffer(binascii.unhexlify(shown.data), ">u8").reshape(digits.shape).astype(np.int64)
    fine &= values >= 0
    return list(values), list(fine)
