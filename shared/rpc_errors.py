"""Tell what a node's failure means, as a value for decisions and as an exception of our tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from shared.errors import Inconsistent, Permanent, TooLarge, Transient, UsdxError
from shared.rpc_texts import TEXTS, Kind, Text

__all__ = ["Failure", "Kind", "RpcError", "classify"]

LONGEST_TEXT = 2_000  # a provider's page of HTML says everything in its beginning


@dataclass(frozen=True, slots=True)
class Failure:
    """What one refusal means.

    `unit` says what is too much (blocks, results, bytes, filters or calls of a batch) and `limit` how much may be;
    blocks count inclusively. `suggested` is an inclusive range of blocks in the provider's own order, unchecked.
    `doubt` is a second possible kind. `known` is False when no row matched and status and code had to decide.
    """

    kind: Kind
    limit: int | None = None
    unit: str = ""
    suggested: tuple[int, int] | None = None
    doubt: Kind | None = None
    retry_after_s: float | None = None
    known: bool = True


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
    limit = max(_number(number) + row.plus, 1) if number else row.plus or None
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


_LINK = re.compile(r"\b(?:https?|wss?)://\S+")
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
    return float(found[1]) / (1_000 if found[2].startswith("m") else 1)


_BY_STATUS = {402: Kind.BILLING, 408: Kind.TRANSPORT, 413: Kind.DENSITY, 429: Kind.RATE, 401: Kind.PERMANENT}
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
        return Failure(_BY_STATUS[http_status])
    if code in _BY_CODE:
        return Failure(_BY_CODE[code], known=not words or code not in (-32000, -32005))
    if http_status >= 500 or not words:
        return Failure(Kind.TRANSPORT)
    refused = code is not None or 400 <= http_status < 500
    return Failure(Kind.PERMANENT if refused else Kind.TRANSPORT, known=False)


class RpcError(UsdxError):
    """A JSON-RPC call that brought no result. Names the endpoint and the method, never the URL."""

    reason: ClassVar[str] = "rpc"
    advice: ClassVar[str] = "Another endpoint is asked by itself."

    def __init__(self, message: str, *, endpoint: str = "", method: str = "", failure: Failure | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.method = method
        self.failure = failure or Failure(Kind.TRANSPORT)


class RangeTooWide(RpcError, TooLarge):
    """The range is wider than this endpoint ever allows. Handled by the range fetch, which remembers the limit."""

    reason = Kind.STRUCTURAL.value
    advice = "Narrower ranges are asked by itself."


class TooManyResults(RpcError, TooLarge):
    """This range holds more than the endpoint gives at once. Handled by the range fetch."""

    reason = Kind.DENSITY.value
    advice = "Narrower ranges are asked by itself."


class FilterTooBig(RpcError, TooLarge):
    """The filter names more addresses or topics than the endpoint takes. Handled by the range fetch."""

    reason = Kind.FILTER.value
    advice = "The filter is split by itself."


class BehindHead(RpcError, Transient):
    """The endpoint has not seen these blocks yet."""

    reason = Kind.BEHIND.value
    advice = "It is asked again when it has caught up."


class MissingData(RpcError, Inconsistent):
    """The endpoint does not keep what was asked for."""

    reason = Kind.MISSING.value
    advice = "Add an endpoint with the whole history (an archive node) if it stays."


class RateLimited(RpcError, Transient):
    """The endpoint wants us to go slower."""

    reason = Kind.RATE.value
    advice = "It is left alone for a while by itself; set `requests_per_second` to stay below its limit."


class QuotaExhausted(RpcError, Transient):
    """The account at this endpoint has no more requests to spend."""

    reason = Kind.BILLING.value
    advice = "Raise the plan at the provider or add another endpoint."


class TransportFailed(RpcError, Transient):
    """No usable answer arrived."""

    reason = Kind.TRANSPORT.value
    advice = "Check that the node runs and can be reached from here."


class Rejected(RpcError, Permanent):
    """The endpoint will never answer this."""

    reason = Kind.PERMANENT.value
    advice = "Read the endpoint's own words in the message."


class Reverted(Rejected):
    """The contract itself refused an `eth_call`; every honest node says the same."""

    reason = "reverted"
    advice = "Check the contract's address and the arguments."


class BadAnswer(RpcError, Inconsistent):
    """The endpoint answered with something that is not what was asked for, or contradicts itself."""

    reason = "inconsistent"
    advice = "Another endpoint is asked by itself; remove this one if it stays."


class Contradiction(BadAnswer):
    """A check found an answer that cannot be true. `check` is its slug, from a closed set (`CHECKS`)."""

    reason = "contradiction"
    advice = "Another endpoint is asked by itself; remove this one if it stays."

    def __init__(self, message: str, *, endpoint: str, check: str) -> None:
        super().__init__(message, endpoint=endpoint)
        assert check in CHECKS
        self.check = check


CHECKS = (
    "shape",  # a field is missing or no hex
    "head",  # no newest block
    "number",  # another block than the one asked for
    "links",  # a block's parent is not the block below
    "hash",  # logs of another fork than the header
    "range",  # logs of blocks that nobody asked for
    "order",  # log indices do not strictly increase
    "removed",  # logs marked as reorganised away
    "filter",  # logs of a contract or event that nobody asked for
    "time",  # a log's time is not its block's
    "bloom",  # the header's bloom and the logs exclude each other
    "receipts",  # receipts of another block, or none
)


class LeftOut(BadAnswer):
    """The answer to a batch lacks this call. Handled by the endpoint, which asks for the rest again."""

    reason = "left_out"
    advice = "Shorter batches are asked by itself."


class WrongChain(RpcError, Permanent):
    """The endpoint serves another chain than its neighbours. It is not used."""

    reason = "wrong_chain"
    advice = "Give the endpoint's URL to the chain it belongs to."


class NoEndpoint(RpcError, Transient):
    """No endpoint of the chain could answer; `errors` holds what each one said."""

    reason = "no_endpoint"
    advice = "Check the endpoints named in the message; the work goes on by itself once one of them answers."

    def __init__(self, chain: str, errors: Sequence[RpcError]) -> None:
        said = "; ".join(dict.fromkeys(str(error) for error in errors)) or "all of them are resting"
        super().__init__(f"no endpoint of {chain} can answer: {said}")
        self.errors = tuple(errors)


_CLASSES: dict[Kind, type[RpcError]] = {
    Kind.STRUCTURAL: RangeTooWide,
    Kind.DENSITY: TooManyResults,
    Kind.FILTER: FilterTooBig,
    Kind.BEHIND: BehindHead,
    Kind.MISSING: MissingData,
    Kind.RATE: RateLimited,
    Kind.BILLING: QuotaExhausted,
    Kind.TRANSPORT: TransportFailed,
    Kind.PERMANENT: Rejected,
}


def failed(endpoint: str, method: str, failure: Failure, text: str, code: int | None = None) -> RpcError:
    """The exception for a failure; its message names the endpoint, the method and the provider's own words."""
    if failure.doubt and method != "eth_getLogs":  # a range cannot be meant
        failure = replace(failure, kind=failure.doubt, doubt=None)
    cls = _CLASSES[failure.kind]
    if failure.kind is Kind.PERMANENT and (code == 3 or "revert" in text.lower()):
        cls = Reverted
    words = " ".join(_LINK.sub("(link)", text).split())[:300] or "no answer"
    return cls(f"{endpoint}: {method}: {words}", endpoint=endpoint, method=method, failure=failure)
