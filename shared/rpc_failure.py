"""Tell what a node's refusal means, from its HTTP status, code and words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from shared.rpc_texts import TEXTS, Kind, Text

LONGEST_WAIT_S = 3_600.0  # what an endpoint may ask us to wait
MOST = 1 << 62  # a limit beyond it is none
LONGEST_TEXT = 2_000  # a provider's page of HTML says everything in its beginning


@dataclass(frozen=True, slots=True)
class Failure:
    """What one refusal means.

    `unit` says what is too much (blocks, results, bytes, filters or calls of a batch) and `limit` how much may be;
    blocks count inclusively. `suggested` is an inclusive range of blocks in the provider's own order, unchecked.
    `doubt` is a second possible kind. `known` is False when no row matched and status and code had to decide, `heard`
    when nothing came back at all.
    """

    kind: Kind
    limit: int | None = None
    unit: str = ""
    suggested: tuple[int, int] | None = None
    doubt: Kind | None = None
    retry_after_s: float | None = None
    known: bool = True
    heard: bool = True


def classify(http_status: int, code: int | None, text: str) -> Failure:
    """What a failure means, from the HTTP status, the JSON-RPC error code and the message with its data."""
    words = _normalise(text)
    matched = next(((row, found) for row in TEXTS if (found := row.pattern.search(words))), None)
    if matched is None:
        return replace(_guess(http_status, code, words), suggested=_suggested(words), retry_after_s=_retry_after(words))
    failure = _read(*matched, words)
    if (
        http_status in (402, 429)
        and failure.kind in (Kind.PERMANENT, Kind.TRANSPORT, Kind.STRUCTURAL)
        and not failure.limit
    ):
        return replace(failure, kind=Kind.BILLING if http_status == 402 else Kind.RATE, doubt=None)
    return failure


def _normalise(text: str) -> str:
    words = " ".join(text[: 4 * LONGEST_TEXT].lower().split())
    if "<html" in words or "<!doctype" in words:
        words = " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", words).split())
    return words[:LONGEST_TEXT].strip(" .\"'")


def _read(row: Text, found: re.Match[str], words: str) -> Failure:
    number = found.groupdict().get("n")
    limit = min(max(_number(number) + row.plus, 1), MOST) if number else row.plus or None
    return Failure(
        kind=row.kind,
        limit=limit,
        unit=row.unit,
        suggested=_suggested(words),
        doubt=row.doubt,
        retry_after_s=_retry_after(words),
    )


def _number(text: str) -> int:
    """Read "10,000", "10.000", "2K" and "1m" as people write them."""
    digits = re.sub(r"[,._\s]", "", text)
    scale = {"k": 1_000, "m": 1_000_000}.get(digits[-1], 1)
    return int(digits.rstrip("km")) * scale


_HEX_PAIR = re.compile(r"\[ ?(0x[0-9a-f]{1,16}) ?, ?(0x[0-9a-f]{1,16}) ?\]")
_DECIMAL_PAIR = re.compile(r"range:? (\d{1,18}) ?- ?(\d{1,18})")
_SECONDS = re.compile(r"(?:retry|try again|wait|backoff)\D{0,30}?(\d+(?:\.\d+)?) ?(ms|milliseconds?|s\b|sec|seconds?)")


def _suggested(words: str) -> tuple[int, int] | None:
    if pair := _HEX_PAIR.search(words):
        return int(pair[1], 16), int(pair[2], 16)
    if pair := _DECIMAL_PAIR.search(words):
        return int(pair[1]), int(pair[2])
    return None


def _retry_after(words: str) -> float | None:
    found = _SECONDS.search(words)
    if not found:
        return None
    return min(float(found[1]) / (1_000 if found[2].startswith("m") else 1), LONGEST_WAIT_S)


_TOO_LONG_FOR_IT = Failure(Kind.TRANSPORT, doubt=Kind.DENSITY)
_BY_STATUS = {
    401: Failure(Kind.PERMANENT),
    402: Failure(Kind.BILLING),
    408: _TOO_LONG_FOR_IT,
    413: Failure(Kind.FILTER, unit="filters", doubt=Kind.DENSITY),  # what we sent is too large
    429: Failure(Kind.RATE),
    500: _TOO_LONG_FOR_IT,
    502: _TOO_LONG_FOR_IT,
    504: _TOO_LONG_FOR_IT,
    524: _TOO_LONG_FOR_IT,  # Cloudflare: its origin did not answer in time
}
_BY_CODE = {
    429: Kind.RATE,
    -32005: Kind.RATE,  # EIP-1474: limit exceeded
    -32007: Kind.RATE,  # QuickNode: requests per second
    -32016: Kind.RATE,  # Base: over rate limit
    -32029: Kind.RATE,
    -32603: Kind.TRANSPORT,  # internal error: often gone on the next machine
    -32000: Kind.TRANSPORT,  # "server error", the wastebasket of all nodes
    -32601: Kind.PERMANENT,  # method not found
    3: Kind.PERMANENT,  # execution reverted
    4444: Kind.MISSING,  # EIP-4444: pruned history
}


def _guess(http_status: int, code: int | None, words: str) -> Failure:
    """The kind of a text that no row knows: by status or code, else 4xx is our fault and the rest is theirs."""
    if http_status in _BY_STATUS:
        return _BY_STATUS[http_status]
    if code in _BY_CODE:
        return Failure(_BY_CODE[code], known=not words or code not in (-32000, -32005))
    if http_status >= 500 or not words:
        return Failure(Kind.TRANSPORT)
    refused = code is not None or 400 <= http_status < 500
    return Failure(Kind.PERMANENT if refused else Kind.TRANSPORT, known=False)
