r"""Carry any bytes through Postgres text and back.

Postgres text holds neither NUL nor bytes that are no UTF-8, but contracts emit both. Such a byte is stored as `\xHH`;
a backslash that already stands before `xHH` is stored as `\x5c`, so nothing is ambiguous: the byte HH put for every
`\xHH` gives the contract's own bytes. All other text, other backslashes included, is stored as it is.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile("[\0\udc80-\udcff]|\\\\(?=x[0-9a-f]{2})")
_UNSAFE_IN_JSON = re.compile("[\udc80-\udcff]|\\\\(?=x[0-9a-f]{2})")


def storable(text: str) -> str:
    """The text with what Postgres cannot hold escaped. Shape: invalid bytes come in as surrogates (PEP 383)."""
    return _UNSAFE.sub(_hex, text)


def printable(text: str) -> str:
    """As `storable`, but NUL stays: JSON can write it as `\\u0000`."""
    return _UNSAFE_IN_JSON.sub(_hex, text)


def _hex(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]) & 0xFF:02x}"
