"""What the stream says."""

from datetime import datetime
from typing import Annotated

import msgspec

from aggregator.api.events import Event

TOPICS = ("status", "trends", "event", "gap", "price", "alert", "reorg")
STATES = frozenset({"status", "trends"})  # each replaces the one before; a newcomer gets the last one
MISSED = "missed"


class StreamMessage(msgspec.Struct):
    """One server-sent event."""

    event: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^({'|'.join((*TOPICS, MISSED))})$",
            description="The topic, and so the shape of the data: Status, Trends, NewEvent, Gap, Price, NewAlert, "
            "Reorg; or `missed`: Missed.",
        ),
    ]
    data: Annotated[str, msgspec.Meta(description="JSON.")]
    id: Annotated[str | None, msgspec.Meta(description="What to give as Last-Event-ID; states have none.")] = None


class Missed(msgspec.Struct):
    """More was said on these topics than is still known: read by the API what you need of it."""

    topics: list[str]


class Reorg(msgspec.Struct):
    """The indexer found that the chain had changed: the blocks above `ancestor`, up to `from_block`, were replaced."""

    chain: str
    streams: list[str]
    ancestor: int
    from_block: int
    events: int
    seen_at: datetime


class Gap(msgspec.Struct):
    """More events than are sent one by one: read these blocks (inclusive) by /events."""

    protocol: str
    contract: str
    event: str
    chain: str
    first_block: int
    last_block: int


class NewEvent(msgspec.Struct):
    """One event that was just stored."""

    protocol: str
    contract: str
    table: str
    event: Event


class NewAlert(msgspec.Struct):
    """One alert that just began or ended."""

    fingerprint: str
    alertname: str
    severity: str
    service: str
    status: str
    starts_at: datetime
    summary: str
