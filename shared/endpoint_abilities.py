"""What an endpoint can do, learned by asking it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.endpoint_batch import FIRST_BATCH
from shared.rpc_errors import MissingData, Rejected, RpcError
from shared.rpc_types import Call, quantity


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known so far; None means not tried yet. Limits are inclusive."""

    chain_id: int | None = None
    client: str = ""
    max_batch: int = FIRST_BATCH
    finalized_tag: bool | None = None
    block_receipts: bool | None = None
    log_timestamps: bool | None = None
    archive: bool | None = None  # keeps the state of the first block
    history: bool | None = None  # keeps the logs of the first block
    state_blocks: int | None = None  # keeps state at least this far below its head
    most_results: int | None = None
    most_filters: int | None = None

    @property
    def batches(self) -> bool:
        return self.max_batch > 1


Ask = Callable[[Sequence[Call]], Awaitable[list[Any]]]

MOST_CHAIN_ID = (1 << 63) - 37  # EIP-2294
DEPTHS = (100, 1_000, 10_000, 100_000)
NOBODY = "0x" + "00" * 20
_FIRST = (
    Call("eth_chainId"),
    Call("eth_getBlockByNumber", ("latest", False)),
    Call("eth_getBlockByNumber", ("finalized", False)),
    Call("web3_clientVersion"),
)


def _second(oldest: str, depths: Sequence[int], head: int) -> Sequence[Call]:
    """Questions about the past: genesis itself is kept by many a node that keeps nothing else."""
    return (
        Call("eth_getBlockReceipts", ("latest",)),
        Call("eth_getLogs", ({"fromBlock": oldest, "toBlock": oldest, "address": NOBODY},)),
        Call("eth_getBalance", (NOBODY, oldest)),
        *(Call("eth_getBalance", (NOBODY, hex(head - depth))) for depth in depths),
    )


async def probe(ask: Ask, max_batch: int) -> Abilities:
    """Two batches, most of whose answers may be refusals.

    Raises RpcError when the chain id is not told, and ValueError when it is told as no such number.
    """
    chain_id, latest, finalized, client = await ask(_FIRST)
    if isinstance(chain_id, RpcError):
        raise chain_id
    told = quantity(chain_id, "a chain id", MOST_CHAIN_ID)
    head = quantity(latest.get("number"), "the head's number") if isinstance(latest, dict) else 0
    depths = [depth for depth in DEPTHS if depth < head]
    receipts, logs, oldest, *states = await ask(_second(hex(min(head, 1)), depths, head))
    archive = _can(oldest)
    kept = [depth for depth, state in zip(depths, states, strict=True) if _can(state)]
    return Abilities(
        chain_id=told,
        client=client if isinstance(client, str) else "",
        max_batch=max_batch,
        finalized_tag=_can(finalized),
        block_receipts=_can(receipts),
        archive=archive,
        history=_can(logs),
        state_blocks=head if archive else max(kept, default=None),
    )


def _can(answer: Any) -> bool | None:
    """Whether it can: a verdict says no, mere trouble says nothing."""
    if isinstance(answer, Rejected | MissingData):
        return False
    return None if isinstance(answer, RpcError) else answer is not None
