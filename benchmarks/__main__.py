"""Measure the indexer against its targets: `python -m benchmarks [--quick] [--only NAME…]`.

Everything runs on this machine: a replay node, a Postgres of our own, the real command. Prints a table and writes it to
`benchmarks/RESULTS.md`; a run with `--quick` or `--only` writes nothing, unless `--keep` says to replace some lines.

The other two processes have measurements of their own: `python -m benchmarks.bench_oracle` and
`python -m benchmarks.bench_aggregator`, which keeps its table in `benchmarks/AGGREGATOR.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import alone, baselines, machine, product
from benchmarks.baselines import Rate
from benchmarks.chain import PROFILES, Chain
from benchmarks.product import Run
from benchmarks.replay_node import MAX_BLOCKS
from benchmarks.report import Line, load, markdown, notes_in, save, table
from benchmarks.stage import WORK, Databases, Node, NodePlan, databases, replay

RESULTS = Path(__file__).with_name("RESULTS.md")
WEB3_BLOCKS = 4_000
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    dense_blocks: int
    packed_blocks: int
    sparse_blocks: int
    short_blocks: int
    long_blocks: int
    rounds: int
    live_s: float


FULL = Size(400_000, 20_000, 2_000_000, 200_000, 2_000_000, 5, 60.0)
QUICK = Size(40_000, 4_000, 200_000, 40_000, 0, 1, 15.0)


class Bench:
    """The measurements, each a generator of lines; later ones compare with what earlier ones found."""

    def __init__(self, dbs: Databases, size: Size) -> None:
        self._dbs = dbs
        self._size = size
        self._web3: Rate | None = None

    def cases(self) -> dict[str, Callable[[], Iterator[Line]]]:
        return {
            "node": self.node,
            "decode": self.decode,
            "web3": self.web3,
            "dense": self.dense,
            "bare": self.without_timestamps,
            "latency": self.latency,
            "metrics": self.metrics,
            "cross": self.cross_checked,
            "packed": self.packed,
            "sparse": self.sparse,
            "memory": self.memory,
            "live": self.live,
        }

    def node(self) -> Iterator[Line]:
        """The replay node alone."""
        with replay(NodePlan("dense", self._size.dense_blocks)) as node:
            found = alone.ceiling(node, self._size.dense_blocks)
            cpu = node.stats()["cpu_s"]
        yield Line("replay node, alone", f"{found.per_s:,.0f} logs/s", detail="one client that looks at nothing")
        yield Line("replay node, its own cost", f"{cpu / found.rows * 1e6:.2f} µs a log", detail="start included")

    def decode(self) -> Iterator[Line]:
        """One core, from the bytes of answers to COPY rows."""
        by_columns, one_by_one = alone.columns_alone(), alone.general_alone()
        yield Line("decode alone, by columns", f"{by_columns.per_s:,.0f} logs/s", detail="a core, all checks")
        ratio = by_columns.per_s / one_by_one.per_s
        yield Line("decode alone, one by one", f"{one_by_one.per_s:,.0f} logs/s", detail=f"columns are {ratio:.1f} ×")

    def web3(self) -> Iterator[Line]:
        """The way people write it."""
        self._web3 = self._baseline()
        yield Line("web3.py + executemany", f"{self._web3.per_s:,.0f} events/s", detail=f"{self._web3.rows:,} events")

    def dense(self) -> Iterator[Line]:
        """About five logs a block, with blockTimestamp; each round followed by a bare COPY of the same rows."""
        runs, copies, others = [], [], []
        with replay(NodePlan("dense", self._size.dense_blocks)) as node:
            for _ in range(self._size.rounds):
                others.append(self._baseline())
                with self._dbs.fresh() as database:
                    runs.append(product.backfill(node, database))
                    rows = asyncio.run(baselines.dump(database))
                with self._dbs.fresh() as database:
                    copies.append(asyncio.run(baselines.bare_copy(database, rows)))
        run = _median(runs)
        self._complete(run, "dense", self._size.dense_blocks)
        yield self._against_web3("dense backfill", runs, others, 100)
        steady = statistics.median(one.steady_per_s / other.per_s for one, other in zip(runs, others, strict=True))
        yield Line(
            "dense backfill, after its start",
            f"{run.steady_per_s:,.0f} events/s",
            detail=f"{run.start_s:.2f} s until the first question; {steady:.0f} × web3.py",
        )
        ratios = [one.per_s / copy.per_s for one, copy in zip(runs, copies, strict=True)]
        ratio = statistics.median(ratios)
        copy_rate = statistics.median(copy.per_s for copy in copies)
        yield Line(
            "dense backfill : bare binary COPY",
            f"{ratio:.0%}",
            "≥ 55 %",
            ratio >= 0.55,
            f"COPY alone {copy_rate:,.0f} rows/s; rounds {', '.join(f'{one:.0%}' for one in ratios)}",
        )
        per_million = run.requests / run.rows * 1e6
        yield Line("requests per million dense logs", f"{per_million:,.0f}", "≤ 500", per_million <= 500)
        yield Line("CPU of the process tree", f"{run.usage.cpu_s / run.rows * 1e6:.2f} µs an event")

    def without_timestamps(self) -> Iterator[Line]:
        """Every header must be fetched."""
        with replay(NodePlan("dense", self._size.dense_blocks, bare=True)) as node:
            pairs = [(self._baseline(), self._once(node)) for _ in range(self._size.rounds)]
        others, runs = [other for other, _ in pairs], [run for _, run in pairs]
        self._complete(runs[0], "dense", self._size.dense_blocks)
        yield self._against_web3("dense backfill, headers fetched", runs, others, 80)

    def latency(self) -> Iterator[Line]:
        """50 ms an answer, each round beside one without."""
        blocks = self._size.dense_blocks
        with replay(NodePlan("dense", blocks)) as near, replay(NodePlan("dense", blocks, latency_ms=50)) as far:
            pairs = [(self._once(near), self._once(far)) for _ in range(self._size.rounds)]
        ratio = statistics.median(late.steady_per_s / quick.steady_per_s for quick, late in pairs)
        run = _median([late for _, late in pairs])
        yield Line(
            "dense backfill at 50 ms an answer",
            f"{ratio:.0%} of the rate without",
            "≥ 80 %",
            ratio >= 0.8,
            f"{run.steady_per_s:,.0f} events/s after its start",
        )

    def metrics(self) -> Iterator[Line]:
        """What counting costs, with a clock around all of it."""
        for what, bare in (("", False), (", headers fetched", True)):
            with replay(NodePlan("dense", self._size.dense_blocks, bare=bare)) as node:
                found = []
                for _ in range(self._size.rounds):
                    with self._dbs.fresh() as database:
                        found.append(product.counting(node, database))
            most = max(found, key=lambda one: one.share)
            yield Line(
                f"instrumentation{what}",
                f"{most.share:.2%} of the pipeline's CPU",
                "< 1 %",
                most.share < 0.01,
                f"{most.cpu_s * 1000:.0f} ms of {most.tree_cpu_s:.1f} s in {most.calls:,} calls, Postgres not counted; "
                f"the most of {len(found)} rounds",
            )

    def cross_checked(self) -> Iterator[Line]:
        """Every log confirmed by a second node, each round beside one without."""
        plan = NodePlan("dense", self._size.short_blocks)
        pairs = []
        with replay(plan) as node, replay(plan) as witness:
            for _ in range(self._size.rounds):
                plain = self._once(node)
                with self._dbs.fresh() as database:
                    pairs.append((plain, product.backfill(node, database, witnesses=[witness])))
        self._complete(pairs[0][1], "dense", self._size.short_blocks)
        share = statistics.median(both.steady_per_s / one.steady_per_s for one, both in pairs)
        more = statistics.median(both.requests / one.requests for one, both in pairs)
        run = _median([both for _, both in pairs])
        yield Line(
            "dense backfill, cross_check",
            f"{share:.0%} of the rate without",
            detail=f"{run.per_s:,.0f} events/s of the whole command; {more:.1f} × the requests",
        )

    def packed(self) -> Iterator[Line]:
        """About fifty logs a block."""
        with replay(NodePlan("packed", self._size.packed_blocks)) as node:
            run = _median([self._once(node) for _ in range(self._size.rounds)])
        self._complete(run, "packed", self._size.packed_blocks)
        yield Line("packed backfill, 52 logs a block", f"{run.per_s:,.0f} events/s", detail=self._times(run.per_s))

    def sparse(self) -> Iterator[Line]:
        """One log in 500 blocks."""
        blocks = self._size.sparse_blocks
        with replay(NodePlan("sparse", blocks, keep=24)) as node:
            run = self._once(node)
        self._complete(run, "sparse", blocks)
        fewest = -(-blocks // MAX_BLOCKS)
        yield Line(
            "sparse backfill, requests",
            f"{run.requests / fewest:.2f} × the fewest",
            "≤ 1.2 ×",
            run.requests <= 1.2 * fewest,
            f"{run.requests} for {blocks:,} blocks in {run.usage.seconds:.1f} s",
        )

    def memory(self) -> Iterator[Line]:
        """The process tree at one and at ten million events."""
        found = {}
        for blocks in (self._size.short_blocks, self._size.long_blocks):
            if not blocks:
                continue
            with replay(NodePlan("dense", blocks, keep=24)) as node:
                run = self._once(node)
            self._complete(run, "dense", blocks)
            found[run.rows] = run.usage
            yield Line(
                f"resident memory at {run.rows / 1e6:.1f} M events",
                f"{run.usage.peak_mb:.0f} MB",
                "< 200 MB",
                run.usage.peak_mb < 200,
                f"sum over all processes at the peak; {max(run.usage.pss_mb):.0f} MB when shared pages count once",
            )
        if len(found) == 2:
            short, long = found.values()
            growth = long.peak_mb / short.peak_mb
            yield Line("memory, long : short", f"{growth:.2f}", "flat (≤ 1.1)", growth <= 1.1)

    def live(self) -> Iterator[Line]:
        """A block every 250 ms, polled every 50 ms."""
        mined = int(self._size.live_s * 8) + 2_000
        plan = NodePlan("dense", mined, mine_ms=250, head=500)
        with replay(plan) as node, self._dbs.fresh() as database:
            seen = product.follow(node, database, POLL_S, self._size.live_s)
        delays = sorted(one.delay_ms for one in seen)
        p50, p99 = (delays[min(len(delays) - 1, int(len(delays) * share))] for share in (0.5, 0.99))
        spread = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {delays[-1]:.1f} ms"
        beyond = p99 - POLL_S * 1000
        yield Line(
            "live: block to Postgres, p99 beyond the poll",
            f"{beyond:.1f} ms",
            "≤ 10 ms",
            beyond <= 10,
            f"poll {POLL_S * 1000:.0f} ms, {len(delays)} blocks: {spread}",
        )

    def _once(self, node: Node) -> Run:
        with self._dbs.fresh() as database:
            return product.backfill(node, database)

    def _baseline(self) -> Rate:
        """One round of web3.py, on a node of its own."""
        blocks = min(WEB3_BLOCKS, self._size.dense_blocks)
        with replay(NodePlan("dense", blocks)) as node, self._dbs.fresh() as database:
            return baselines.web3_executemany(node, database, blocks)

    def _against_web3(self, what: str, runs: Sequence[Run], others: Sequence[Rate], target: int) -> Line:
        """Each round against the round of web3.py just before it, as the machine is not equally fast all the time."""
        ratios = [one.per_s / other.per_s for one, other in zip(runs, others, strict=True)]
        ratio, run = statistics.median(ratios), _median(runs)
        rounds = ", ".join(f"{one:.0f}" for one in ratios)
        detail = f"{run.per_s:,.0f} events/s of the whole command, {run.rows:,} events in {run.usage.seconds:.1f} s"
        return Line(what, f"{ratio:.0f} × web3.py", f"≥ {target} ×", ratio >= target, f"{detail}; rounds {rounds}")

    def _times(self, per_s: float) -> str:
        return f"{per_s / self._web3.per_s:.0f} ×" if self._web3 else ""

    def _complete(self, run: Run, profile: str, blocks: int) -> None:
        """The run stored everything up to the last block that the node has."""
        wanted = Chain(PROFILES[profile]).logs_in(blocks)
        if run.rows != wanted:
            raise RuntimeError(f"{run.rows:,} rows were stored, {wanted:,} are on the chain")


def _median(runs: Sequence[Run]) -> Run:
    return sorted(runs, key=lambda one: one.per_s)[len(runs) // 2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only some of the measurements")
    parser.add_argument("--keep", action="store_true", help="with --only: put the lines in place of those of that name")
    options = parser.parse_args()
    about = machine.describe()
    kept = load(WORK / "lines.json") if options.keep else {}
    found: dict[str, list[Line]] = {}
    with databases() as dbs:
        bench = Bench(dbs, QUICK if options.quick else FULL)
        cases = bench.cases()
        if unknown := set(options.only or ()) - set(cases):
            parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
        for name, case in cases.items():
            if options.only and name not in options.only:
                continue
            print(f"{name}: {case.__doc__}", file=sys.stderr, flush=True)
            for line in case():
                print(f"  {line.what}: {line.result} {line.verdict} {line.detail}", file=sys.stderr, flush=True)
                found.setdefault(name, []).append(replace(line, at=f"{about['date'][11:16]}, {about['commit'][:7]}"))
    lines = [line for name in cases for line in found.get(name, kept.get(name, ()))]
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    print(table(lines))
    if not options.quick and (options.keep or not options.only):
        save(WORK / "lines.json", kept | found)
        RESULTS.write_text(markdown(about, lines, notes_in(RESULTS)))
        print(f"written to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
