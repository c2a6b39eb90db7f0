"""The node's branch of the error tree: what a failed JSON-RPC call asks of its caller."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from shared.errors import Inconsistent, Permanent, TooLarge, Transient, UsdxError
from shared.rpc_failure import Failure, classify
from shared.rpc_texts import Kind

__all__ = [
    "CHECKS",
    "BadAnswer",
    "BehindHead",
    "Contradiction",
    "Failure",
    "FilterTooBig",
    "Kind",
    "LeftOut",
    "MissingData",
    "NoEndpoint",
    "QuotaExhausted",
    "RangeTooWide",
    "RateLimited",
    "Rejected",
    "Reverted",
    "RpcError",
    "TooManyResults",
    "TransportFailed",
    "WrongChain",
    "classify",
    "failed",
]

_LINK = re.compile(r"\b(?:https?|wss?)://\S+")


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


CHECKS: Mapping[str, str] = {
    "shape": "a field is missing or no hex",
    "head": "no newest block",
    "number": "another block than the one asked for",
    "links": "a block's parent is not the block below",
    "hash": "logs of another fork than the header",
    "range": "logs of blocks that nobody asked for",
    "order": "log indices do not strictly increase",
    "removed": "logs marked as reorganised away",
    "filter": "logs of a contract or event that nobody asked for",
    "time": "a log's time is not its block's",
    "bloom": "the header's bloom and the logs exclude each other",
    "receipts": "receipts of another block, or none",
    "opinion": "other logs than another endpoint tells, and receipts or most endpoints do not bear it out",
    "finality": "another fork than the chain's final block is on",
    "absent": "no block at or below its own head; counted only",
}
"""What an answer was caught at, by its slug."""


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
        failure = replace(failure, kind=failure.kind if failure.kind is Kind.TRANSPORT else failure.doubt, doubt=None)
    cls = _CLASSES[failure.kind]
    if failure.kind is Kind.PERMANENT and (code == 3 or "revert" in text.lower()):
        cls = Reverted
    words = " ".join(_LINK.sub("(link)", text).split())[:300] or "no answer"
    return cls(f"{endpoint}: {method}: {words}", endpoint=endpoint, method=method, failure=failure)
