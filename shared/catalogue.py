"""Collect the metric families that every room declares, and write their page (`python -m shared.catalogue`)."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared import protocol
from shared.metrics import CAPS, Family, catalogue

PACKAGES = ("shared", "indexer", "oracle", "aggregator")
WEXEL = Path(__file__).parent.parent / "protocols" / "wexel"
INTRODUCTION = """\
# Metrics

<!-- Made by `make docs` out of the families that the rooms declare. Do not edit. `usdx metrics` prints the same. -->

Every process serves `/metrics`; the aggregator gives all of them at once under `/metrics/all`. Names begin with
`usdx_`, units are base units, ages are timestamps, thresholds are gauges. `job`, `instance` and `service` come from the
scrape.

- A counter or histogram exists at 0 for every label set that is known at start; what becomes known later begins then, a
  database statement's series when it is first sent.
- A gauge without truth is absent, never 0.
- A label takes so many values at most: {caps}, any other 32. What comes then is `other`, and counted in
  `usdx_metrics_label_overflow_total` at every use (of what is read at a scrape, at every scrape): it grows for as long
  as something is folded. Amounts that are folded are added up; of states the one to worry about stays.
- A label's value of more than 200 bytes, which a scrape would be refused for, is its beginning and a digest.
- There are no `_created` series. OpenMetrics with exemplars is given to who asks for it.
"""
DIFFERENCES = (
    (
        "`usdx_deposits_volume_usd`, `usdx_marketplace_volume_usd`",
        "`…_usd_total`",
        "they are counters, whose names end in `_total`; OpenMetrics allows no other",
    ),
    ("`usdx_indexer_events_processed`", "`usdx_indexer_events_processed_total`", "likewise"),
    (
        "`usdx_indexer_lag_seconds`, a histogram",
        "a gauge, computed at scrape time",
        "a stalled indexer observes nothing, so the alert on a histogram would end when the trouble begins; the delays "
        "of live blocks are in `usdx_indexer_block_delay_seconds`",
    ),
    (
        "`usdx_active_wexels_count`, `usdx_total_users_count`, `usdx_collateralized_wexels_count`",
        "kept",
        "the only three names that `promtool check metrics` complains of",
    ),
    (
        "HELP of `usdx_oracle_price` and `usdx_oracle_median_price`: in US dollars",
        "in US dollars where the asset has no other quote",
        "feeds such as ETH/BTC have one",
    ),
    (
        "HELP of `usdx_oracle_sources_healthy` and `usdx_oracle_sources_required`: sources",
        "independent source groups",
        "venues that repeat each other count once towards the quorum",
    ),
    (
        "HELP that differs between workers",
        "`usdx_aggregator_help_conflicts_total`",
        "the first HELP is kept; TYPE conflicts, which drop a family, are counted apart",
    ),
    (
        "at most 32 values of `table`",
        "128",
        "the product with its reference protocol has 32 tables already; a second one must fit beside it",
    ),
    (
        "business gauges that succeed or fail together",
        "`usdx_business_figure_last_success_timestamp_seconds{gauge}`, `usdx_business_figure_max_age_seconds{gauge}`, "
        "`usdx_business_figure_errors_total{gauge}`",
        "a broken query harms only its own gauge, and these say which; "
        "`usdx_business_metrics_last_success_timestamp_seconds` is the time of the oldest one",
    ),
    (
        "alerts that Alertmanager cut off",
        "`usdx_alert_notifications_truncated_total`",
        "what was not delivered must be seen",
    ),
    (
        "the event stream",
        "`usdx_api_stream_clients`, `usdx_api_stream_dropped_total`",
        "clients that do not keep up are cut off, visibly",
    ),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The families of one package, or of a protocol folder."""

    title: str
    families: tuple[Family, ...]


def shelves(protocols: Sequence[Path] = (WEXEL,)) -> tuple[Shelf, ...]:
    """Every family there is: of each package's rooms, then of each protocol folder."""
    titles = {"shared": "Every process"}
    return (
        *(Shelf(titles.get(package, f"The {package}"), _declared(package)) for package in PACKAGES),
        *(_of_protocol(path) for path in protocols),
    )


def _declared(package: str) -> tuple[Family, ...]:
    found: dict[str, Family] = {}
    for room in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not room.name.endswith("__main__"):
            for family in getattr(importlib.import_module(room.name), "FAMILIES", ()):
                found[family.name] = family
    return tuple(found.values())


def _of_protocol(path: Path) -> Shelf:
    loaded = protocol.load(path)
    gauges = [Family(one.name, "gauge", one.help, tuple(one.labels), one.unit) for one in loaded.gauges]
    counters = [
        Family(one.name, "counter", one.help, tuple(one.labels), "usd" if "_usd_" in one.name else "")
        for one in loaded.counters
    ]
    return Shelf(f"The protocol {loaded.name}: gauges by the aggregator, counters by the indexer", (*gauges, *counters))


def page(found: Iterable[Shelf] | None = None) -> str:
    """The reference page of all metrics."""
    caps = ", ".join(f"{label} {cap}" for label, cap in CAPS.items())
    parts = [INTRODUCTION.format(caps=caps)]
    parts += [f"\n## {shelf.title}\n\n{catalogue(shelf.families)}" for shelf in (found or shelves())]
    return "".join(parts) + _differences()


def _differences() -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in DIFFERENCES)
    return f"\n## Where names differ from the specification, and why\n\n| there | here | why |\n|--|--|--|\n{rows}"


if __name__ == "__main__":
    sys.stdout.write(page())
