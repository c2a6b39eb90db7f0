"""Count the independent groups behind a price, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from oracle.limits import Terms
from oracle.model import Refused
from oracle.reasons import Reason

CONFIDENCE = (Decimal("0"), Decimal("0.5"), Decimal("0.7"), Decimal("0.9"))


def group(terms: Terms) -> str:
    """The risk a source shares with others: its first leg, being an aggregate of others, or nothing but itself."""
    if terms.standing != "independent":
        return terms.standing
    return f"via {terms.legs[0].pair}" if terms.legs else terms.source


def counted(names: Iterable[str]) -> tuple[str, ...]:
    """The groups that count, sorted. Derivative and manual ones never add to independent ones or to each other."""
    found = set(names)
    independent = found - {"derivative", "manual"}
    if independent:
        return tuple(sorted(independent))
    return ("derivative",) if "derivative" in found else tuple(found)


def quorum(found: tuple[str, ...], least: int) -> Refused | None:
    """Refuse a price that fewer than `least` independent groups stand behind."""
    if len(found) >= least:
        return None
    return Refused(Reason.QUORUM, f"{len(found)} of {least} independent groups: {', '.join(found) or 'none'}")


def confidence(found: tuple[str, ...]) -> Decimal:
    """0.5, 0.7, 0.9 for one, two, three and more groups."""
    return CONFIDENCE[min(len(found), 3)]
