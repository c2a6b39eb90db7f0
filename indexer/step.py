"""Do one unit of work and return what happened."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from indexer.errors import DeepReorg, StreamForgotten
from indexer.horizon import Horizon
from indexer.model import BlockRef, Committed, Cursor, Filter, Idle, Logs, Range, RolledBack, Step, Timing
from indexer.nursery import Born, Nursery, missing
from indexer.planner import Plan, limit, plan
from indexer.quick import Quick
from indexer.reader import Reader
from indexer.reorg import probes, shared
from indexer.rows import Batch, RowWriter
from indexer.store import Store
from indexer.streams import Stream, filter_of
from shared.clock import Clock
from shared.errors import Inconsistent


@dataclass(frozen=True, slots=True)
class Fetched:
    """A plan with its logs. `waited_s` and `decoder_s` are those of a `Timing`.

    `born` are the contracts made by factories that were asked for, by stream.
    """

    plan: Plan
    logs: Logs
    fetch_s: float
    waited_s: float = 0.0
    born: Born = field(default_factory=dict)
    decoder_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Border:
    """What a worker talks to."""

    chain: Reader
    store: Store
    clock: Clock


class Worker:
    """Moves streams of one chain forward.

    Shape: `cursors` is where each stands, as last read or moved; `seen` is the same for those who only look.
    """

    def __init__(self, name: str, chain_id: int, streams: Iterable[Stream], border: Border, horizon: Horizon) -> None:
        self.name = name
        self.streams = {one.key: one for one in streams}
        self.horizon = horizon
        self.cursors: dict[str, Cursor] = {}
        self.seen: dict[str, Cursor] = {}
        self._known = False
        self._settled_on = b""
        self._walls: dict[str, int] = {}
        self.nursery = Nursery(border.store)
        self.width = 0
        self.chain_id = chain_id
        self._border = border
        self._fetching = 0
        self._storing = False
        self._at_tip: set[str] = set()
        self._writers: dict[tuple[str, ...], RowWriter] = {}

    @property
    def clock(self) -> Clock:
        """The clock it measures itself by."""
        return self._border.clock

    @property
    def waits_for(self) -> str:
        """What it waits for just now; nothing between two steps."""
        return "database" if self._storing else "node" if self._fetching else ""

    async def load(self) -> None:
        """Read the cursors unless they are known, and the contracts that factories made up to them.

        A stream whose factory another worker moves may not overtake it, so where that stands is read every time.
        """
        if self._known and not self._walls:
            return
        self._known = True  # unless it is forgotten while we wait, when streams are handed over for instance
        try:
            await self._read()
        except BaseException:
            self._known = False
            raise

    async def _read(self) -> None:
        keys = set(self.streams)
        parents = {key: set(one.parent.keys) - keys for key, one in self.streams.items() if one.parent is not None}
        found = await self._border.store.cursors([*keys.union(*parents.values())])
        if forgotten := sorted(keys.union(*parents.values()) - set(found)):
            raise StreamForgotten(f"{', '.join(forgotten)}: the database does not know this stream any more")
        self.cursors = {key: one for key, one in found.items() if key in keys}
        self._walls = {key: min(found[one].number for one in other) for key, other in parents.items() if other}
        await self.nursery.load(self.streams.values())
        self.seen = dict(self.cursors)

    def forget(self) -> None:
        """Read the cursors again before the next step: an error may have hidden what became of them."""
        self._known = False
        self._settled_on = b""
        self._writers.clear()

    def adopt(self, streams: Iterable[Stream]) -> None:
        """Take over further streams, wherever they stand."""
        self.streams.update({one.key: one for one in streams})
        self.forget()

    def release(self, keys: Iterable[str]) -> list[Stream]:
        """Let go of streams; to be called between steps only. What is seen of them is their next worker's business."""
        self.forget()
        gone = [self.streams.pop(key) for key in keys]
        self.seen = {key: at for key, at in self.seen.items() if key in self.streams}
        return gone

    def behind(self, target: int) -> int:
        """How many blocks the stream furthest behind lacks."""
        return max((target - one.number for one in self.cursors.values()), default=0)

    async def step(self) -> Step:
        """Look at the chain, then take the streams furthest behind one range further."""
        await self.load()
        tip = await self.horizon.look()
        todo = self.plan(tip.number)
        if todo is None:
            return await self._at_rest(tip)
        return await self.land([await self.fetch(todo)])

    def plan(self, target: int) -> Plan | None:
        """What to do next."""
        floor = self.horizon.floor
        first = plan(self.cursors, target, floor, 1, self._walls)
        if first is None:
            return None
        todo = plan(self.cursors, target, floor, self.span(first.streams), self._walls)
        self.width = len(todo.range) if todo is not None else 0
        return todo

    def limit(self, todo: Plan) -> int:
        """How far the streams of a plan may go on together."""
        return limit(self.cursors, todo.streams, self._walls)

    def span(self, streams: Iterable[str]) -> int:
        """How many blocks one question about the streams takes at present."""
        return self._border.chain.span(filter_of(self.streams[key] for key in streams))

    async def fetch(self, todo: Plan, quick: Quick | None = None) -> Fetched:
        """Ask the chain for what the plan needs."""
        began = self._border.clock.monotonic()
        born = self.nursery.born(todo.streams, todo.range.last)
        wanted = self.filter(todo.streams, born)
        self._fetching += 1
        try:
            logs = await self._border.chain.logs(todo.range, wanted, linked=todo.linked, quick=quick)
        finally:
            self._fetching -= 1
        took = self._border.clock.monotonic() - began
        return Fetched(todo, logs, took, took, born)

    def filter(self, streams: Iterable[str], born: Born) -> Filter:
        """What the chain is asked about streams and the contracts that were born for them."""
        return filter_of([self.streams[key] for key in streams], set().union(*born.values()))

    async def land(self, parts: Sequence[Fetched]) -> Step:
        """Decode consecutive ranges and commit them as one, as far as they stand on the cursor and on each other.

        Roll back when not even the first does.
        """
        clock, streams = self._border.clock, parts[0].plan.streams
        cursor = self.cursors[streams[0]]
        good = _linked_to(cursor, parts)
        if not good:
            return await self._roll_back(streams, cursor)
        if lost := await self._against_finality(good):
            return await self._roll_back((lost,), self.cursors[lost])
        astray = await self._astray_factories(streams, good[-1].logs.last)
        if astray:
            return await self._roll_back(astray[:1], self.cursors[astray[0]])
        began = clock.monotonic()
        batch = await self.decode(streams, good)
        decoded = clock.monotonic()
        blocks = _checkpoints(good)
        editions = self.nursery.editions(streams)
        self._storing = True
        try:
            moved = await self._border.store.commit(streams, cursor, blocks, batch, self.horizon.floor, editions)
        finally:
            self._storing = False
        stored = clock.monotonic()
        self._stand(streams, moved)
        live = self._at_tip.issuperset(streams)
        return Committed(
            chain=self.name,
            streams=streams,
            range=Range(good[0].plan.range.first, good[-1].plan.range.last),
            block=blocks[-1],
            events=batch.events(),
            undecoded=len(batch.undecoded),
            live=live,
            rows={name: rows.records for name, rows in batch.rows.items()} if live else {},
            timing=Timing(
                sum(part.fetch_s for part in good),
                sum(part.waited_s for part in good),
                decoded - began,
                stored - decoded,
                sum(part.decoder_s for part in good),
            ),
            committed_at=clock.now(),
        )

    async def _against_finality(self, parts: Sequence[Fetched]) -> str | None:
        """A stream that followed a fork which is dead, now that a block of another one is final.

        It has to come back before its checkpoints above the last final block are forgotten. Raises Inconsistent when
        the parts themselves are of a dead fork and came from an endpoint that is left out now.
        """
        final = self.horizon.finalized
        if final is None:
            return None
        told = [header for part in parts if (header := part.logs.headers.get(final.number)) is not None]
        if any(header.hash != final.hash for header in told) and await self._border.chain.examine():
            raise Inconsistent(f"block {final.number} was read from an endpoint on a dead fork")
        if final.hash == self._settled_on:
            return None
        lost = await self._border.store.against(list(self.streams), final.number, final.hash)
        if not lost:
            self._settled_on = final.hash
        return next((key for key in self.streams if key in lost), None)  # factories first

    async def _astray_factories(self, streams: Sequence[str], last: BlockRef) -> tuple[str, ...]:
        """The factories, further up than the streams they feed, whose tables tell of another fork than `last` is on.

        They have to come back first. Raises Inconsistent when another worker moves them.
        """
        parents = {key for one in streams if (parent := self.streams[one].parent) for key in parent.keys}
        above = sorted(parents.difference(streams))
        astray = await self._border.store.elsewhere(above, last.number, last.hash) if above else []
        if any(key not in self.cursors for key in astray):
            raise Inconsistent(f"block {last.number} is on another fork than the one {', '.join(astray)} followed")
        return tuple(astray)

    def _stand(self, streams: Sequence[str], cursor: Cursor) -> None:
        self.cursors.update(dict.fromkeys(streams, cursor))
        self.seen.update(self.cursors)

    async def _at_rest(self, tip: BlockRef) -> Step:
        """All streams stand at the tip or above it: above is fine as long as the tip is on our own chain. A stream that
        waits for its factory stands below, and has not been at the tip."""
        self._at_tip.update(key for key, one in self.cursors.items() if one.number >= tip.number)
        for streams, cursor in _groups(self.cursors):
            if (cursor.number, cursor.hash) == (tip.number, tip.hash) or cursor.hash is None:
                continue
            known = {one.number: one.hash for one in await self._border.store.checkpoints(streams)}
            if known.get(tip.number, tip.hash) != tip.hash:
                return await self._roll_back(streams, cursor)
        return Idle(self.name, tip)

    async def decode(self, streams: tuple[str, ...], parts: Sequence[Fetched]) -> Batch:
        """The rows of consecutive ranges, those of contracts that were made in them included."""
        writer = self._writers.get(streams)
        if writer is None:
            writer = self._writers[streams] = RowWriter(self.chain_id, [self.streams[key] for key in streams])
        batch, read = Batch(), dict[str, int]()
        for part in parts:
            for key, births in part.born.items():
                writer.own(key, births)
            writer.write(part.logs, batch)
            if self.nursery.growing(streams):
                await self._grow(part, writer, batch, read)
        return batch

    async def _grow(self, part: Fetched, writer: RowWriter, batch: Batch, read: dict[str, int]) -> None:
        """Add the logs of contracts that were made in the range itself, or just below it while it was being fetched."""
        streams, span = part.plan.streams, part.plan.range
        asked = {key: dict(births) for key, births in part.born.items()}
        while True:
            self.nursery.learn(batch, read)
            new = missing(self.nursery.born(streams, span.last), asked)
            if not new:
                return
            wanted = self.filter(new, new)
            logs = await self._border.chain.logs(
                span, replace(wanted, addresses=tuple(sorted(set().union(*new.values()))))
            )
            if logs.last.hash != part.logs.last.hash:
                raise Inconsistent(f"block {span.last} changed while the contracts made in {span} were being read")
            for key, births in new.items():
                writer.own(key, births)
                known = asked.setdefault(key, {})
                writer.write(_of(logs, births, known), batch, only=key)
                known.update(births)

    async def _roll_back(self, streams: tuple[str, ...], cursor: Cursor) -> RolledBack:
        ancestor = await self._ancestor(streams, cursor)
        if ancestor is None and len(streams) > 1:
            streams = self._elder(streams)  # they came together only lately; each finds its own way back
            ancestor = await self._ancestor(streams, cursor)
        ancestor = ancestor or await self._border.store.beginning(streams[0])
        if ancestor is None and await self._border.chain.examine():
            raise Inconsistent(f"{', '.join(streams)}: an endpoint on a dead fork was asked; it is left out now")
        if ancestor is None:
            raise DeepReorg(
                f"{', '.join(streams)}: the chain shares no block with what is stored up to {cursor.number}; "
                f"the last finalized block is {self.horizon.floor}. Nothing was deleted."
            )
        gone = await self._border.store.roll_back(streams, cursor, ancestor)
        self._stand(streams, ancestor)
        self.forget()  # contracts born above it were not born
        return RolledBack(self.name, streams, ancestor.number, cursor.number - ancestor.number, gone)

    def _elder(self, streams: tuple[str, ...]) -> tuple[str, ...]:
        """One of the streams, a factory before what it makes: who goes forward again must know what was born since."""
        parents = {key: self.streams[key].parent for key in streams}
        return next((key,) for key, one in parents.items() if one is None or not set(one.keys).intersection(streams))

    async def _ancestor(self, streams: tuple[str, ...], cursor: Cursor) -> Cursor | None:
        """The newest block that all these streams stood at and that is still on the chain."""
        for group in probes(await self._border.store.checkpoints(streams)):
            headers = await self._border.chain.headers([one.number for one in group])
            found = shared(group, headers)
            header = headers[found.number] if found is not None else None
            if header is None:
                continue
            if header.number == cursor.number:
                raise Inconsistent(f"block {cursor.number} is on the chain and is not: two answers, two forks")
            return Cursor(header.number, header.hash, header.time)
        return None


def _of(logs: Logs, births: Iterable[bytes], asked: Mapping[bytes, int]) -> Logs:
    """The logs of these contracts only, and of those already asked for from some block on, only those below it."""
    until = {"0x" + address.hex(): asked.get(address, sys.maxsize) for address in births}
    return replace(
        logs, logs=[log for log in logs.logs if int(log.block_number, 16) < until.get(log.address.lower(), -1)]
    )


def _linked_to(cursor: Cursor, parts: Sequence[Fetched]) -> Sequence[Fetched]:
    """The parts from the first on that stand on the cursor and on each other: a fork may lie between two of them."""
    number, below = cursor.number, cursor.hash
    for at, part in enumerate(parts):
        if part.plan.range.first != number + 1 or below not in (None, part.logs.first.parent):
            return parts[:at]
        number, below = part.plan.range.last, part.logs.last.hash
    return parts


def _checkpoints(parts: Sequence[Fetched]) -> Sequence[BlockRef]:
    """Every block that may still change, and the last in any case."""
    linked = [ref for part in parts if part.plan.linked for _, ref in sorted(part.logs.headers.items())]
    return linked if parts[-1].plan.linked else [parts[-1].logs.last]


def _groups(cursors: Mapping[str, Cursor]) -> Iterable[tuple[tuple[str, ...], Cursor]]:
    return [
        (tuple(sorted(key for key, one in cursors.items() if one == cursor)), cursor)
        for cursor in set(cursors.values())
    ]
