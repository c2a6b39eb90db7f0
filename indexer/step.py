"""Do one unit of work and return what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from indexer.errors import DeepReorg
from indexer.fetch import Fetcher, Reader
from indexer.horizon import Horizon
from indexer.model import BlockRef, Committed, Cursor, Idle, Logs, RolledBack, Step, Timing
from indexer.planner import Plan, plan
from indexer.reorg import probes, shared
from indexer.rows import Batch, RowWriter
from indexer.store import Store
from indexer.streams import Stream, filter_of
from shared.clock import Clock
from shared.errors import Inconsistent


@dataclass(frozen=True, slots=True)
class Fetched:
    """A plan with its logs, in linked pieces."""

    plan: Plan
    pieces: Sequence[Logs]
    fetch_s: float
    waited_s: float = 0.0


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
        self.fetcher = Fetcher(border.chain)
        self._chain_id = chain_id
        self._border = border
        self._at_tip: set[str] = set()
        self._writers: dict[tuple[str, ...], RowWriter] = {}

    async def load(self) -> None:
        """Read the cursors unless they are known."""
        if not self._known:
            self.cursors = await self._border.store.cursors(list(self.streams))
            self.seen = dict(self.cursors)
            self._known = True

    def forget(self) -> None:
        """Read the cursors again before the next step: an error may have hidden what became of them."""
        self._known = False

    def adopt(self, streams: Iterable[Stream]) -> None:
        """Take over further streams, wherever they stand."""
        self.streams.update({one.key: one for one in streams})
        self.forget()

    def release(self, keys: Iterable[str]) -> list[Stream]:
        """Let go of streams; to be called between steps only."""
        self.forget()
        return [self.streams.pop(key) for key in keys]

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
        return await self.land(await self.fetch(todo))

    def plan(self, target: int) -> Plan | None:
        """What to do next."""
        return plan(self.cursors, target, self.horizon.floor, self.fetcher.window.blocks)

    async def fetch(self, todo: Plan) -> Fetched:
        """Ask the chain for what the plan needs."""
        began = self._border.clock.monotonic()
        wanted = filter_of(self.streams[key] for key in todo.streams)
        pieces = await self.fetcher.fetch(todo.range, wanted, linked=todo.linked)
        took = self._border.clock.monotonic() - began
        return Fetched(todo, pieces, took, took)

    async def land(self, fetched: Fetched) -> Step:
        """Check that the range stands on the cursor, decode it and commit it; or roll back when it does not."""
        clock, todo = self._border.clock, fetched.plan
        cursor = self.cursors[todo.streams[0]]
        if cursor.hash is not None and fetched.pieces[0].first.parent != cursor.hash:
            return await self._roll_back(todo.streams, cursor)
        began = clock.monotonic()
        batch = self._decode(todo.streams, fetched.pieces)
        decoded = clock.monotonic()
        blocks = _checkpoints(fetched.pieces, todo.linked)
        moved = await self._border.store.commit(todo.streams, cursor, blocks, batch, self.horizon.floor)
        stored = clock.monotonic()
        self._stand(todo.streams, moved)
        live = self._at_tip.issuperset(todo.streams)
        return Committed(
            chain=self.name,
            streams=todo.streams,
            range=todo.range,
            block=blocks[-1],
            events=batch.events(),
            undecoded=len(batch.undecoded),
            live=live,
            rows={name: rows.records for name, rows in batch.rows.items()} if live else {},
            timing=Timing(fetched.fetch_s, fetched.waited_s, decoded - began, stored - decoded),
            committed_at=clock.now(),
        )

    def _stand(self, streams: Sequence[str], cursor: Cursor) -> None:
        self.cursors.update(dict.fromkeys(streams, cursor))
        self.seen.update(self.cursors)

    async def _at_rest(self, tip: BlockRef) -> Step:
        """All streams stand at the tip or above it: above is fine as long as the tip is on our own chain."""
        self._at_tip.update(self.cursors)
        for streams, cursor in _groups(self.cursors):
            if (cursor.number, cursor.hash) == (tip.number, tip.hash) or cursor.hash is None:
                continue
            known = {one.number: one.hash for one in await self._border.store.checkpoints(streams)}
            if known.get(tip.number, tip.hash) != tip.hash:
                return await self._roll_back(streams, cursor)
        return Idle(self.name, tip)

    def _decode(self, streams: tuple[str, ...], pieces: Sequence[Logs]) -> Batch:
        writer = self._writers.get(streams)
        if writer is None:
            writer = self._writers[streams] = RowWriter(self._chain_id, [self.streams[key] for key in streams])
        batch = Batch()
        for piece in pieces:
            writer.write(piece, batch)
        return batch

    async def _roll_back(self, streams: tuple[str, ...], cursor: Cursor) -> RolledBack:
        ancestor = await self._ancestor(streams, cursor)
        if ancestor is None and len(streams) > 1:
            streams = streams[:1]  # they came together only lately; each finds its own way back
            ancestor = await self._ancestor(streams, cursor)
        ancestor = ancestor or await self._beginning(streams[0])
        if ancestor is None:
            raise DeepReorg(
                f"{', '.join(streams)}: the chain shares no block with what is stored up to {cursor.number}; "
                f"the last finalized block is {self.horizon.floor}. Nothing was deleted."
            )
        gone = await self._border.store.roll_back(streams, cursor, ancestor)
        self._stand(streams, ancestor)
        return RolledBack(self.name, streams, ancestor.number, cursor.number - ancestor.number, gone)

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

    async def _beginning(self, key: str) -> Cursor | None:
        """Just before a stream's first block, when every block it ever stored may still change."""
        start = self.streams[key].start_block
        oldest = min((one.number for one in await self._border.store.checkpoints([key])), default=None)
        return Cursor(start - 1, None, None) if oldest == start and start > self.horizon.floor else None


def _checkpoints(pieces: Sequence[Logs], linked: bool) -> Sequence[BlockRef]:
    """Every block that may still change, else only the last."""
    if not linked:
        return [pieces[-1].last]
    return [piece.headers[number] for piece in pieces for number in sorted(piece.headers) if number in piece.range]


def _groups(cursors: Mapping[str, Cursor]) -> Iterable[tuple[tuple[str, ...], Cursor]]:
    return [
        (tuple(sorted(key for key, one in cursors.items() if one == cursor)), cursor)
        for cursor in set(cursors.values())
    ]
