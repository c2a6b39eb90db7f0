"""What can go wrong in the oracle, drawn by what the caller should do."""

from __future__ import annotations

from oracle.model import Refused
from oracle.reasons import Reason
from shared.errors import Inconsistent, Permanent


class Unreadable(Inconsistent):
    """An answer gave no price. Raised by the accessors of `body` and `words`, turned into `Refused` by `venue.read`."""

    reason = "unreadable"
    advice = "See the refusal's own reason."

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.refused = Refused(reason, detail)


class NotReplayable(Permanent):
    """Stored quotes cannot be run again as asked."""

    reason = "not_replayable"
    advice = "Mend the option named in the message."


class FeedUnsound(Permanent):
    """A source of a feed gives no price that could be used, or all of them together do not."""

    reason = "feed_unsound"
    advice = "`usdx oracle check` shows what every source answers."
