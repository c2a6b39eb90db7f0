"""Get the logs of one block from its receipts, which no range limit can refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec

from indexer.chain_bloom import bloom_of
from indexer.chain_checks import Expected
from indexer.model import Filter, Range
from shared.endpoint import Endpoint
from shared.rpc_answer import UNREADABLE, Answer
from shared.rpc_errors import Failure, Kind, MissingData, Rejected, RpcError
from shared.rpc_types import Call, Header, RawLog

T = TypeVar("T")


class _Receipt(msgspec.Struct, rename="camel", gc=False):
    """What we need of a receipt (execution-apis `ReceiptInfo`)."""

    block_hash: str
    transaction_hash: str
    logs: list[RawLog]


class _Transactions(msgspec.Struct, gc=False):
    hash: str
    transactions: list[str]


_block_receipts = msgspec.json.Decoder(list[_Receipt | None] | None)
_receipt = msgspec.json.Decoder(_Receipt | None)
_transactions = msgspec.json.Decoder(_Transactions | None)


async def receipt_logs(endpoint: Endpoint, header: Header) -> list[RawLog]:
    """All logs of the block, in order, numbered by their place, which some nodes get wrong.

    Raises Contradiction where they are not logs of this block, MissingData where receipts are missing, and another
    RpcError where the endpoint has none to give.
    """
    receipts = await _receipts(endpoint, header)
    wrong = next((one for one in receipts if one.block_hash.lower() != "0x" + header.hash.hex()), None)
    if wrong:
        raise endpoint.contradiction("receipts", f"receipts of another block {header.number} than its header")
    told = [log for receipt in receipts for log in receipt.logs]
    logs = [msgspec.structs.replace(log, log_index=hex(at), removed=False) for at, log in enumerate(told)]
    if lie := Expected(Range(header.number, header.number), Filter()).lie_in(logs, {header.number: header}):
        raise endpoint.contradiction(*lie)
    return logs


def prove_complete(logs: Sequence[RawLog], header: Header) -> bool:
    """Whether the header's bloom is exactly that of these logs, so that none is missing and none is invented."""
    items = {log.address for log in logs} | {topic for log in logs for topic in log.topics}
    return bloom_of([bytes.fromhex(item[2:]) for item in items]) == header.logs_bloom


def matching(logs: Sequence[RawLog], filter: Filter) -> list[RawLog]:  # noqa: A002
    """The logs that the filter asks for."""
    addresses = {"0x" + address.hex() for address in filter.addresses}
    topics = {"0x" + topic.hex() for topic in filter.topic0s}
    return [
        log
        for log in logs
        if (not addresses or log.address.lower() in addresses)
        and (not topics or (log.topics and log.topics[0].lower() in topics))
    ]


async def _receipts(endpoint: Endpoint, header: Header) -> list[_Receipt]:
    """The block's receipts, at once or one by one; each transaction's once, in order."""
    block = Call("eth_getBlockByNumber", (hex(header.number), False))
    if endpoint.abilities.block_receipts is not False:
        answer, now = await endpoint.answers([Call("eth_getBlockReceipts", (hex(header.number),)), block])
        if not isinstance(answer, RpcError):
            hashes = _hashes(endpoint, header, now)
            return _complete(
                endpoint, header, hashes, _each_once(endpoint, _decoded(endpoint, _block_receipts, answer))
            )
        if not isinstance(answer, Rejected):
            raise answer
        endpoint.abilities = replace(endpoint.abilities, block_receipts=False)
    return await _one_by_one(endpoint, _hashes(endpoint, header, (await endpoint.answers([block]))[0]))


def _hashes(endpoint: Endpoint, header: Header, answer: Answer) -> list[str]:
    """The block's transactions, if it is still the header's: a fork under our hands may leave it without receipts."""
    if isinstance(answer, RpcError):
        raise answer
    block: _Transactions | None = _decoded(endpoint, _transactions, answer)
    if block is None or block.hash.lower() != "0x" + header.hash.hex():
        raise endpoint.contradiction("receipts", f"block {header.number} changed while it was read")
    return block.transactions


def _complete(endpoint: Endpoint, header: Header, hashes: Sequence[str], receipts: list[_Receipt]) -> list[_Receipt]:
    missing = {one.lower() for one in hashes} - {one.transaction_hash.lower() for one in receipts}
    if missing:
        raise _missing(endpoint, f"{len(missing)} of {len(hashes)} receipts of block {header.number}")
    return receipts


def _missing(endpoint: Endpoint, what: str) -> MissingData:
    text = f"{endpoint.name}: it does not have {what}"
    return MissingData(text, endpoint=endpoint.name, method="eth_getBlockReceipts", failure=Failure(Kind.MISSING))


async def _one_by_one(endpoint: Endpoint, hashes: Sequence[str]) -> list[_Receipt]:
    out: list[_Receipt | None] = []
    for one in await endpoint.answers([Call("eth_getTransactionReceipt", (tx,)) for tx in hashes]):
        if isinstance(one, RpcError):
            raise one
        out.append(_decoded(endpoint, _receipt, one))
    return _each_once(endpoint, out)


def _each_once(endpoint: Endpoint, receipts: list[_Receipt | None] | None) -> list[_Receipt]:
    if receipts is None or None in receipts:
        raise _missing(endpoint, "receipts of a block that exists")
    return list({receipt.transaction_hash: receipt for receipt in receipts if receipt is not None}.values())


def _decoded(endpoint: Endpoint, decoder: msgspec.json.Decoder[T], answer: msgspec.Raw) -> T:
    try:
        return decoder.decode(answer)
    except UNREADABLE as error:
        raise endpoint.contradiction("shape", f"receipts without their fields ({error})") from error
