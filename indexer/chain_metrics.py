"""Show what a chain's finality comes from, how far its blooms are believed, and why ranges were split."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.chain import Chain
from shared.metrics import Family, Registry, Sample, Scraped

BY_TAG = Family(
    "usdx_indexer_finality_by_tag",
    "gauge",
    "1 while finality comes from the chain's own tag, 0 while it is a depth below the tip.",
    ("chain",),
)
FINALITY_DEPTH = Family(
    "usdx_indexer_finality_depth_blocks", "gauge", "Depth that stands in for the chain's finality tag.", ("chain",)
)
TRUSTED = Family(
    "usdx_indexer_blooms_trusted", "gauge", "1 until the chain's blooms are proved unreliable.", ("chain",)
)
DOUBTS = Family(
    "usdx_indexer_bloom_doubts_total",
    "counter",
    "Answers that a header's bloom or a second endpoint called into doubt, by what came of it.",
    ("chain", "verdict"),
)
RANGE_SPLITS = Family(
    "usdx_indexer_range_splits_total",
    "counter",
    "Questions for logs that had to be asked in smaller pieces, by what the node refused.",
    ("chain", "reason"),
)
FAMILIES = (BY_TAG, FINALITY_DEPTH, TRUSTED, DOUBTS, RANGE_SPLITS)


def watch(registry: Registry, chain: Chain) -> Scraped:
    """Let scrapes read this chain."""
    return registry.collector(lambda: _states(chain), *FAMILIES)


def _states(chain: Chain) -> Iterator[Sample]:
    who = (chain.name,)
    yield Sample(BY_TAG, chain.finality.by_tag, who)
    yield Sample(FINALITY_DEPTH, chain.finality.depth, who)
    yield Sample(TRUSTED, chain.blooms.trusted, who)
    for verdict, count in chain.blooms.verdicts.items():
        yield Sample(DOUBTS, count, (*who, verdict))
    for reason, count in chain.splits.items():
        yield Sample(RANGE_SPLITS, count, (*who, reason))
