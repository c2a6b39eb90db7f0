"""Write values in Postgres's binary COPY format.

Source: the PostgreSQL manual, COPY, "Binary Format", and each type's `*_recv`. A row is its number of fields (int16),
then per field its size (int32) and its bytes; all integers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
POSTGRES_EPOCH_S = 946_684_800
NUMERIC_MINUS = 0x4000

Encode = Callable[[Any], bytes]


def bigint(value: int) -> bytes:
    """A field of type bigint."""
    return struct.pack(">iq", 8, value)


def boolean(value: bool) -> bytes:
    """A field of type boolean."""
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def bytea(value: bytes) -> bytes:
    """A field of type bytea."""
    return struct.pack(">i", len(value)) + value


def text(value: str) -> bytes:
    """A field of type text; the string must be one that Postgres can hold (see `indexer.text`)."""
    return bytea(value.encode())


def jsonb(value: str) -> bytes:
    """A field of type jsonb from its JSON text."""
    return bytea(b"\1" + value.encode())


def numeric(value: int | Decimal) -> bytes:
    """A field of type numeric."""
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"not a finite number: {value}")
    scale = max(0, -exponent)
    whole = "".join(map(str, digits)) + "0" * max(0, exponent)
    whole = whole.zfill(scale + 1)
    left, right = whole[: len(whole) - scale], whole[len(whole) - scale :]
    left = left.zfill(-(-len(left) // 4) * 4)
    padded = left + right.ljust(-(-len(right) // 4) * 4, "0")
    groups = [int(padded[at : at + 4]) for at in range(0, len(padded), 4)]
    weight = len(left) // 4 - 1
    flag = NUMERIC_MINUS if sign else 0
    return struct.pack(f">iHhHH{len(groups)}H", 8 + 2 * len(groups), len(groups), weight, flag, scale, *groups)


def micros(unix_s: int) -> int:
    """A unix time as timestamptz counts it: microseconds since the year 2000."""
    return (unix_s - POSTGRES_EPOCH_S) * 1_000_000


def timestamptz(value: datetime | int) -> bytes:
    """A field of type timestamptz from a moment, or from unix seconds."""
    if isinstance(value, datetime):
        since = value - datetime.fromtimestamp(POSTGRES_EPOCH_S, UTC)
        return bigint((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
    return bigint(micros(value))


ENCODERS: dict[str, Encode] = {
    "bigint": bigint,
    "boolean": boolean,
    "bytea": bytea,
    "jsonb": jsonb,
    "numeric": numeric,
    "numeric(78,0)": numeric,
    "text": text,
    "timestamp with time zone": timestamptz,
}


def encoder(types: Iterable[str]) -> Callable[[Iterable[Any]], bytes]:
    """A function from one row's values to its bytes, without header and trailer."""
    fields = [ENCODERS[name] for name in types]
    start = struct.pack(">h", len(fields))
    return lambda values: start + b"".join([encode(value) for encode, value in zip(fields, values, strict=True)])
