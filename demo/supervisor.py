"""Run the whole system: start every program, watch, heal, and end all of them together."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from demo import observers, parts, ports, postgres, report, run_config, watch, workers, world
from demo.board import Board
from demo.deploy import Deployment, deploy
from demo.finding import table
from demo.node import connect
from demo.parts.anvil import command
from demo.pricepath import PricePath
from demo.program import Kept, Program
from demo.run_folder import claimed, prepare
from demo.site import Site
from demo.together import beside
from shared import runtime
from shared.errors import Permanent, Transient

_GRACE_S = 60.0  # workers have ten seconds; then the node and Postgres write their last things
_READY_WITHIN_S = 300.0
_CHECK_AFTER_S = 30.0


class NotReady(Transient):
    """Some program did not become ready in time."""

    reason = "not_ready"
    advice = "Look into the log of the program that the message names."


class Differs(Permanent):
    """Two sides that must agree do not."""

    reason = "check_differs"
    advice = "The table says which; the logs beside the config may say why."


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. `run_s` counts from ready; None runs until Ctrl-C."""

    data_dir: Path
    seed: str
    rate_per_s: float
    free_ports: bool = False
    keep: bool = False
    run_s: float | None = None
    check: bool = False


async def run(options: Options, board: Board) -> None:
    """The demo from its start to Ctrl-C, SIGTERM or the end of its time. Raises what ended it before."""
    await runtime.run({"demo": lambda stop: beside(_in_folder(options, board), _told(stop, board))}, grace_s=_GRACE_S)


async def _told(stop: runtime.Stop, board: Board) -> None:
    await stop.wait()
    board.say("Stopping …")


async def _in_folder(options: Options, board: Board) -> None:
    began = time.monotonic()
    with claimed(options.data_dir) as folder:
        site = Site(folder, ports.free() if options.free_ports else ports.usual(), board)
        board.say(f"usdx demo in {folder.path}; the first time it fetches some programs")
        await prepare(folder, keep=options.keep and folder.chain.exists())
        run_config.write(folder, site.ports)
        anvil, seen_by = await asyncio.gather(asyncio.to_thread(parts.anvil), _observers(board))
        async with postgres.running(folder) as url:
            chain = _node(anvil, site)
            await beside(_Run(options, site, url, seen_by, began).on_node(chain), chain.keep())


async def _observers(board: Board) -> observers.Observers | None:
    """Prometheus and Alertmanager, or nothing and a word about it."""
    try:
        return await observers.found()
    except parts.PartMissing as exc:
        board.say(f"Runs without Prometheus and Alertmanager. {exc}")
        return None


def _node(program: Path, site: Site) -> Kept:
    """The chain, which continues where the run before left it when that was kept."""
    argv = command(
        program,
        port=site.ports.node,
        block_time_s=1,
        options=("--state", str(site.folder.chain), "--order", "fifo", "--quiet"),
    )
    return Kept(Program("node", argv, site.folder.log("node"), replaceable=False), site.board.say)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, once its folder, its ports and its Postgres are there."""

    options: Options
    site: Site
    postgres_url: str
    observers: observers.Observers | None
    began: float

    async def on_node(self, chain: Kept) -> None:
        """Everything that stands on a chain."""
        async with aiohttp.ClientSession() as session:
            await watch.answering(watch.node(session, self.site.url("node")))
            self.site.folder.chain.unlink(missing_ok=True)  # the node writes it anew when it ends well, not when killed
            async with connect(self.site.url("node")) as node:
                deployment = await deploy(node)
            await self.with_programs(session, chain, deployment)

    async def with_programs(self, session: aiohttp.ClientSession, chain: Kept, deployment: Deployment) -> None:
        """The made-up world, the workers and their observers."""
        site, options = self.site, self.options
        moving = world.programs(site, options.seed, options.rate_per_s)
        observed = observers.programs(self.observers, site.folder, site.ports) if self.observers else []
        kept = {one.name: Kept(one, site.board.say) for one in (*moving, *workers.programs(site.folder), *observed)}
        questions = {
            "postgres": postgres.question(self.postgres_url),
            "node": watch.node(session, site.url("node")),
            "venues": watch.page(session, site.url("venues")),
            "keeper": watch.process(kept["keeper"]),
            "traffic": watch.process(kept["traffic"], lambda: watch.played(kept["traffic"])),
            **{name: watch.worker(session, site.url(name)) for name in workers.NAMES},
            **{one.name: watch.page(session, f"{site.url(one.name)}/-/ready") for one in observed},
        }
        watching = watch.Watch(site.board, questions, workers.NAMES)

        def pids() -> dict[str, int | None]:
            return {"node": chain.pid} | {name: one.pid for name, one in kept.items()}

        await beside(
            self.timeline(watching, kept["traffic"], deployment),
            watching.run(),
            report.keep_state(site, self.postgres_url, pids, list(questions)),
            *(one.keep() for one in kept.values()),
        )

    async def timeline(self, watching: watch.Watch, traffic: Kept, deployment: Deployment) -> None:
        """Wait for ready, say so, let time pass, check."""
        try:
            await asyncio.wait_for(watching.all_ready.wait(), _READY_WITHIN_S)
        except TimeoutError as exc:
            waiting = "; ".join(watching.waiting_for)
            raise NotReady(f"not ready within {_READY_WITHIN_S:.0f} s: {waiting}") from exc
        say = self.site.board.say
        say(f"ready after {time.monotonic() - self.began:.0f} s")
        say(report.places(self.site, self.postgres_url, observed=self.observers is not None))
        if self.options.run_s is None and not self.options.check:
            say("Ctrl-C stops everything.")
            await asyncio.Event().wait()
        await asyncio.sleep(_CHECK_AFTER_S if self.options.run_s is None else self.options.run_s)
        if self.options.check:
            say("The traffic stops; comparing …")
            await traffic.end()
            await self.check(deployment)

    async def check(self, deployment: Deployment) -> None:
        """Compare, once the last transactions are mined; raises Differs."""
        from demo.check import Sides, check  # web3 takes a second to import

        sides = Sides(
            self.site.url("node"),
            self.postgres_url,
            self.site.url("aggregator"),
            self.site.url("oracle"),
            deployment.addresses(),
            PricePath(self.options.seed),
        )
        findings = await check(sides)
        self.site.board.say(table(findings))
        different = [finding.what for finding in findings if not finding.ok]
        if different:
            raise Differs(f"{len(different)} of {len(findings)} comparisons differ: {', '.join(different)}")
        self.site.board.say(f"All {len(findings)} comparisons agree.")
