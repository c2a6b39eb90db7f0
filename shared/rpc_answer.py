"""Read an HTTP answer as JSON-RPC results and errors, whatever the node made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from shared.rpc_errors import BadAnswer, Failure, Kind, LeftOut, RpcError, TransportFailed, classify, failed
from shared.rpc_failure import LONGEST_WAIT_S


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray


Answer = msgspec.Raw | RpcError

UNREADABLE = (ValueError, RecursionError)
"""What reading a node's bytes may raise: they are no JSON of the kind, no UTF-8, no numbers, or nested too deeply."""


class _Envelope(msgspec.Struct, gc=False):
    id: int | str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def refused(self) -> bool:
        return not isinstance(self.error, msgspec.UnsetType) and bytes(self.error) != b"null"


_one = msgspec.json.Decoder(_Envelope)
_many = msgspec.json.Decoder(list[_Envelope])


_LIST = b'"result":['
LONG_BYTES = 1 << 16  # shorter answers are read as they are
SOME_WAIT_S = 10.0
_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, to read the answer by: the ids are `first_id`, `first_id + 1`, … in the order of `methods`."""

    endpoint: str
    methods: Sequence[str]
    first_id: int

    @property
    def heart(self) -> int:
        """The call that an error of the whole is most likely about."""
        return self.methods.index("eth_getLogs") if "eth_getLogs" in self.methods else 0


def read(reply: Reply, question: Question) -> list[Answer]:
    """One entry a call, in the order asked: its raw JSON result or its error.

    Raises RpcError when the answer as a whole is none: not JSON-RPC, cut, or one error object for an entire batch.
    """
    try:
        envelopes = _around_logs(reply.body, question) or _all(reply.body)
        by_id = {str(envelope.id): envelope for envelope in envelopes}
    except UNREADABLE as error:
        raise _unreadable(reply, question) from error
    if len(question.methods) == 1 and len(envelopes) == 1:
        return [_answer(envelopes[0], reply, question, 0)]
    if len(envelopes) == 1 and envelopes[0].id is None:
        raise _whole(envelopes[0], reply, question)
    return [_answer(by_id.get(str(question.first_id + at)), reply, question, at) for at in range(len(question.methods))]


def decoded(endpoint: str, result: msgspec.Raw) -> Any:
    """A result as Python values. Raises BadAnswer where one that `read` did not look into is no JSON."""
    try:
        return msgspec.json.decode(result)
    except UNREADABLE as error:
        raise BadAnswer(f"{endpoint}: a result is no JSON ({error})", endpoint=endpoint) from error


def _all(body: bytes | bytearray) -> list[_Envelope]:
    return _many.decode(body) if body[:64].lstrip()[:1] == b"[" else [_one.decode(body)]


def _around_logs(body: bytes | bytearray, question: Question) -> list[_Envelope] | None:
    """The envelopes of a batch that ends in one long list of logs, without a look into the list itself.

    A third of the cost of a whole answer. What is left when the list is cut out must be the batch as asked, with an
    empty list for the logs; otherwise None. That the list is one is for its reader to find out.
    """
    if len(body) < LONG_BYTES or question.methods[-1] != "eth_getLogs" or question.methods.count("eth_getLogs") > 1:
        return None
    first = body.find(_LIST)
    last = body.rfind(b"]", first, body.rfind(b"}"))
    if first < 0 or last < 0:
        return None
    first += len(_LIST)
    text = memoryview(body)
    try:
        envelopes = _all(b"".join((text[:first], text[last:])))
        ids = [str(envelope.id) for envelope in envelopes]
    except UNREADABLE:
        return None
    wanted = [str(question.first_id + at) for at in range(len(question.methods))]
    if ids != wanted or bytes(_result(envelopes[-1])) != b"[]":
        return None
    envelopes[-1].result = msgspec.Raw(text[first - 1 : last + 1])
    return envelopes


def _result(envelope: _Envelope) -> bytes | msgspec.Raw:
    return b"" if isinstance(envelope.result, msgspec.UnsetType) else envelope.result


def _whole(envelope: _Envelope, reply: Reply, question: Question) -> RpcError:
    """One object that answers a batch: its error is everybody's."""
    answer = _answer(envelope, reply, question, question.heart)
    if isinstance(answer, RpcError):
        return answer
    return BadAnswer(
        f"{question.endpoint}: one result came back for {len(question.methods)} calls", endpoint=question.endpoint
    )


def _answer(envelope: _Envelope | None, reply: Reply, question: Question, at: int) -> Answer:
    if envelope is None:
        method = question.methods[at]
        return LeftOut(f"{question.endpoint}: {method}: left out of the batch's answer", endpoint=question.endpoint)
    if envelope.refused:
        return _refusal(envelope.error, reply, question, at)
    if isinstance(envelope.result, msgspec.UnsetType):
        return _refusal(reply.body, reply, question, at)
    return envelope.result


def _refusal(raw: Any, reply: Reply, question: Question, at: int) -> RpcError:
    try:
        code, text = _code_and_text(msgspec.json.decode(raw))
    except UNREADABLE:  # what can be read of the words says enough
        code, text = None, _words(raw)
    return _failed(reply, question, at, code, text)


def _unreadable(reply: Reply, question: Question) -> RpcError:
    """A bare string, HTML, nothing, or JSON that was cut."""
    text = _words(reply.body)
    if reply.status == 200 and text[:1] in ("{", "["):
        text = f"{question.endpoint}: {question.methods[question.heart]}: the answer was cut"
        return TransportFailed(text, endpoint=question.endpoint, failure=Failure(Kind.TRANSPORT, doubt=Kind.DENSITY))
    return _failed(reply, question, question.heart, None, text)


def _words(raw: msgspec.Raw | bytes | bytearray) -> str:
    """The beginning of what is no JSON."""
    return bytes(memoryview(raw)[:8_000]).decode("utf-8", "replace").strip()


def _code_and_text(error: Any) -> tuple[int | None, str]:
    """Code and words of an error member, which may also be a bare string or lack either."""
    if not isinstance(error, dict):
        return None, str(error)
    code = error.get("code")
    words = [error.get("message"), error.get("data"), error.get("error"), error.get("detail")]
    text = " ".join(word if isinstance(word, str) else msgspec.json.encode(word).decode() for word in words if word)
    return code if isinstance(code, int) else None, text


def _failed(reply: Reply, question: Question, at: int, code: int | None, text: str) -> RpcError:
    failure = classify(reply.status, code, text)
    if (wait_s := _wait(reply.headers)) is not None:
        failure = replace(failure, retry_after_s=wait_s)
    return failed(question.endpoint, question.methods[at], failure, text or f"HTTP {reply.status}", code)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header (RFC 9110, 10.2.3), never endless.

    A date counts from the answer's own `Date`; without one, and for what is neither, it is `SOME_WAIT_S`.
    """
    told = headers.get("retry-after", "").strip()
    if not told:
        return None
    if _SECONDS.fullmatch(told):
        return min(float(told), LONGEST_WAIT_S)
    until, now = _date(told), _date(headers.get("date", ""))
    if until is None or now is None:
        return SOME_WAIT_S
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT_S)


def _date(text: str) -> datetime | None:
    """A date of HTTP, None for what is none."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
