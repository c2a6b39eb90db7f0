"""Count a protocol's own events as they are committed at the tip.

What a reorg takes back stays counted, as a counter never goes down: it says how much was committed, and
`usdx_indexer_events_reverted_total` how much of that was taken back. An event that the new blocks hold again counts
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

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
class _Rule:
    """One counter fed by one table. Shape: positions are those of a row; None among `labels` is the chain's name."""

    counters: Counters
    table: Table
    labels: tuple[int | None, ...]
    amount: int | None
    scale: int
    sums: dict[tuple[str, ...], _Sum] = field(default_factory=dict)


@dataclass(slots=True)
class _Sum:
    """One series. `units` is its exact sum; `shown` the float next to it, which is what the series says: adding floats
    to floats would drift."""

    series: Counter
    units: int = 0
    shown: float = 0.0

    def add(self, units: int, scale: int) -> None:
        self.units += units
        by = float(Decimal(self.units).scaleb(-scale)) - self.shown
        self.series.inc(by)
        self.shown += by


class EventCounters:
    """The counters of one chain's protocols."""

    def __init__(self, registry: Registry, chain: str, chain_id: int) -> None:
        self._registry = registry
        self._chain = chain
        self._chain_id = chain_id
        self._rules: dict[str, list[_Rule]] = {}

    def add(self, specs: Sequence[CounterSpec], tables: Mapping[str, Iterable[Table]]) -> None:
        """Declare the counters of a protocol, whose tables come by contract."""
        for spec in specs:
            family = Family(spec.name, "counter", spec.help, tuple(spec.labels))
            counters = self._registry.counter(family)
            for table in tables.get(spec.contract, ()):
                rule = self._rule(spec, table, counters) if table.event.name == spec.event else None
                if rule is not None:
                    self._rules.setdefault(str(table), []).append(rule)

    async def prime(self, db: Database) -> None:
        """Let every label set that the database knows exist at 0, so that its first increment is seen."""
        for rule in (rule for rules in self._rules.values() for rule in rules):
            places = [place for place in rule.labels if place is not None]
            if not places:
                rule.counters.start(*self._values(rule, ()))
                continue
            names = [quoted(rule.table.column_names[place]) for place in places]
            most = max(CAPS.get(label, DEFAULT_CAP) for label in rule.counters.family.labels)
            sql = f"select distinct {', '.join(names)} from {rule.table.qualified} where chain_id = $1 limit {most}"  # noqa: S608
            try:
                async with db.connection() as cx:
                    rows = await cx.fetch(sql, self._chain_id, on=rule.table.name, timeout_s=PRIME_TIMEOUT_S)
            except DatabaseTimeout:
                continue
            for row in rows:
                by_place = dict(zip(places, row, strict=True))
                rule.counters.start(*(self._chain if one is None else _text(by_place[one]) for one in rule.labels))

    def observe(self, step: Committed) -> None:
        """Count the rows of a live step."""
        for name, rows in step.rows.items():
            for rule in self._rules.get(name, ()):
                for row in rows:
                    labels = self._values(rule, row)
                    if labels not in rule.sums:
                        rule.sums[labels] = _Sum(rule.counters.of(*labels))
                    rule.sums[labels].add(_units(rule, row), rule.scale)

    def _values(self, rule: _Rule, row: tuple[object, ...]) -> tuple[str, ...]:
        return tuple(self._chain if place is None else _text(row[place]) for place in rule.labels)

    def _rule(self, spec: CounterSpec, table: Table, counters: Counters) -> _Rule | None:
        places = {column.param.name: len(META) + at for at, column in enumerate(table.columns)}
        wanted = [name for name in (*spec.labels.values(), spec.amount) if name is not None and name != CHAIN]
        if not all(name in places for name in wanted):
            return None  # an overload without this parameter
        for column in table.columns:
            kind = column.param.type
            if column.param.name == spec.amount and not (isinstance(kind, Scalar) and kind.kind == "uint"):
                raise BadAbi(f"counter {spec.name}: {spec.amount} is no unsigned integer, and a counter only goes up")
        labels = tuple(None if name == CHAIN else places[name] for name in spec.labels.values())
        return _Rule(counters, table, labels, None if spec.amount is None else places[spec.amount], spec.scale)


def _units(rule: _Rule, row: tuple[object, ...]) -> int:
    value = 1 if rule.amount is None else row[rule.amount]
    return int(value) if isinstance(value, int | Decimal) else 0


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value).lower() if isinstance(value, bool) else str(value)
