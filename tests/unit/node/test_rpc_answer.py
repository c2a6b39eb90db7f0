"""Answers are read for what they are, however broken."""

import sys
from collections.abc import Iterator

import msgspec
import pytest

from shared.rpc_answer import Answer, Question, Reply, decoded, read
from shared.rpc_errors import (
    BadAnswer,
    Kind,
    LeftOut,
    MissingData,
    QuotaExhausted,
    RangeTooWide,
    RateLimited,
    Rejected,
    RpcError,
    TransportFailed,
)

ONE = Question("node", ("eth_getLogs",), 7)
TWO = Question("node", ("eth_getBlockByNumber", "eth_getLogs"), 7)


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def values(answers: list[Answer]) -> list[object]:
    return [answer if isinstance(answer, RpcError) else msgspec.json.decode(answer) for answer in answers]


def error(code: int, message: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


def test_a_result() -> None:
    """A result comes back as it was sent."""
    assert values(read(reply({"id": 7, "result": [1]}), ONE)) == [[1]]


def test_null_is_a_result() -> None:
    """Null is an answer: the node has no such block."""
    assert values(read(reply({"id": 7, "result": None, "error": None}), ONE)) == [None]


def test_a_batch_in_another_order() -> None:
    """Answers of a batch find their calls by id."""
    assert values(read(reply([{"id": 8, "result": "logs"}, {"id": 7, "result": "block"}]), TWO)) == ["block", "logs"]


def test_ids_as_text() -> None:
    """Some nodes give ids back as text."""
    assert values(read(reply([{"id": "7", "result": 1}, {"id": "8", "result": 2}]), TWO)) == [1, 2]


def test_a_short_batch() -> None:
    """A call without an answer is told apart from one that failed."""
    first, second = read(reply([{"id": 7, "result": 1}]), TWO)
    assert msgspec.json.decode(first) == 1  # type: ignore[arg-type]
    assert isinstance(second, LeftOut)


def test_each_call_of_a_batch_may_fail() -> None:
    """One refused call leaves the others their results."""
    _, second = read(reply([{"id": 7, "result": 1}, error(-32600, "block range is too wide") | {"id": 8}]), TWO)
    assert isinstance(second, RangeTooWide)
    assert second.method == "eth_getLogs"


def test_one_error_for_a_batch() -> None:
    """One error object in answer to a batch is everybody's, and is about the logs."""
    with pytest.raises(RangeTooWide) as caught:
        read(reply(error(-32005, "limit exceeded")), TWO)
    assert caught.value.method == "eth_getLogs"


def test_one_result_for_a_batch() -> None:
    """One result for several calls is nobody's."""
    with pytest.raises(BadAnswer):
        read(reply({"id": None, "result": 1}), TWO)


def test_an_error_under_http_200() -> None:
    """The HTTP status of an error does not matter when its words are known."""
    assert isinstance(read(reply(error(-32000, "header not found")), ONE)[0], MissingData)


def test_an_error_that_is_a_string() -> None:
    """The error member may be bare words."""
    assert isinstance(read(reply({"id": 7, "error": "monthly quota exceeded"}), ONE)[0], QuotaExhausted)


def test_an_object_without_result_and_error() -> None:
    """An API gateway's own JSON is read by its message."""
    answer = read(reply({"message": "You have exceeded the rate limit"}, 429), ONE)[0]
    assert isinstance(answer, RateLimited)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"<html><h1>502 Bad Gateway</h1></html>", 502, Kind.TRANSPORT),
        (b"Too Many Requests", 429, Kind.RATE),
        (b"", 200, Kind.TRANSPORT),
        (b"", 402, Kind.BILLING),
        (b"upstream connect error", 503, Kind.TRANSPORT),
        (b"forbidden", 403, Kind.PERMANENT),
        (b"null", 200, Kind.TRANSPORT),
        (b"17", 200, Kind.TRANSPORT),
    ],
)
def test_what_is_no_json_rpc(body: bytes, status: int, kind: Kind) -> None:
    """HTML, bare words and nothing at all are failures of a known kind."""
    with pytest.raises(RpcError) as caught:
        read(reply(body, status), TWO)
    assert caught.value.failure.kind is kind


@pytest.mark.parametrize("body", [b'{"id":7,"result":[1', b'[{"id":7,"result":1},{"id"', b'[{"id":7,"result":1},null]'])
def test_a_cut_answer(body: bytes) -> None:
    """JSON that was cut is a failure of transport, and the answer may have been too big."""
    with pytest.raises(TransportFailed) as caught:
        read(reply(body), TWO)
    assert caught.value.failure.doubt is Kind.DENSITY


NOW, LATER = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:20 GMT"


@pytest.mark.parametrize(
    ("told", "date", "wait_s"),
    [
        ("3", "", 3.0),
        ("0.5", "", 0.5),
        (LATER, NOW, 20.0),
        (NOW, LATER, 0.0),
        (LATER, "", 10.0),
        (LATER, "yesterday", 10.0),
        ("soon", NOW, 10.0),
        ("-5", "", 10.0),
        ("nan", "", 10.0),
        ("inf", "", 10.0),
        ("1e12", "", 10.0),
        ("31536000", "", 3_600.0),
        ("9" * 400, "", 3_600.0),
        ("Wed, 21 Oct 2076 07:28:00 GMT", NOW, 3_600.0),
        ("Wed, 21 Oct 99999999999 07:28:00 GMT", NOW, 10.0),
    ],
)
def test_retry_after(told: str, date: str, wait_s: float) -> None:
    """`Retry-After` says how long to wait, in seconds or by the answer's own date; never longer than an hour."""
    answer = read(reply(error(-32005, "rate limit exceeded"), 429, retry_after=told, date=date), ONE)[0]
    assert isinstance(answer, RateLimited)
    assert answer.failure.retry_after_s == wait_s


def test_words_that_ask_for_ever() -> None:
    """Seconds in the words of a refusal are bounded like those of the header."""
    answer = read(reply(error(-32005, f"rate limit exceeded, retry in {10**12} seconds"), 429), ONE)[0]
    assert isinstance(answer, RateLimited)
    assert answer.failure.retry_after_s == 3_600.0


DEEP = b"[" * 5_000 + b"]" * 5_000


@pytest.fixture(autouse=True)
def usual_depth() -> Iterator[None]:
    """As deep as any process goes: property tests leave more behind."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":7,"error":{"code":-32000,"message":"rate limit \xff exceeded"}}',
        b'{"id":7,"error":"\xff"}',
        b'{"id":7,"error":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"id":7,"error":' + DEEP + b"}",
        b'{"id":7,"result":' + DEEP + b"}",
        b'{"id":"\xff","result":1}',
        b'{"id":' + b"1" * 5_000 + b',"result":1}',
        b'{"id":7,"error":{"code":1' + b"0" * 400 + b',"message":"no"}}',
        b'{"id":7,"error":{"code":-32000,"message":"at most ' + b"9" * 1_900 + b' results"}}',
        DEEP,
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("question", [ONE, TWO], ids=["one", "two"])
def test_bytes_that_cannot_be_read(body: bytes, question: Question) -> None:
    """Bytes that are no text, numbers beyond measure and endless nesting are the endpoint's failure, by its name."""
    try:
        error = read(reply(body), question)[0]
    except RpcError as whole:
        error = whole
    assert isinstance(error, RpcError)
    assert error.endpoint == "node"


def test_words_are_read_as_far_as_they_can_be() -> None:
    """One broken byte in a refusal does not hide what it says."""
    body = b'{"id":7,"error":{"code":-32005,"message":"rate limit exceeded \xff"}}'
    assert isinstance(read(reply(body), ONE)[0], RateLimited)


@pytest.mark.parametrize("result", [b'"\xff"', DEEP])
def test_results_that_cannot_be_read(result: bytes) -> None:
    """A result that turns out to be no JSON when it is wanted is the endpoint's failure, too."""
    with pytest.raises(BadAnswer, match="node: a result is no JSON"):
        decoded("node", msgspec.Raw(result))


def test_errors_name_the_endpoint() -> None:
    """A message names the endpoint and the method, and keeps the provider's words."""
    answer = read(reply(error(-32601, "the method eth_foo does not exist")), Question("alchemy", ("eth_foo",), 7))[0]
    assert isinstance(answer, Rejected)
    assert str(answer) == "alchemy: eth_foo: the method eth_foo does not exist"


LOGS = [{"address": "0x" + "ab" * 20, "topics": ["0x" + "cd" * 32], "data": "0x" + "00" * 600} for _ in range(100)]
BLOCK = {"number": "0x7", "transactions": ["0x1", "0x2"], "uncles": []}


@pytest.mark.parametrize(
    "body",
    [
        [{"jsonrpc": "2.0", "id": 7, "result": BLOCK}, {"jsonrpc": "2.0", "id": 8, "result": LOGS}],
        [{"jsonrpc": "2.0", "id": 8, "result": LOGS}, {"jsonrpc": "2.0", "id": 7, "result": BLOCK}],
        [{"result": BLOCK, "id": 7}, {"result": LOGS, "id": 8, "jsonrpc": "2.0"}],
        [{"result": LOGS, "id": 8}, {"result": BLOCK, "id": 7}],
        [{"result": BLOCK, "id": "7"}, {"result": LOGS, "id": "8", "extra": [1]}],
    ],
)
def test_long_answers(body: list[object]) -> None:
    """A long list of logs is read as it is, wherever the node puts it."""
    assert values(read(reply(body), TWO)) == [BLOCK, LOGS]


def test_long_answers_cut() -> None:
    """A long answer that was cut anywhere is never taken for a whole one."""
    whole = msgspec.json.encode([{"id": 7, "result": BLOCK}, {"id": 8, "result": LOGS}])
    for length in range(len(whole) - 3_000, len(whole), 7):
        with pytest.raises(TransportFailed):
            values(read(reply(whole[:length]), TWO))


def test_a_long_list_in_the_wrong_place() -> None:
    """A long answer without logs for the call that asked for them is not taken for one that has them."""
    body = [{"id": 7, "result": LOGS}, {"id": 9, "result": []}]
    assert isinstance(read(reply(body), TWO)[1], LeftOut)
    refused = read(reply([{"id": 7, "result": LOGS}, error(-32000, "header not found") | {"id": 8}]), TWO)
    assert isinstance(refused[1], MissingData)


def test_one_long_answer() -> None:
    """A single call's long list is read likewise."""
    assert values(read(reply({"jsonrpc": "2.0", "id": 7, "result": LOGS}), ONE)) == [LOGS]
