"""Log what changed since the round before, and nothing that did not."""

from __future__ import annotations

import structlog

from oracle.model import Observation, Pair, Round
from oracle.reasons import Reason


class Diary:
    """Remembers each feed's and each source's last word, so that a standing trouble is told once."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("oracle")
        self._feeds: dict[Pair, tuple[str, Reason | None]] = {}
        self._sources: dict[tuple[Pair, str], Reason | None] = {}

    def tell(self, one: Round) -> None:
        """Write down a round's news."""
        seen = one.observation
        self._tell_feed(seen)
        for each in seen.inputs:
            key = (seen.feed, each.source)
            before = self._sources.get(key)
            self._sources[key] = each.reason
            if each.reason is not before:
                self._tell_source(str(seen.feed), each.source, each.reason, each.detail)

    def _tell_feed(self, seen: Observation) -> None:
        news, before = (seen.result, seen.reason), self._feeds.get(seen.feed)
        self._feeds[seen.feed] = news
        if news == before:
            return
        if seen.result == "fresh":
            self._log.info("price is fresh", feed=str(seen.feed), price=str(seen.price), groups=len(seen.groups))
        else:
            self._log.warning(
                "no fresh price", feed=str(seen.feed), result=seen.result, reason=seen.reason, detail=seen.detail
            )

    def _tell_source(self, feed: str, source: str, reason: Reason | None, detail: str) -> None:
        if reason is None:
            self._log.info("source is back", feed=feed, source=source)
        else:
            self._log.warning("source gives no price", feed=feed, source=source, reason=reason, detail=detail)
