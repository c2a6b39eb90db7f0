"""Logs without times are read by columns with headers that were checked, whatever the node does with those."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.abi import parse
from indexer.chain import Chain
from indexer.chain_stamps import blocks_of
from indexer.copy_format import micros
from indexer.model import Filter, Logs, Range
from indexer.quick import source
from indexer.streams import filter_of, stream
from shared.rpc_errors import RpcError
from shared.rpc_stamps import Stamp
from tests.fakes import faults
from tests.fakes.chain import FakeChain, FakeLog
from tests.fakes.families import GETH
from tests.fakes.faults import BLOCKS, Fault
from tests.fakes.node import FakeNode
from tests.fakes.quick import Here
from tests.property.speed.copied_rows import rows_of
from tests.unit.node.world import VAULT, pool_of

MADE = stream("shop/all", "base", "shop", parse("event Made(uint256 amount)"), [VAULT], 0)
(TABLE,) = MADE.tables.values()
UNTIMED = replace(GETH, timestamps=False)
HEADERS = {
    "other hash": lambda block: block | {"hash": "0x" + "ee" * 32},
    "other parent": lambda block: block | {"parentHash": "0x" + "ee" * 32},
    "other number": lambda block: block | {"number": "0x1"},
    "endless time": lambda block: block | {"timestamp": "0x" + "f" * 20},
    "late time": lambda block: block | {"timestamp": hex(2**50)},
    "no hex": lambda block: block | {"hash": "0x" + "zz" * 32},
    "short hash": lambda block: block | {"hash": block["hash"][:-2]},
    "long hash": lambda block: block | {"hash": block["hash"] + "00"},
    "bare hash": lambda block: block | {"hash": block["hash"][2:]},
    "no time": lambda block: {key: value for key, value in block.items() if key != "timestamp"},
}
WRONG = {name: lambda change=change: Fault(BLOCKS, change=change) for name, change in HEADERS.items()}
FAULTS = faults.Faults().lies | faults.Faults().troubles | {"batch_reordered": faults.batch_reordered} | WRONG


def here() -> Here:
    return Here(1, [source(MADE)])


def made(blocks: int, every: int) -> FakeChain:
    """A chain with two logs in every so manieth block."""
    assert TABLE.event.topic0 is not None
    chain = FakeChain()
    for number in range(1, blocks + 1):
        one = FakeLog(VAULT, (TABLE.event.topic0,), number.to_bytes(32, "big"))
        chain.mine(*([one, one] if number % every == 0 else []))
    return chain


def found(logs: Logs) -> list[tuple[int, int, bytes, int]]:
    """Block, index, block hash and time of every log, however it was read."""
    out = [
        (number, index, hash_, time)
        for part in logs.copied
        for copy in part.copies.values()
        for _, number, index, time, hash_, *_ in rows_of(bytes(copy), list(TABLE.types.values()))
    ]
    for log in logs.logs:
        header = logs.headers[int(log.block_number, 16)]
        out.append((header.number, int(log.log_index, 16), header.hash, micros(header.time)))
    return sorted(out)


def truth(chain: FakeChain, span: Range) -> list[tuple[int, int, bytes, int]]:
    blocks = chain.blocks[span.first : span.last + 1]
    return [(one.number, index, one.hash, micros(one.time)) for one in blocks for index in range(len(one.logs))]


async def read(chain: Chain, span: Range, quick: Here) -> Logs:
    wanted: Filter = filter_of([MADE])
    return await chain.logs(span, wanted, quick=quick)


@pytest.mark.parametrize(("every", "looks"), [(1, 1), (3, 4)])
async def test_headers_come_with_the_logs_where_nearly_every_block_has_some(every: int, looks: int) -> None:
    """They are asked for beforehand from the second page on, and otherwise for the blocks that have logs only."""
    fake = made(200, every)
    node, quick = FakeNode(fake, family=UNTIMED), here()
    chain = Chain(pool_of(node))
    for at in range(5):
        span = Range(40 * at + 1, 40 * at + 40)
        node.asked.clear()
        logs = await read(chain, span, quick)
        assert found(logs) == truth(fake, span)
        assert bool(logs.copied) == (at > 0)  # the first page tells that there are no times
        assert node.asked["eth_getBlockByNumber"] <= 40 // every + 8
    assert quick.looked == looks


@pytest.mark.parametrize(
    ("name", "every"),
    # That a lone node has nothing where blooms were not read is for the audit to find out.
    [(name, every) for name in FAULTS for every in (1, 3) if (name, every) != ("empty_logs", 3)],
)
async def test_what_is_odd_is_refused_or_mended(name: str, every: int) -> None:
    """Rows are those of the chain, or there are none, when answers about logs or headers are wrong for a while."""
    fake = made(160, every)
    node, quick = FakeNode(fake, family=UNTIMED), here()
    chain = Chain(pool_of(node))
    for at in range(4):
        span = Range(40 * at + 1, 40 * at + 40)
        if at >= 2:
            node.fail(FAULTS[name]().often(3))
        try:
            logs = await read(chain, span, quick)
        except RpcError:
            assert at >= 2
            node.faults.clear()
            continue
        assert found(logs) == truth(fake, span)


def stamp(number: int) -> Stamp:
    return Stamp(hex(number), "0x" + f"{number:064x}", "0x" + f"{number - 1:064x}", hex(1_700_000_000 + number))


def test_blocks_that_do_not_follow_each_other_are_noticed() -> None:
    """Neighbours must link; blocks with a gap between them need not."""
    good = blocks_of([5, 6, 9], [stamp(5), stamp(6), stamp(9)])
    assert good is not None
    assert good.linked()
    torn = blocks_of([5, 6, 9], [stamp(5), Stamp("0x6", "0x" + "66" * 32, "0x" + "55" * 32, "0x1"), stamp(9)])
    assert torn is not None
    assert not torn.linked()
    torn = blocks_of([5, 6], [stamp(5), Stamp("0x6", "0x" + "66" * 32, "0x" + "55" * 32, "0x1")])
    assert torn is not None
    assert not torn.linked()


def test_blocks_are_put_between_the_outer_two() -> None:
    """However they come together, numbers ascend and each keeps its hash, parent and time."""
    outer, inner = blocks_of([1, 5], [stamp(1), stamp(5)]), blocks_of([2, 4], [stamp(2), stamp(4)])
    assert outer is not None
    assert inner is not None
    assert outer.around(inner) == blocks_of([1, 2, 4, 5], [stamp(1), stamp(2), stamp(4), stamp(5)])
    header = outer.around(inner).headers([3, 4])
    assert list(header) == [4]
    assert (header[4].hash, header[4].parent_hash) == (bytes(31) + b"\4", bytes(31) + b"\3")
    assert header[4].timestamp == 1_700_000_004
