"""Logs become rows, or are refused by name."""

import pytest

from indexer.model import BlockRef, Logs, Range
from indexer.rows import Batch, RowWriter
from shared.errors import Inconsistent
from shared.rpc_types import RawLog
from tests.integration.indexer.world import TOKEN, TRANSFER, token

HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "0xzz"},
        {"block_timestamp": hex(2**62)},
        {"block_timestamp": "soon"},
        {"log_index": "first"},
        {"transaction_hash": "0x0g"},
        {"topics": ("0x" + (TRANSFER.topic0 or b"").hex(), "0x1")},
    ],
    ids=str,
)
def test_a_log_whose_fields_are_no_hex_is_the_nodes_fault(wrong: dict[str, object]) -> None:
    """Whatever slipped through the checks of a page is Inconsistent, which is asked again; it never ends the worker."""
    fields: dict[str, object] = {
        "address": "0x" + TOKEN.hex(),
        "topics": ("0x" + (TRANSFER.topic0 or b"").hex(),),
        "data": "0x",
        "block_number": "0x5",
        "block_hash": HASH,
        "transaction_hash": HASH,
        "log_index": "0x0",
        "block_timestamp": "0x5",
    }
    ends = {number: BlockRef(number, bytes(32), bytes(32), 1) for number in (4, 6)}
    logs = Logs(Range(4, 6), ends, [RawLog(**(fields | wrong))])  # type: ignore[arg-type]
    with pytest.raises(Inconsistent, match="block 0x5"):
        RowWriter(1, [token()]).write(logs, Batch())
