"""Read the URL of something that we ask, so that a wrong one is refused where it is written, not where it is used."""

from __future__ import annotations

import re

from yarl import URL

LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")  # RFC 1123, and _ as in compose files


def read(text: str) -> URL:
    """The URL, whose host can be a name or an address, and whose port can be a port. Raises ValueError."""
    url = URL(text)
    host = (url.raw_host or "").removesuffix(".")
    if url.scheme not in ("http", "https") or not url.port:
        raise ValueError(f"no http:// or https:// address: {text!r}")
    is_name = len(host) <= LONGEST_NAME and all(_LABEL.fullmatch(label) for label in host.split("."))
    if not is_name and ":" not in host:  # what is bracketed as IPv6 was read as such already
        raise ValueError(f"{host[:80]!r} is no name of a host")
    return url
