"""Load and check a protocol folder: contracts, views, business gauges and counters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.family import Fold
from shared.problems import Problem, read_toml, refuse, validate
from shared.protocol_files import CHAIN, MetricsFile, ProtocolFile, always, events_of, read_abi, wrong

__all__ = [
    "CHAIN",
    "Contract",
    "CounterSpec",
    "Factory",
    "GaugeSpec",
    "Index",
    "Protocol",
    "View",
    "load",
    "read_abi",
]


@dataclass(frozen=True, slots=True)
class Index:
    """A database index that the views want on an event's table."""

    event: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Factory:
    """The contract that makes others of a kind; `parameter` of its `event` is the new one's address."""

    contract: str
    event: str
    parameter: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of the protocol; `events` None means every event of its ABIs.

    `implementations` are contracts behind its proxies whose events the ABIs are known to hold.
    """

    name: str
    abis: tuple[Path, ...]
    addresses: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    start_block: int | str = "auto"
    events: tuple[str, ...] | None = None
    indexes: tuple[Index, ...] = ()
    factory: Factory | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A file of SQL that makes a view of the protocol's schema; views come in the order of their numbers."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class GaugeSpec:
    """A business gauge: a query that returns one column per label and a column `value`."""

    name: str
    help: str
    unit: str
    labels: tuple[str, ...]
    query: str
    period_s: float
    timeout_s: float

    @property
    def fold(self) -> Fold:
        """What several of its values are together: amounts add up, the newest of times counts."""
        return "max" if self.unit in ("seconds", "ratio") else "sum"


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """A counter of one event in live blocks. Labels map to event parameters or `$chain`.

    `amount` names the parameter to add, divided by 10^scale; None adds 1.
    """

    name: str
    help: str
    contract: str
    event: str
    labels: Mapping[str, str]
    amount: str | None
    scale: int


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol folder; its name is also its database schema."""

    name: str
    contracts: tuple[Contract, ...]
    views: tuple[View, ...] = ()
    gauges: tuple[GaugeSpec, ...] = ()
    counters: tuple[CounterSpec, ...] = ()


def load(path: Path) -> Protocol:
    """The protocol in the folder `path`. Raises ConfigError that names every file and key to mend."""
    protocol_toml, metrics_toml = path / "protocol.toml", path / "metrics.toml"
    file, problems = validate(ProtocolFile, read_toml(protocol_toml), where=always(protocol_toml))
    metrics: MetricsFile | None = MetricsFile()
    if metrics_toml.exists():
        metrics, more = validate(MetricsFile, read_toml(metrics_toml), where=always(metrics_toml))
        problems += more
    if file is not None:
        events = {name: events_of(path, name, table, problems) for name, table in file.contracts.items()}
        problems += wrong(path, file, metrics, events)
    views = _views(path / "views", problems)
    if file is None or metrics is None or problems:
        raise refuse(problems)
    return Protocol(file.name, _contracts(path, file), views, _gauges(metrics), _counters(metrics))


def _views(folder: Path, problems: list[Problem]) -> tuple[View, ...]:
    views: list[View] = []
    for file in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"\d+_([a-z][a-z0-9_]*)", file.stem)
        if match is None:
            problems.append(Problem(str(file), "file name", "", "expected NN_name.sql, in the order of creation"))
        else:
            views.append(View(match[1], file.read_text(encoding="utf-8")))
    return tuple(views)


def _contracts(path: Path, file: ProtocolFile) -> tuple[Contract, ...]:
    return tuple(
        Contract(
            name=name,
            abis=tuple(path / abi for abi in table.abi),
            addresses=table.addresses,
            implementations=table.implementations,
            start_block=table.start_block,
            events=table.events,
            indexes=tuple(Index(index.event, index.columns) for index in table.indexes),
            factory=None if table.factory is None else Factory(**dict(table.factory)),
        )
        for name, table in file.contracts.items()
    )


def _gauges(metrics: MetricsFile) -> tuple[GaugeSpec, ...]:
    return tuple(
        GaugeSpec(one.name, one.help, one.unit, one.labels, one.query, one.period, one.timeout)
        for one in metrics.gauges
    )


def _counters(metrics: MetricsFile) -> tuple[CounterSpec, ...]:
    return tuple(
        CounterSpec(one.name, one.help, one.contract, one.event, dict(one.labels), one.amount, one.scale)
        for one in metrics.counters
    )
