"""Tell one request from another in logs and exemplars: the caller's W3C trace id, or one of our own."""

from __future__ import annotations

import random
import re

_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: str | None) -> str:
    """32 hex digits: those of the header `traceparent` when it is well formed and not all zero, else random ones.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    found = _PARENT.fullmatch(traceparent or "")
    if found and found[1].strip("0"):
        return found[1]
    return f"{random.getrandbits(128) | 1:032x}"  # a name, no secret
