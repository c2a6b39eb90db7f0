"""Read what the page needs out of the workers' expositions, and make rates of counters."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aggregator.merge import labels_of
from aggregator.model import Sweep

WINDOW_S = 30.0
WANTED = frozenset(
    {
        "usdx_indexer_last_block",
        "usdx_indexer_chain_head_block",
        "usdx_indexer_backfill_active",
        "usdx_indexer_backfill_ratio",
        "usdx_indexer_backfill_eta_seconds",
        "usdx_indexer_halted",
        "usdx_indexer_events_processed_total",
        "usdx_indexer_blocks_processed_total",
    }
)
_FIRST = 'chain="'


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by metric and chain; the series of one chain are added up, or the largest is taken for states."""

    at: float
    values: Mapping[tuple[str, str], float]

    def get(self, name: str, chain: str) -> float | None:
        """The value, None when nobody said it."""
        return self.values.get((name, chain))


def facts_of(sweep: Sweep) -> Facts:
    """What the workers say of the chains."""
    values: dict[tuple[str, str], float] = {}
    for name, chain, value in _samples(sweep):
        together: Callable[[float, float], float] = _sum if name.endswith("_total") else max
        key = (name, chain)
        values[key] = together(values[key], value) if key in values else value
    return Facts(sweep.at, values)


def _samples(sweep: Sweep) -> Iterator[tuple[str, str, float]]:
    for fetched in sweep.fetched:
        families = fetched.families or {}
        for wanted in families.keys() & WANTED:
            for name, braced, value in families[wanted].samples:
                yield name, _chain_of(braced), float(value.split()[0])


def _chain_of(braced: str) -> str:
    """The chain among the labels; ours stands first, and is then found five times as fast."""
    if braced.startswith(_FIRST) and "\\" not in braced:
        return braced[len(_FIRST) : braced.index('"', len(_FIRST))]
    return labels_of(braced).get("chain", "")


def _sum(one: float, other: float) -> float:
    return one + other


@dataclass(slots=True)
class Rates:
    """Counters over the last half minute."""

    _seen: deque[Facts] = field(default_factory=deque)

    def note(self, facts: Facts) -> None:
        """Remember a sweep's values."""
        if not self._seen or facts.at > self._seen[-1].at:
            self._seen.append(facts)
        while len(self._seen) > 2 and self._seen[1].at <= facts.at - WINDOW_S:
            self._seen.popleft()

    def per_s(self, name: str, chain: str) -> float | None:
        """How much a counter grew a second; None while that is unknown, also after its process was restarted."""
        known = [(facts.at, value) for facts in self._seen if (value := facts.get(name, chain)) is not None]
        if len(known) < 2 or known[-1][0] != self._seen[-1].at:
            return None
        for n in range(len(known) - 1, 0, -1):
            if known[n][1] < known[n - 1][1]:
                known = known[n:]
                break
        (began, first), (ended, last) = known[0], known[-1]
        return (last - first) / (ended - began) if ended > began else None
