"""Read an HTTP answer as JSON-RPC results and errors, whatever the node made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from shared.rpc_errors import BadAnswer, Failure, Kind, LeftOut, RpcError, TransportFailed, classify, failed


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray


Answer = msgspec.Raw | RpcError


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
    except msgspec.DecodeError as error:
        raise _unreadable(reply, question) from error
    if len(question.methods) == 1 and len(envelopes) == 1:
        return [_answer(envelopes[0], reply, question, 0)]
    if len(envelopes) == 1 and envelopes[0].id is None:
        raise _whole(envelopes[0], reply, question)
    by_id = {str(envelope.id): envelope for envelope in envelopes}
    return [_answer(by_id.get(str(question.first_id + at)), reply, question, at) for at in range(len(question.methods))]


def decoded(endpoint: str, result: msgspec.Raw) -> Any:
    """A result as Python values. Raises BadAnswer where a long one, which `read` did not look into, is no JSON."""
    try:
        return msgspec.json.decode(result)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"{endpoint}: a long result is no JSON ({error})", endpoint=endpoint) from error


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
    except msgspec.DecodeError:
        return None
    wanted = [str(question.first_id + at) for at in range(len(question.methods))]
    if [str(envelope.id) for envelope in envelopes] != wanted or bytes(_result(envelopes[-1])) != b"[]":
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
    code, text = _code_and_text(msgspec.json.decode(raw))
    return _failed(reply, question, at, code, text)


def _unreadable(reply: Reply, question: Question) -> RpcError:
    """A bare string, HTML, nothing, or JSON that was cut."""
    text = reply.body[:8_000].decode("utf-8", "replace").strip()
    if reply.status == 200 and text[:1] in ("{", "["):
        text = f"{question.endpoint}: {question.methods[question.heart]}: the answer was cut"
        return TransportFailed(text, endpoint=question.endpoint, failure=Failure(Kind.TRANSPORT, doubt=Kind.DENSITY))
    return _failed(reply, question, question.heart, None, text)


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
    if (wait_s := _wait(reply.headers.get("retry-after", ""))) is not None:
        failure = replace(failure, retry_after_s=wait_s)
    return failed(question.endpoint, question.methods[at], failure, text or f"HTTP {reply.status}", code)


def _wait(header: str) -> float | None:
    """Seconds of a `Retry-After` header; a date there is not worth a calendar and reads as ten seconds."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        return 10.0
