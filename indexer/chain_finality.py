"""Know which block can no longer change, by the chain's own tag or by depth."""

from __future__ import annotations

from shared.pool import Pool
from shared.rpc_errors import RpcError
from shared.rpc_types import Header

DEPTH_BLOCKS = 64


class Finality:
    """`by_tag` says which of the two is used: the tag where one is wanted and any endpoint knows it.

    By tag it is as old as the pool's last look at it, a few seconds at most.
    """

    def __init__(self, pool: Pool, wanted: str | int) -> None:
        self.depth = wanted if isinstance(wanted, int) else DEPTH_BLOCKS
        self._pool = pool
        self._wants_tag = not isinstance(wanted, int)
        self._deep: Header | None = None

    @property
    def by_tag(self) -> bool:
        """Whether finality comes from the chain itself."""
        return self._wants_tag and any(one.abilities.finalized_tag for one in self._pool.endpoints)

    async def block(self) -> Header | None:
        """The newest final block. The pool must have looked for heads before, which is what makes the tag free."""
        if self._pool.heads.tip is None:
            await self._pool.head()
        if self.by_tag:
            return self._pool.heads.finalized
        return await self._by_depth()

    async def _by_depth(self) -> Header | None:
        """The block `depth` below the tip, asked for only every few blocks: being late here is safe."""
        assert self._pool.heads.tip is not None
        number = self._pool.heads.tip.number - self.depth
        if number < 0 or (self._deep is not None and number - self._deep.number <= self.depth // 8):
            return self._deep
        block = await self._block(number)
        # Somebody may have asked meanwhile, and for a newer one.
        known = -1 if self._deep is None else self._deep.number
        if block is not None and block.number == number > known:
            self._deep = block
        return self._deep

    async def _block(self, number: int) -> Header | None:
        """By the endpoint whose head is the tip, if it answers: another one may be left on a dead fork."""
        leader = self._pool.heads.leader
        if leader is not None and not leader.health.astray:
            try:
                return await leader.block(hex(number))
            except RpcError:
                pass
        return await self._pool.on(lambda endpoint: endpoint.block(hex(number)), block=number)
