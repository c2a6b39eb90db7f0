"""A contract is indexed from the block of its birth, or from the first when nodes cannot tell."""

import pytest

from indexer.birth import birth
from shared.rpc_errors import RpcError
from tests.fakes import faults
from tests.fakes.families import Refusal
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, pool_of

NOBODY = bytes(20)


class Old(FakeNode):
    """A node that refuses old state in these words."""

    refusal: tuple[int, str] = (-32000, "")

    def _result(self, method: str, params: list[object]) -> object:
        if method != "eth_getCode":
            return super()._result(method, params)
        if int(str(params[1]), 16) > 30:
            return "0x60"
        raise Refusal(*self.refusal)


@pytest.mark.parametrize(
    "refusal",
    [
        (-32000, f"state 0x{'ab' * 32} is not available"),
        (-32000, "missing trie node"),
        (-32000, "flurb has no wibble"),
        (-32600, "Archive, Debug and Trace requests are not available on your current plan"),
    ],
)
async def test_nodes_without_old_state(refusal: tuple[int, str]) -> None:
    """In whatever words old state is refused, the contract is indexed from the first block."""
    node = Old(busy_chain(40))
    node.refusal = refusal
    pool = pool_of(node)
    await pool.start()
    assert await birth(pool, NOBODY, 40) == 0


async def test_an_outage_is_no_answer() -> None:
    """While the node is out of reach nothing is decided."""
    node = Old(busy_chain(40))
    pool = pool_of(node)
    await pool.start()
    node.fail(faults.dropped().often(1_000))
    with pytest.raises(RpcError):
        await birth(pool, NOBODY, 40)
