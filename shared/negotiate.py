"""Read what a client accepts, and what it already has (RFC 9110, sections 12.4.2, 12.5.3 and 13.1.2)."""

from __future__ import annotations

import re

_WEIGHT = re.compile(r";\s*q=(\d(?:\.\d{0,3})?)")


def weight_of(header: str, name: str) -> float | None:
    """The weight that an Accept header gives to a name, None when it does not name it."""
    for part in header.split(","):
        if part.split(";")[0].strip().lower() == name:
            weight = _WEIGHT.search(part)
            return float(weight[1]) if weight else 1.0
    return None


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a body may be sent as gzip."""
    named = weight_of(accept_encoding, "gzip")
    return (weight_of(accept_encoding, "*") or 0.0) > 0 if named is None else named > 0


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a client already has what the tag stands for, by weak comparison."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
