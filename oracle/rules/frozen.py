"""A source that stands still while its peers move is frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from oracle.model import Quote, Refused
from oracle.reasons import Reason

Face = tuple[Decimal, str | None, float | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Track:
    """What a source last said, since when (monotonic), and where its peers stood then (None: nobody to ask yet)."""

    face: Face
    since_mono_s: float
    peers: Decimal | None


def face(quote: Quote) -> Face:
    """All of a quote that shows life: price, sequence, the venue's time, volume."""
    return (quote.price, quote.sequence, quote.time_s, quote.volume)


def follow(track: Track | None, quote: Quote, peers: Decimal | None) -> Track:
    """The track after this quote: a new one when it changed, else the old one."""
    seen = face(quote)
    if track is None or track.face != seen:
        return Track(seen, quote.received_mono_s, peers)
    return replace(track, peers=peers) if track.peers is None else track


def frozen(track: Track, quote: Quote, peers: Decimal | None, after_s: float, moved_bps: Decimal) -> Refused | None:
    """Refuse a quote unchanged for `after_s` while the median of its peers moved by `moved_bps` or more.

    `track` is the one that includes this quote. A quiet market keeps its sources: nobody moved.
    """
    unchanged_s = quote.received_mono_s - track.since_mono_s
    if unchanged_s < after_s or peers is None or track.peers is None:
        return None
    moved = abs(peers - track.peers) / track.peers * 10_000
    if moved < moved_bps:
        return None
    return Refused(Reason.FROZEN, f"unchanged for {unchanged_s:.0f} s while peers moved {moved:.1f} bps")
