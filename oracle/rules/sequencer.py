"""A rollup's sequencer is up, and has been for a while."""

from __future__ import annotations

from oracle.model import Refused
from oracle.reasons import Reason


def sequencer_down(answer: int, started_at_s: int, now_s: float, grace_s: float) -> Refused | None:
    """Refuse while the uptime feed says down (1), is not initialised (start 0), or came up less than `grace_s` ago.

    Source: docs.chain.link/data-feeds/l2-sequencer-feeds. Exactly the grace is not yet enough.
    """
    if answer != 0:
        return Refused(Reason.SEQUENCER_DOWN, "the sequencer is down")
    if started_at_s == 0:
        return Refused(Reason.SEQUENCER_DOWN, "the uptime feed is not initialised")
    if now_s - started_at_s <= grace_s:
        return Refused(Reason.SEQUENCER_DOWN, f"up for {now_s - started_at_s:.0f} s, grace {grace_s:g} s")
    return None
