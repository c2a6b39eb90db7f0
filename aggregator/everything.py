"""Say everything of all workers in one exposition, with the `up` that a scraper of each would have written."""

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.merge import Family, Part, inside, merge, read
from aggregator.model import Fetched, Sweep, Target


@dataclass(frozen=True, slots=True)
class Everything:
    """One merge: the text, the samples each worker gave, and how many families had to be decided on."""

    text: str
    samples: dict[str, int]
    type_conflicts: int
    help_conflicts: int


def combine(own: Target, own_text: str, sweep: Sweep) -> Everything:
    """Give the union of our own exposition and the sweep's, and `up` and `scrape_duration_seconds` of every worker.

    Our own `up` is missing on purpose: whoever scrapes us writes it, under the very labels our samples carry.
    """
    alive = [fetched for fetched in sweep.fetched if fetched.up]
    parts = [
        Part(own.labels, read(own_text)),
        *(Part(fetched.target.labels, fetched.families or {}) for fetched in alive),
    ]
    merged = merge(parts, synthesised(sweep.fetched))
    return Everything(
        merged.text,
        {fetched.target.name: count for fetched, count in zip(alive, merged.samples[1:], strict=True)},
        len(merged.type_conflicts),
        len(merged.help_conflicts),
    )


def synthesised(fetched: Iterable[Fetched]) -> tuple[Family, ...]:
    """What Prometheus itself would have written about scraping each worker."""
    up = Family("up", "gauge", "1 when the exposition of the worker was fetched.")
    duration = Family("scrape_duration_seconds", "gauge", "How long fetching the exposition took.")
    for one in fetched:
        labels = inside(one.target.labels)
        up.samples.append((up.name, labels, str(int(one.up))))
        duration.samples.append((duration.name, labels, f"{one.duration_s:.6f}"))
    return up, duration
