"""Count a protocol's own events as they are committed at the tip.

What a reorg takes back stays counted, as a counter never goes down: it says how much was committed, and
`usdx_indexer_events_reverted_total` how much of that was taken back. An event that the new blocks hold again counts
again.

`rate()` does not see the first count of a series that is born with it. So series begin at 0 as soon as their labels are
known: from the tables, and from heralds, which are other events of the contract with the same parameters (`PoolCreated`
names the pool of `Deposited`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import nextafter

from prometheus_client import Counter

from indexer.errors import BadAbi
from indexer.events import Scalar
from indexer.model import Committed
from indexer.naming import quoted
from indexer.schema import META, Table
from shared.db import Database
from shared.errors import DatabaseTimeout
from shared.metrics import CAPS, DEFAULT_CAP, Counters, Family, Registry
from shared.protocol import CHAIN, CounterSpec

PRIME_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class _Herald:
    """A table whose rows name series of a counter. Shape: positions are those of a row; None among `labels` is the
    chain's name."""

    counters: Counters
    table: Table
    labels: tuple[int | None, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The positions that the labels are read from."""
        return tuple(place for place in self.labels if place is not None)

    @property
    def known_values(self) -> str:
        """The question which values the table holds there, at most as many as the labels can tell apart."""
        names = ", ".join(quoted(self.table.column_names[place]) for place in self.places)
        most = max(CAPS.get(label, DEFAULT_CAP) for label in self.counters.family.labels)
        return f"select distinct {names} from {self.table.qualified} where chain_id = $1 limit {most}"  # noqa: S608

    def values(self, row: Mapping[int, object] | Sequence[object], chain: str) -> tuple[str, ...]:
        """The label set that a row names."""
        return tuple(chain if place is None else _text(row[place]) for place in self.labels)


@dataclass(frozen=True, slots=True)
class _Rule(_Herald):
    """One counter fed by one table."""

    amount: int | None
    scale: int
    sums: dict[tuple[str, ...], _Sum] = field(default_factory=dict)


@dataclass(slots=True)
class _Sum:
    """One series. `units` is its exact sum; `shown` the float next to it, which is what the series says: adding floats
    to floats would drift, and what one step rounded up the next would have to take back, which no counter can."""

    series: Counter
    units: int = 0
    shown: float = 0.0

    def add(self, units: int, scale: int) -> None:
        self.units += units
        target = self.units / 10**scale
        while self.shown < target:  # twice at most: a remainder less than what is shown is exact
            by = target - self.shown
            by = nextafter(by, 0.0) if self.shown + by > target else by
            self.series.inc(by)
            self.shown += by


class EventCounters:
    """The counters of one chain's protocols."""

    def __init__(self, registry: Registry, chain: str, chain_id: int) -> None:
        self._registry = registry
        self._chain = chain
        self._chain_id = chain_id
        self._rules: dict[str, list[_Rule]] = {}
        self._heralds: dict[str, list[_Herald]] = {}

    def add(self, specs: Sequence[CounterSpec], tables: Mapping[str, Iterable[Table]]) -> None:
        """Declare the counters of a protocol, whose tables come by contract."""
        for spec in specs:
            family = Family(spec.name, "counter", spec.help, tuple(spec.labels))
            counters = self._registry.counter(family)
            found = tuple(tables.get(spec.contract, ()))
            for table in found:
                rule = self._rule(spec, table, counters) if table.event.name == spec.event else None
                if rule is not None:
                    self._rules.setdefault(str(table), []).append(rule)
                    for herald in _heralds(rule, [other for other in found if other.event.name != spec.event]):
                        self._heralds.setdefault(str(herald.table), []).append(herald)

    async def prime(self, db: Database) -> None:
        """Let every label set that the database knows exist at 0, so that its first increment is seen."""
        asked: dict[str, list[_Herald]] = {}
        for one in (one for known in (self._rules, self._heralds) for listed in known.values() for one in listed):
            if one.places:
                asked.setdefault(one.known_values, []).append(one)
            else:
                one.counters.start(*one.values((), self._chain))
        for sql, heralds in asked.items():
            try:
                async with db.connection() as cx:
                    rows = await cx.fetch(sql, self._chain_id, on=heralds[0].table.name, timeout_s=PRIME_TIMEOUT_S)
            except DatabaseTimeout:
                continue
            for one in heralds:
                for row in rows:
                    one.counters.start(*one.values(dict(zip(one.places, row, strict=True)), self._chain))

    def observe(self, step: Committed) -> None:
        """Count the rows of a live step, after whatever they name has begun at 0."""
        for name, rows in step.rows.items():
            for herald in self._heralds.get(name, ()):
                for row in rows:
                    herald.counters.start(*herald.values(row, self._chain))
        for name, rows in step.rows.items():
            for rule in self._rules.get(name, ()):
                for row in rows:
                    labels = rule.values(row, self._chain)
                    if labels not in rule.sums:
                        rule.sums[labels] = _Sum(rule.counters.of(*labels))
                    rule.sums[labels].add(_units(rule, row), rule.scale)

    def _rule(self, spec: CounterSpec, table: Table, counters: Counters) -> _Rule | None:
        places = _places(table)
        wanted = [name for name in (*spec.labels.values(), spec.amount) if name is not None and name != CHAIN]
        if not all(name in places for name in wanted):
            return None  # an overload without this parameter
        for column in table.columns:
            kind = column.param.type
            if column.param.name == spec.amount and not (isinstance(kind, Scalar) and kind.kind == "uint"):
                raise BadAbi(f"counter {spec.name}: {spec.amount} is no unsigned integer, and a counter only goes up")
        labels = tuple(None if name == CHAIN else places[name] for name in spec.labels.values())
        return _Rule(counters, table, labels, None if spec.amount is None else places[spec.amount], spec.scale)


def _places(table: Table) -> dict[str, int]:
    return {column.param.name: len(META) + at for at, column in enumerate(table.columns)}


def _heralds(rule: _Rule, others: Iterable[Table]) -> Iterator[_Herald]:
    """The tables among `others` that have every parameter of the rule's labels, by name and type."""
    wanted = {place: rule.table.columns[place - len(META)] for place in rule.places}
    for table in others if wanted else ():
        own = {column.param.name: (len(META) + at, column.type) for at, column in enumerate(table.columns)}
        if all(own.get(column.param.name, (0, ""))[1] == column.type for column in wanted.values()):
            labels = tuple(None if place is None else own[wanted[place].param.name][0] for place in rule.labels)
            yield _Herald(rule.counters, table, labels)


def _units(rule: _Rule, row: tuple[object, ...]) -> int:
    value = 1 if rule.amount is None else row[rule.amount]
    return int(value) if isinstance(value, int | Decimal) else 0


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value).lower() if isinstance(value, bool) else str(value)
