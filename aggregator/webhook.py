"""Receive what Alertmanager sends: 200 only when it is committed, 5xx for whatever may work when sent again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from aiohttp import web

from aggregator.alert_store import store
from aggregator.alerts import Malformed, parse
from aggregator.api.failures import answer_of
from aggregator.api.problems import Refused
from aggregator.api.server import read_body
from aggregator.metrics import Meters
from shared.clock import Clock
from shared.db import Database
from shared.errors import UsdxError

BODY_LIMIT_BYTES = 1024 * 1024


class Webhook:
    """The receiver; `changed` is awaited after every committed delivery, and must not fail of the database."""

    def __init__(self, db: Database, clock: Clock, meters: Meters, changed: Callable[[], Awaitable[None]]) -> None:
        self._db = db
        self._clock = clock
        self._meters = meters
        self._changed = changed
        self._log = structlog.get_logger("webhook")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST. Alertmanager drops what is answered with 4xx, so that only says: this body can never be stored."""
        try:
            body = await read_body(request, BODY_LIMIT_BYTES)
            delivery = parse(body)
            done = await store(self._db, delivery, datetime.fromtimestamp(self._clock.now(), UTC))
        except Malformed as exc:
            self._meters.undelivered("malformed")
            self._log.warning("webhook body refused", error=str(exc))
            return answer_of(Refused("bad-request", str(exc)))
        except Refused as exc:
            hopeless = exc.kind in ("too-large", "bad-request")
            self._meters.undelivered("malformed" if hopeless else "unavailable")
            return answer_of(exc if hopeless else Refused("unavailable", exc.detail))
        except UsdxError as exc:
            self._meters.undelivered("unavailable")
            self._log.warning("webhook not stored", reason=exc.reason, error=str(exc))
            return answer_of(Refused("unavailable", "the alerts could not be stored", retry_after_s=1))
        self._meters.delivered(done, delivery.truncated)
        await self._changed()
        return web.json_response({"stored": len(done.new), "known": len(done.again)})
