"""What may stand in protocol.toml and metrics.toml, and whether it fits the ABIs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from shared.problems import Key, Problem, dotted
from shared.settings import Addresses, Seconds, Some, StartBlock, Table, Time

CHAIN = "$chain"
OWN_FAMILIES = (
    *("usdx_aggregator_", "usdx_alert_", "usdx_alertmanager_", "usdx_alerts", "usdx_api_", "usdx_backup_"),
    *("usdx_build_", "usdx_business_", "usdx_db_", "usdx_dependency_", "usdx_event_loop_", "usdx_http_"),
    *("usdx_indexer_", "usdx_log_", "usdx_metrics_", "usdx_oracle_", "usdx_rpc_", "usdx_tls_", "usdx_worker_"),
    *("process_", "python_", "scrape_"),
)
"""What the names begin with that every process, or Prometheus itself, gives to series of its own."""


def _matching(pattern: str, expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return AfterValidator(check)


def _ours(name: str) -> str:
    if name == "up" or name.startswith(OWN_FAMILIES):
        raise ValueError("another beginning: usdx or Prometheus has series of its own that are called so")
    return name


_NAME = r"(?!pg_|usdx$|public$|information_schema$)[a-z][a-z0-9_]{0,30}"
Name = Annotated[
    str, _matching(_NAME, "at most 31 lower-case letters, digits or _, and no name that Postgres or usdx uses")
]
MetricName = Annotated[
    str,
    _matching(
        r"[a-z][a-z0-9_]*(?<!_total)(?<!_bucket)(?<!_created)",
        "lower-case letters, digits or _, not ending in _total, _bucket or _created, which are parts of other kinds",
    ),
    AfterValidator(_ours),
]
CounterName = Annotated[
    str,
    _matching(r"[a-z][a-z0-9_]*_total", "lower-case letters, digits or _, ending in _total"),
    AfterValidator(_ours),
]
LabelName = Annotated[
    str,
    _matching(
        r"(?!__|(?:le|quantile|job|instance|service)$)[a-z_][a-z0-9_]*",
        "lower-case letters, digits or _, and none of le, quantile, job, instance and service, which Prometheus gives",
    ),
]


def parse_abis(value: object) -> object:
    """One path or a list of them."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


Abis = Annotated[tuple[Path, ...], BeforeValidator(parse_abis), Some]


class IndexTable(Table):
    """An index that the views want: an entry of the list `indexes` of a contract."""

    event: str = Field(description="An event of the contract.")
    columns: Annotated[tuple[str, ...], Some] = Field(description="Columns of its table, in the order of the index.")


class FactoryTable(Table):
    """Who makes the contract, so that its instances need no address."""

    contract: str = Field(description="The factory: another contract of this file.")
    event: str = Field(description="The factory's event that announces a new instance.")
    parameter: str = Field(description="The event's parameter that holds the new address.")


class ContractTable(Table):
    """One contract, or many of a kind. Its tables are called `<protocol>.<contract>_<event>`."""

    abi: Abis = Field(
        description="An ABI array, a Hardhat or Foundry artifact, or human-readable signatures; several are merged."
    )
    addresses: Addresses = Field((), description="Where it lives; usually given in the config, by chain.")
    implementations: Addresses = Field(
        (), description="Contracts behind its proxies whose events the ABIs are known to hold."
    )
    start_block: StartBlock = Field("auto", description='The first block to index; `"auto"` looks for the deployment.')
    events: tuple[str, ...] | None = Field(
        None, description="Events to index, by name or full signature; left out, all of the ABI."
    )
    indexes: tuple[IndexTable, ...] = ()
    factory: FactoryTable | None = None


class ProtocolFile(Table):
    """The contracts of a protocol."""

    name: Name = Field(description="Also the schema of its tables: at most 31 lower-case letters, digits or `_`.")
    contracts: dict[Name, ContractTable]


class GaugeTable(Table):
    """A business figure: a query that the aggregator runs on a clock of its own."""

    name: MetricName = Field(
        description="Lower-case letters, digits or `_`, not ending in `_total`, nor beginning as usdx's own."
    )
    help: str = Field(description="What it says.")
    unit: str = Field("", description="Its unit, such as `usd`.")
    labels: tuple[LabelName, ...] = Field((), description="Columns of the query that become labels.")
    query: str = Field(description="SQL that gives one column a label and a column `value`.")
    period: Time = Field(300.0, description="How often it runs.")
    timeout: Annotated[Seconds, Field(ge=0.1)] = Field(30.0, description="It is given up after this.")


class CounterTable(Table):
    """A counter of an event in live blocks, kept by the indexer."""

    name: CounterName = Field(
        description="Lower-case letters, digits or `_`, ending in `_total`, not beginning as usdx's own."
    )
    help: str = Field(description="What it says.")
    contract: str = Field(description="A contract of protocol.toml.")
    event: str = Field(description="An event of the contract.")
    labels: Mapping[LabelName, str] = Field(
        default_factory=dict, description="For each label a parameter of the event, or `$chain`."
    )
    amount: str | None = Field(None, description="The parameter to add; left out, 1 for each event.")
    scale: Annotated[int, Field(ge=0, le=77)] = Field(0, description="The amount is divided by 10 to this.")


class MetricsFile(Table):
    """The figures of a protocol; the file may be left out."""

    gauges: tuple[GaugeTable, ...] = ()
    counters: tuple[CounterTable, ...] = ()


def read_abi(path: Path) -> list[dict[str, Any]]:
    """The ABI in a file: a plain list, or the `abi` of a Hardhat or Foundry artifact. Raises ValueError, OSError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    entries = content.get("abi") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("is neither a list of ABI entries nor an artifact with an `abi`")
    return entries


_SIGNATURE = re.compile(r'\s*(\[\s*")?\s*((event|struct|function|error|constructor|fallback|receive)\b|//|/\*|#)')

Events = Mapping[str, Sequence[frozenset[str]]]  # event name → parameter names of each event so called


def always(file: Path) -> Callable[[Key], str]:
    return lambda key: str(file)


def events_of(path: Path, contract: str, table: ContractTable, problems: list[Problem]) -> Events | None:
    """The events of a contract's ABIs; None when one cannot be read, or is of signatures, which the indexer reads."""
    key = dotted(("contracts", contract, "abi"))
    found: dict[str, list[frozenset[str]]] = {}
    readable = True
    for abi in table.abi:
        try:
            if _is_signatures((path / abi).read_text(encoding="utf-8-sig")):
                readable = False
                continue
            entries = read_abi(path / abi)
        except OSError as exc:
            problems.append(
                Problem(str(path / "protocol.toml"), key, f'"{abi}"', f"cannot be read: {exc.strerror or exc}")
            )
            readable = False
            continue
        except ValueError as exc:
            problems.append(Problem(str(path / "protocol.toml"), key, f'"{abi}"', f"is no ABI: {exc}"))
            readable = False
            continue
        for entry in entries:
            if entry.get("type") == "event":
                names = frozenset(str(one.get("name", "")) for one in entry.get("inputs", ()))
                found.setdefault(str(entry.get("name", "")), []).append(names)
    return found if readable else None


def _is_signatures(text: str) -> bool:
    """Whether an ABI is written as signatures: one after the other, or as strings of a JSON list."""
    return _SIGNATURE.match(text) is not None


def _wrong_events(file: Path, protocol: ProtocolFile, events: Mapping[str, Events | None]) -> Iterator[Problem]:
    for name, table in protocol.contracts.items():
        known = events[name]
        if known is None:
            continue
        named: list[tuple[Key, str]]
        named = [(("contracts", name, "events", place), event) for place, event in enumerate(table.events or ())]
        named += [(("contracts", name, "indexes", i, "event"), index.event) for i, index in enumerate(table.indexes)]
        for key, event in named:
            if event.partition("(")[0].strip() not in known:
                files = ", ".join(map(str, table.abi))
                yield Problem(str(file), dotted(key), f'"{event}"', f"expected an event of {files}: {_list(known)}")


def _wrong_factories(file: Path, protocol: ProtocolFile, events: Mapping[str, Events | None]) -> Iterator[Problem]:
    for name, table in protocol.contracts.items():
        made, key = table.factory, ("contracts", name, "factory")
        if made is None:
            continue
        if made.contract not in events or made.contract == name:
            others = frozenset(events) - {name}
            yield Problem(
                str(file), dotted((*key, "contract")), f'"{made.contract}"', f"expected one of: {_list(others)}"
            )
            continue
        known, chosen = events[made.contract], protocol.contracts[made.contract].events
        if known is None:
            continue
        names = frozenset(known if chosen is None else (event.partition("(")[0].strip() for event in chosen))
        if made.event not in known or made.event not in names:
            expected = f"expected an event that {made.contract} is indexed for: {_list(names)}"
            yield Problem(str(file), dotted((*key, "event")), f'"{made.event}"', expected)
        elif made.parameter not in frozenset[str]().union(*known[made.event]):
            expected = f"expected a parameter of {made.event}: {_list(frozenset[str]().union(*known[made.event]))}"
            yield Problem(str(file), dotted((*key, "parameter")), f'"{made.parameter}"', expected)


def _wrong_metrics(file: Path, metrics: MetricsFile, events: Mapping[str, Events | None]) -> Iterator[Problem]:
    seen: set[str] = set()
    tables: list[tuple[Key, str]]
    tables = [(("gauges", i), gauge.name) for i, gauge in enumerate(metrics.gauges)]
    tables += [(("counters", i), counter.name) for i, counter in enumerate(metrics.counters)]
    for key, name in tables:
        family = name.removesuffix("_total")  # by which OpenMetrics knows a counter
        if family in seen:
            yield Problem(str(file), dotted((*key, "name")), f'"{name}"', "expected a name that is not used before")
        seen.add(family)
    for place, gauge in enumerate(metrics.gauges):
        for at, label in enumerate(gauge.labels):
            if label in gauge.labels[:at]:
                key = ("gauges", place, "labels", at)
                yield Problem(str(file), dotted(key), f'"{label}"', "expected a label that is not named before")
    for place, counter in enumerate(metrics.counters):
        for part, value, expected in _wrong_counter(counter, events):
            yield Problem(str(file), dotted(("counters", place, *part)), f'"{value}"', f"expected {expected}")


def _wrong_counter(
    counter: CounterTable, events: Mapping[str, Events | None]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if counter.contract not in events:
        yield ("contract",), counter.contract, f"a contract of protocol.toml: {_list(events)}"
        return
    known = events[counter.contract]
    if known is None:
        return
    if counter.event not in known:
        yield ("event",), counter.event, f"an event of {counter.contract}: {_list(known)}"
        return
    parameters = frozenset[str]().union(*known[counter.event])
    for label, parameter in counter.labels.items():
        if parameter != CHAIN and parameter not in parameters:
            yield ("labels", label), parameter, f"{CHAIN} or a parameter of {counter.event}: {_list(parameters)}"
    if counter.amount is not None and counter.amount not in parameters:
        yield ("amount",), counter.amount, f"a parameter of {counter.event}: {_list(parameters)}"


def _list(names: Mapping[str, object] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "there is none"


def wrong(
    path: Path, protocol: ProtocolFile, metrics: MetricsFile | None, events: Mapping[str, Events | None]
) -> Iterator[Problem]:
    """Everything in the two files that does not fit the ABIs."""
    yield from _wrong_events(path / "protocol.toml", protocol, events)
    yield from _wrong_factories(path / "protocol.toml", protocol, events)
    if metrics is not None:
        yield from _wrong_metrics(path / "metrics.toml", metrics, events)
