"""The demo's protocol on a real chain, in a test's words."""

from dataclasses import dataclass
from typing import Any

from demo.contract import Contract
from demo.deploy import DEPLOYER, KEEPER, USD, Deployment, users
from demo.node import Node

MONTH_S = 1_000
YEAR_S = 12 * MONTH_S
ANN, BEN, CAT, DAN = users(4)
ADMIN = DEPLOYER

__all__ = ["ADMIN", "ANN", "BEN", "CAT", "DAN", "KEEPER", "MONTH_S", "USD", "YEAR_S", "World"]


@dataclass(frozen=True, slots=True)
class World:
    """One chain with the contracts; `vault`, `market` and `usdt` take (sender, function, arguments…)."""

    node: Node
    deployed: Deployment

    @property
    def vault(self) -> Contract:
        return self.deployed["vault"]

    @property
    def market(self) -> Contract:
        return self.deployed["marketplace"]

    @property
    def usdt(self) -> Contract:
        return self.deployed["usdt"]

    async def act(
        self, sender: str, contract: Contract, function: str, *arguments: Any
    ) -> list[tuple[str, dict[str, Any]]]:
        """Do it and return its events from vault and marketplace; fails the test where the chain refuses."""
        hash_ = await self.node.tell(sender, contract, function, *arguments)
        await self.node.settle([hash_])
        (receipt,) = await self.node.receipts([hash_])
        return [found for log in receipt["logs"] if (found := self.read(log))]

    async def ask(self, contract: Contract, function: str, *arguments: Any) -> Any:
        return await self.node.ask(contract, function, *arguments)

    async def refused(self, sender: str, contract: Contract, function: str, *arguments: Any) -> str:
        """Why the chain refuses it; fails the test where it does not."""
        why = await self.node.refusal(sender, contract, function, *arguments)
        assert why is not None, f"{function}{arguments} was accepted"
        return why

    async def deposit(self, owner: str, usd: int = 1_000, pool: int = 1) -> int:
        """A new wexel."""
        await self.act(owner, self.vault, "deposit", pool, usd * USD)
        return int(await self.ask(self.vault, "totalDeposits"))

    async def list(self, seller: str, wexel: int, ask_usd: int = 1_100) -> int:
        """A new listing."""
        await self.act(seller, self.market, "list", wexel, ask_usd * USD)
        return int(await self.ask(self.market, "listingCount"))

    async def after(self, seconds: int) -> None:
        """Let that much time pass since the newest block."""
        await self.at(await self.node.time() + seconds)

    async def at(self, timestamp: int) -> None:
        """Mine an empty block at a time."""
        await self.node.rpc.call("evm_setNextBlockTimestamp", [timestamp])
        await self.node.rpc.call("evm_mine")

    async def balance(self, owner: str) -> int:
        return int(await self.ask(self.usdt, "balanceOf", owner))

    def read(self, log: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """A log as an event of vault or marketplace, None when another contract wrote it."""
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        for contract in (self.vault, self.market):
            if log["address"] == contract.address:
                event = contract.interface.events[topics[0]]
                return event.name, event.read(topics, bytes.fromhex(log["data"][2:]))
        return None
