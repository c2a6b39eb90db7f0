"""Find the block in which a contract was deployed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_errors import Contradiction, MissingData, NoEndpoint, Rejected, RpcError

_CANNOT_TELL = (MissingData, Rejected, Contradiction)
_CODE = re.compile(r"0x[0-9a-fA-F]*+")
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
        return await pool.on(lambda endpoint: _has_code(endpoint, address, block))

    try:
        return await first_with_code(has_code, tip) or 0
    except RpcError as error:
        each = error.errors if isinstance(error, NoEndpoint) else (error,)
        if each and all(isinstance(one, _CANNOT_TELL) or not one.failure.known for one in each):
            return 0
        raise


async def _has_code(endpoint: Endpoint, address: bytes, block: int) -> bool:
    """Whether a contract exists at a block, as one endpoint tells it. Raises RpcError."""
    code = await endpoint.call("eth_getCode", ["0x" + address.hex(), hex(block)])
    if code is None or code == "":
        return False
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise endpoint.contradiction("shape", f"a contract's code that is no hex: {type(code).__name__}")
    return code != "0x"
