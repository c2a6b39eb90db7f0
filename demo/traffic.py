"""Play the protocol's users on the demo's chain (`python -m demo.traffic`).

The chain's own clock sets the pace: after each block the actions that have come due are sent, and the next ones wait
until those are mined. So the same seed and rate give the same events on every fresh chain, whatever the machine is
busy with. The number of the next action is what the users have sent so far, so a restart goes on where it was.
"""

from dataclasses import dataclass

import click
import structlog

from demo.book import Book
from demo.deploy import SETUP_NONCES, USERS, Deployment, deployment, users
from demo.node import Node, connect
from demo.play import choose
from demo.process import run_until_told
from demo.survey import survey
from shared.errors import Transient
from shared.rpc_errors import RpcError
from shared.runtime import Stop

_POLL_S = 0.1
_PATIENCE_S = 20  # of the chain's time; a transaction that is not mined by then was lost
_REPORT_S = 30


class OutOfStep(Transient):
    """The chain is not as the play believes: not deployed, an action failed or was lost, another fork."""

    reason = "out_of_step"
    advice = "The chain is read anew by itself."


@dataclass(frozen=True, slots=True)
class Play:
    """What to play: the same play gives the same events on a fresh chain. `length` None never ends."""

    seed: str
    rate_per_s: float
    players: tuple[str, ...]
    length: int | None = None

    def due_ms(self, number: int) -> int:
        """When an action comes due on the play's clock, which starts at 0."""
        return int(number * 1000 / self.rate_per_s)


class Stage:
    """A play on a chain. `number` is that of the next action, `book` what its users know."""

    def __init__(self, node: Node, where: Deployment, play: Play) -> None:
        self.number = 0
        self._node = node
        self._where = where
        self._play = play
        self.book = Book(())
        self._started_s = 0.0  # the chain's time at which the play's clock read 0
        self._waiting: list[str] = []
        self._waiting_since_s = 0

    async def enter(self) -> None:
        """Find out how far the play is. Raises OutOfStep while the contracts are not there, RpcError."""
        await self._node.open_doors()
        if not all(await self._node.codes([contract.address for contract in self._where.contracts.values()])):
            raise OutOfStep("the contracts are not deployed")
        sent = await self._node.nonces(self._play.players)
        if sent != await self._node.nonces(self._play.players, mined=True):
            raise OutOfStep("earlier actions are not mined yet")
        if min(sent) < SETUP_NONCES:
            raise OutOfStep("the users have no money yet")
        self.number = sum(sent) - SETUP_NONCES * len(sent)
        now_ms = self._play.due_ms(self.number)
        self.book = await survey(self._node, self._where, now_ms)
        self._started_s = await self._node.time() - now_ms / 1000
        self._waiting.clear()

    @property
    def over(self) -> bool:
        """Whether everything is played and mined."""
        return self._all_sent and not self._waiting

    @property
    def _all_sent(self) -> bool:
        return self._play.length is not None and self.number >= self._play.length

    async def tick(self, chain_s: int) -> int:
        """Send what has come due at a block's time, once all before is mined; returns how much that was.

        Raises OutOfStep when an action failed or was lost, RpcError.
        """
        if self._waiting and not await self._mined(chain_s):
            return 0
        sent = 0
        while not self._all_sent and (now_ms := self._play.due_ms(self.number)) <= (chain_s - self._started_s) * 1000:
            action = choose(self._play.seed, self.number, now_ms, self.book, self._play.players)
            contract = self._where[action.contract]
            self._waiting.append(await self._node.tell(action.sender, contract, action.function, *action.arguments))
            self.book.apply(action, now_ms)
            self.number += 1
            sent += 1
        self._waiting_since_s = chain_s
        return sent

    async def _mined(self, chain_s: int) -> bool:
        receipts = await self._node.receipts(self._waiting)
        failed = [receipt["transactionHash"] for receipt in receipts if receipt and receipt["status"] != "0x1"]
        if failed:
            raise OutOfStep(f"the chain refused {len(failed)} of {len(receipts)} actions, the first is {failed[0]}")
        if None in receipts and chain_s - self._waiting_since_s > _PATIENCE_S:
            raise OutOfStep(f"{receipts.count(None)} actions were lost")
        self._waiting = [hash_ for hash_, receipt in zip(self._waiting, receipts, strict=True) if receipt is None]
        return not self._waiting


async def perform(stage: Stage, node: Node, stop: Stop) -> None:
    """Play until the play is over or the stop; whatever goes wrong, read the chain anew and go on."""
    log = structlog.get_logger()
    while not (stop.is_set() or stage.over):
        try:
            await stage.enter()
            log.info("playing", action=stage.number)
            await _follow(stage, node, stop)
        except (RpcError, OutOfStep) as exc:
            log.warning("out of step", reason=exc.reason, error=str(exc), action=stage.number)
            await stop.wait(0.5)


async def _follow(stage: Stage, node: Node, stop: Stop) -> None:
    """Tick at each new block."""
    seen_s, reported_s, sent = -1, await node.time(), 0
    while not (stop.is_set() or stage.over):
        chain_s = await node.time()
        if chain_s < seen_s:
            raise OutOfStep("the chain went back in time")
        if chain_s > seen_s:
            sent += await stage.tick(chain_s)
            seen_s = chain_s
        if chain_s - reported_s >= _REPORT_S:
            structlog.get_logger().info("played", action=stage.number, per_s=round(sent / (chain_s - reported_s), 1))
            reported_s, sent = chain_s, 0
        await stop.wait(_POLL_S)


@click.command()
@click.option("--rpc", required=True, envvar="USDX_DEMO_RPC", help="The anvil node's URL.")
@click.option("--seed", default="usdx", show_default=True, envvar="USDX_DEMO_SEED", help="Which play.")
@click.option("--rate", default=5.0, show_default=True, envvar="USDX_DEMO_RATE", help="Actions a second.")
@click.option("--users", "count", default=USERS, show_default=True, envvar="USDX_DEMO_USERS", help="As deployed.")
@click.option("--actions", "length", type=int, help="End after so many actions; by default never.")
def main(rpc: str, seed: str, rate: float, count: int, length: int | None) -> None:
    """Deposit, boost, claim, borrow, repay, list, buy and redeem until told to stop."""
    if rate <= 0:
        raise click.BadParameter("must be above 0", param_hint="--rate")

    async def run(stop: Stop) -> None:
        async with connect(rpc) as node:
            await perform(Stage(node, deployment(), Play(seed, rate, users(count), length)), node, stop)

    run_until_told("traffic", run)


if __name__ == "__main__":
    main()
