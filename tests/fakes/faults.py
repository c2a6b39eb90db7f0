"""What can go wrong between a node and us, each by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import msgspec

from shared.rpc_answer import Reply

ANY: frozenset[str] = frozenset()
LOGS = frozenset({"eth_getLogs"})
BLOCKS = frozenset({"eth_getBlockByNumber"})


@dataclass
class Fault:
    """Hits the next `times` requests that contain one of `methods` (empty: any).

    `change` alters a result, `mangle` the whole HTTP reply, `reply` stands in for it, `drop` cuts the connection.
    """

    methods: frozenset[str] = ANY
    times: int = 1
    change: Callable[[Any], Any] | None = None
    mangle: Callable[[Reply], Reply] | None = None
    reply: Reply | None = None
    drop: bool = False
    slow_s: float = 0.0

    def fits(self, methods: set[str]) -> bool:
        return not self.methods or bool(self.methods & methods)

    def often(self, times: int) -> Fault:
        """The same fault, for that many requests."""
        return replace(self, times=times)


def _error(code: int, text: str, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": text}}
    return Reply(status, headers or {}, msgspec.json.encode(body))


def empty_logs() -> Fault:
    """A backend that has not seen these blocks says there is nothing in them."""
    return Fault(LOGS, change=lambda logs: [])


def partial_logs() -> Fault:
    """Every second log is missing."""
    return Fault(LOGS, change=lambda logs: logs[::2] if len(logs) > 1 else [])


def log_left_out() -> Fault:
    """The last log is missing of every block that has several."""

    def change(logs: list[Any]) -> list[Any]:
        followed = {one["blockNumber"] for one, other in pairwise(logs) if one["blockNumber"] == other["blockNumber"]}
        last = {log["blockNumber"]: log for log in logs}
        return [log for log in logs if log is not last[log["blockNumber"]] or log["blockNumber"] not in followed]

    return Fault(LOGS, change=change)


def shifted_log_index() -> Fault:
    """Every log claims a place five further down in its block."""
    return Fault(LOGS, change=lambda logs: [log | {"logIndex": hex(int(log["logIndex"], 16) + 5)} for log in logs])


def replaced_data() -> Fault:
    """Every log says something else."""
    return Fault(LOGS, change=lambda logs: [log | {"data": "0x" + "ab" * 32} for log in logs])


def replaced_transaction() -> Fault:
    """Every log is told of another transaction."""
    return Fault(LOGS, change=lambda logs: [log | {"transactionHash": "0x" + "ab" * 32} for log in logs])


def shifted_time() -> Fault:
    """Every log is an hour late."""
    return Fault(
        LOGS, change=lambda logs: [log | {"blockTimestamp": hex(int(log["blockTimestamp"], 16) + 3600)} for log in logs]
    )


def forged_block_hash() -> Fault:
    """Logs of another fork than the header's, each block's with a hash of its own."""
    return Fault(
        LOGS, change=lambda logs: [log | {"blockHash": f"0x{int(log['blockNumber'], 16) + 1:064x}"} for log in logs]
    )


def wrong_block_hash() -> Fault:
    """Logs of another fork than the header's, all with one hash."""
    return Fault(LOGS, change=lambda logs: [log | {"blockHash": "0x" + "ee" * 32} for log in logs])


def duplicate_log_index() -> Fault:
    """All logs claim the place of the first."""
    return Fault(LOGS, change=lambda logs: [log | {"logIndex": "0x0"} for log in logs])


def repeated_logs() -> Fault:
    """Every log comes twice."""
    return Fault(LOGS, change=lambda logs: [log for log in logs for _ in range(2)])


def reversed_logs() -> Fault:
    """Newest first."""
    return Fault(LOGS, change=lambda logs: logs[::-1])


def removed_logs() -> Fault:
    """Logs of a block that was reorganised away."""
    return Fault(LOGS, change=lambda logs: [log | {"removed": True} for log in logs])


def foreign_address() -> Fault:
    """Logs of a contract that nobody asked for."""
    return Fault(LOGS, change=lambda logs: [log | {"address": "0x" + "fe" * 20} for log in logs])


def foreign_topic() -> Fault:
    """Logs of an event that nobody asked for."""
    return Fault(LOGS, change=lambda logs: [log | {"topics": ["0x" + "fe" * 32]} for log in logs])


def outside_range() -> Fault:
    """Logs of blocks that nobody asked for."""
    return Fault(LOGS, change=lambda logs: [log | {"blockNumber": hex(2**40)} for log in logs])


def huge_log_index() -> Fault:
    """The log index of a node that has none: 2³² - 1."""
    return Fault(LOGS, change=lambda logs: [log | {"logIndex": "0xffffffff"} for log in logs])


def null_logs() -> Fault:
    """Null for a list."""
    return Fault(LOGS, change=lambda logs: None)


def null_blocks() -> Fault:
    """Null for a block that exists."""
    return Fault(BLOCKS, change=lambda block: None)


def broken_fields() -> Fault:
    """Fields that are no hex."""
    return Fault(LOGS, change=lambda logs: [log | {"blockNumber": None} for log in logs])


def data_no_hex() -> Fault:
    """Data that is no hex."""
    return Fault(LOGS, change=lambda logs: [log | {"data": "0xzz"} for log in logs])


def absurd_time() -> Fault:
    """A time that no calendar holds."""
    return Fault(LOGS, change=lambda logs: [log | {"blockTimestamp": hex(2**62)} for log in logs])


def rate_limited(retry_after: str = "") -> Fault:
    """HTTP 429, with or without a `Retry-After`."""
    headers = {"retry-after": retry_after} if retry_after else {}
    return Fault(reply=_error(-32005, "rate limit exceeded", 429, headers))


def billing() -> Fault:
    """The account is empty."""
    return Fault(reply=_error(-32000, "Monthly capacity limit exceeded. Visit /settings/billing", 429))


def html(status: int = 502) -> Fault:
    """A proxy's page."""
    return Fault(reply=Reply(status, {"content-type": "text/html"}, b"<html><h1>502 Bad Gateway</h1>nginx</html>"))


def bare_string() -> Fault:
    """Words without JSON."""
    return Fault(reply=Reply(200, {}, b"upstream connect error"))


def nothing() -> Fault:
    """An empty body."""
    return Fault(reply=Reply(200, {}, b""))


def truncated() -> Fault:
    """JSON that was cut in the middle."""
    return Fault(mangle=lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2]))


def one_object() -> Fault:
    """One error object in answer to everything."""
    return Fault(reply=_error(-32603, "Internal error"))


def error_as_string() -> Fault:
    """The error member is words, not an object."""
    return Fault(reply=Reply(200, {}, b'{"jsonrpc":"2.0","id":null,"error":"service temporarily unavailable"}'))


def says(code: int, text: str, status: int = 200) -> Fault:
    """Any refusal."""
    return Fault(reply=_error(code, text, status))


def _batch(change: Callable[[list[Any]], list[Any]]) -> Callable[[Reply], Reply]:
    def mangle(reply: Reply) -> Reply:
        try:
            body = msgspec.json.decode(reply.body)
        except msgspec.DecodeError:  # another fault cut it already
            return reply
        return replace(reply, body=msgspec.json.encode(change(body))) if isinstance(body, list) else reply

    return mangle


def batch_reordered() -> Fault:
    """The answers of a batch in another order, as the specification allows."""
    return Fault(mangle=_batch(lambda answers: answers[::-1]))


def batch_short() -> Fault:
    """The last answer of a batch is missing."""
    return Fault(mangle=_batch(lambda answers: answers[:-1]))


def dropped() -> Fault:
    """The connection breaks."""
    return Fault(drop=True)


def slow(seconds: float) -> Fault:
    """The answer takes its time."""
    return Fault(slow_s=seconds)


@dataclass(frozen=True)
class Faults:
    """All faults that hit requests, by name, for tests that try each of them.

    `quiet` are lies that nothing in the answer contradicts, at least in the past.
    """

    lies: dict[str, Callable[[], Fault]] = field(
        default_factory=lambda: _named(
            empty_logs,
            wrong_block_hash,
            duplicate_log_index,
            repeated_logs,
            reversed_logs,
            removed_logs,
            foreign_address,
            foreign_topic,
            outside_range,
            huge_log_index,
            null_logs,
            null_blocks,
            broken_fields,
            data_no_hex,
            absurd_time,
        )
    )
    quiet: dict[str, Callable[[], Fault]] = field(
        default_factory=lambda: _named(
            partial_logs,
            log_left_out,
            shifted_log_index,
            replaced_data,
            replaced_transaction,
            shifted_time,
            forged_block_hash,
        )
    )
    troubles: dict[str, Callable[[], Fault]] = field(
        default_factory=lambda: _named(
            rate_limited,
            billing,
            html,
            bare_string,
            nothing,
            truncated,
            one_object,
            error_as_string,
            batch_short,
            dropped,
        )
    )


def _named(*makers: Callable[[], Fault]) -> dict[str, Callable[[], Fault]]:
    return {maker.__name__: maker for maker in _each(makers)}


def _each(makers: Iterable[Callable[[], Fault]]) -> Iterable[Any]:
    return makers
