"""Tell JSON that is nested beyond reason before a parser dives into it.

Parsers stop at the interpreter's recursion limit, which libraries raise until the C stack gives way first.
"""

from __future__ import annotations

import re

MAX_DEPTH = 500
# A string without its end takes all the rest, so that nothing is looked at twice.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+\\?(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def too_deep(raw: bytes) -> bool:
    """Whether lists and objects are nested more than `MAX_DEPTH` deep. Shape: any bytes, JSON or not."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _TOKEN.finditer(raw):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token[0] in (b"]", b"}"):
            depth -= 1
    return False
