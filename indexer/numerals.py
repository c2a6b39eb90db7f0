"""Write whole columns of big integers as Postgres numerics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.copy_format import NUMERIC_MINUS

Bytes = NDArray[np.uint8]

_BASE = 10**8
_LIMB_BITS = 16


def _weights(limbs: int) -> NDArray[np.float64]:
    """Row i: 2^(16·i) in digits of base 10^8, least first."""
    groups = len(str((1 << (_LIMB_BITS * limbs)) - 1)) // 8 + 1
    return np.array(
        [[(1 << (_LIMB_BITS * i)) // _BASE**j % _BASE for j in range(groups)] for i in range(limbs)], np.float64
    )


class Numerals:
    """Encodes columns of big-endian integers. Holds only constant tables."""

    def __init__(self) -> None:
        self._weights = {limbs: _weights(limbs) for limbs in range(1, 17)}

    def fields(self, values: Bytes, *, signed: bool = False) -> Bytes:
        """Fields of type numeric. Shape: (rows, bytes of the integer) in, (rows, 4 + 8 + 2 · digits) out.

        The width is the same for all rows, that of the largest; Postgres strips leading zero digits itself.
        """
        sign = None
        if signed:
            sign = values[:, 0] >= 0x80
            values = _magnitude(values, sign)
        digits = self._digits(values)
        count = digits.shape[1]
        out = np.empty((len(values), 12 + 2 * count), np.uint8)
        words = out.view(">u2")
        words[:, :6] = (0, 8 + 2 * count, count, count - 1, 0, 0)
        if sign is not None:
            words[:, 4] = np.where(sign, NUMERIC_MINUS, 0)
        words[:, 6:] = digits
        return out

    def _digits(self, values: Bytes) -> NDArray[np.uint64]:
        """Base-10^4 digits, most significant first; at least one column, none that is zero in every row."""
        used = np.flatnonzero(values.any(axis=0))
        if not len(used):
            return np.zeros((len(values), 1), np.uint64)
        width = -(-(values.shape[1] - int(used[0])) // 2) * 2
        if width > values.shape[1]:
            values = np.concatenate([np.zeros((len(values), 1), np.uint8), values], axis=1)
        limbs = np.ascontiguousarray(values[:, values.shape[1] - width :]).view(">u2")[:, ::-1].astype(np.float64)
        # Exact: sixteen products below 2^16 · 10^8 add up to less than 2^53.
        groups = (limbs @ self._weights[width // 2]).astype(np.uint64).T.copy()
        for place in range(len(groups) - 1):
            carry = groups[place] // _BASE
            groups[place + 1] += carry
            carry *= _BASE
            groups[place] -= carry
        upper = groups // 10_000
        digits = np.empty((2 * len(groups), len(values)), np.uint64)
        digits[0::2] = groups - upper * 10_000
        digits[1::2] = upper
        top = len(digits)
        while top > 1 and not digits[top - 1].any():
            top -= 1
        return digits[:top][::-1].T


def _magnitude(values: Bytes, negative: NDArray[np.bool_]) -> Bytes:
    """Absolute values of two's complement integers."""
    if not negative.any():
        return values
    flipped = np.where(negative[:, None], ~values, values)
    carry = negative.astype(np.uint16)
    out = np.empty_like(values)
    for at in range(values.shape[1] - 1, -1, -1):
        total = flipped[:, at] + carry
        out[:, at] = total & 0xFF
        carry = (total >> 8).astype(np.uint16)
    return out
