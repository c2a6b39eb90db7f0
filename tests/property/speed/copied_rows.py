"""Read binary COPY rows back, to compare them however wide their numbers were written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def rows_of(data: bytes, types: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a COPY stream without header and trailer, as values."""
    out, at = [], 0
    while at < len(data):
        (count,) = struct.unpack_from(">h", data, at)
        assert count == len(types)
        at += 2
        row = []
        for kind in types:
            (size,) = struct.unpack_from(">i", data, at)
            field = data[at + 4 : at + 4 + size]
            assert len(field) == size
            at += 4 + size
            row.append(_value(kind, field))
        out.append(tuple(row))
    return out


def _value(kind: str, field: bytes) -> Any:
    match kind:
        case "bigint" | "timestamp with time zone":
            return struct.unpack(">q", field)[0]
        case "boolean":
            assert field in (b"\0", b"\1")
            return field == b"\1"
        case "numeric" | "numeric(78,0)":
            return _numeric(field)
        case "text":
            return field.decode()
        case "jsonb":
            assert field[:1] == b"\1"
            return field[1:].decode()
        case _:
            return field


def _numeric(field: bytes) -> Fraction:
    count, weight, sign, _ = struct.unpack_from(">HhHH", field)
    digits = struct.unpack_from(f">{count}H", field, 8)
    assert len(field) == 8 + 2 * count
    assert all(digit < 10_000 for digit in digits)
    assert sign in (0, 0x4000)
    value = sum((digit * Fraction(10_000) ** (weight - place) for place, digit in enumerate(digits)), Fraction(0))
    return -value if sign else value
