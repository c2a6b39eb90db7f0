"""Find the block in which a contract was deployed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared.pool import Pool
from shared.rpc_errors import MissingData, NoEndpoint, Rejected, RpcError

HasCode = Callable[[int], Awaitable[bool]]


async def first_with_code(has_code: HasCode, tip: int) -> int | None:
    """The lowest block at or below `tip` at which the contract exists, None when it does not exist at `tip`.

    Asks log2(tip) times. A contract that was destroyed and deployed anew counts from its last birth.
    """
    if not await has_code(tip):
        return None
    low, high = 0, tip
    while low < high:
        middle = (low + high) // 2
        if await has_code(middle):
            high = middle
        else:
            low = middle + 1
    return low


async def birth(pool: Pool, address: bytes, tip: int) -> int:
    """The first block worth indexing for a contract: its birth, or 0 when the nodes cannot tell.

    They cannot when they keep no old state, or when there is no code at the tip (not yet, or no more).
    Source: execution-apis `eth_getCode`.
    """

    async def has_code(block: int) -> bool:
        return await pool.call("eth_getCode", ["0x" + address.hex(), hex(block)]) not in (None, "0x", "")

    try:
        return await first_with_code(has_code, tip) or 0
    except RpcError as error:
        each = error.errors if isinstance(error, NoEndpoint) else (error,)
        if each and all(isinstance(one, MissingData | Rejected) or not one.failure.known for one in each):
            return 0
        raise
