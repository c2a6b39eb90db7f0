"""Say once what a provider said that the catalogue does not know."""

from __future__ import annotations

import re

import structlog

from shared.rpc import Exchange

MOST = 200
_VARYING = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)


class UnknownTexts:
    """Remembers which texts were logged; numbers in them do not make them new."""

    def __init__(self, chain: str) -> None:
        self._said: set[str] = set()
        self._log = structlog.get_logger("rpc").bind(chain=chain)

    def observe(self, exchange: Exchange) -> None:
        """Log every unknown refusal of an exchange, the first time it is met."""
        for error in filter(None, exchange.outcomes):
            if error.failure.known or len(self._said) >= MOST:
                continue
            words = _VARYING.sub("#", str(error))
            if words not in self._said:
                self._said.add(words)
                self._log.warning(
                    "unknown refusal; please report it", taken_for=error.failure.kind.value, error=str(error)
                )
