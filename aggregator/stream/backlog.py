"""Remember what was said, so that who comes back is told what it missed, or at least that it missed something."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from aggregator.stream.messages import MISSED, STATES, Missed

KEPT_MESSAGES = 1000
_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its number, its topic, and itself as it is sent."""

    number: int
    topic: str
    frame: bytes


class Backlog:
    """The newest messages of one epoch, which is one life of this process, and up to where each topic's are gone.

    Numbers grow, but leave gaps: what was not said because nobody listened has a number, too.
    """

    def __init__(self, epoch: str, kept_messages: int = KEPT_MESSAGES) -> None:
        self._epoch = epoch
        self._kept_messages = kept_messages
        self._kept: deque[Message] = deque()
        self._states: dict[str, bytes] = {}
        self._gone: dict[str, int] = {}
        self._number = 0

    @property
    def mark(self) -> bytes:
        """What makes a client remember that it has heard everything until now."""
        return f"{self._name}\n".encode()

    @property
    def _name(self) -> str:
        return f"id: {self._epoch}-{self._number}\n"

    def add(self, topic: str, json: bytes) -> bytes:
        """Keep a message; returns it as it is sent. States carry no id: there is no sense in hearing old ones again."""
        if topic in STATES:
            frame = self._states[topic] = _frame("", topic, json)
            return frame
        self._number += 1
        message = Message(self._number, topic, _frame(self._name, topic, json))
        self._kept.append(message)
        if len(self._kept) > self._kept_messages:
            oldest = self._kept.popleft()
            self._gone[oldest.topic] = max(oldest.number, self._gone.get(oldest.topic, 0))
        return message.frame

    def skip(self, topics: Sequence[str]) -> bytes:
        """Something happened on these topics that is not kept; returns what says so."""
        self._number += 1
        self._gone.update(dict.fromkeys(topics, self._number))
        return _frame(self._name, MISSED, msgspec.json.encode(Missed(sorted(topics))))

    def since(self, last_id: str, topics: frozenset[str]) -> Iterator[bytes]:
        """What a client that saw this id last has missed of these topics, oldest first, then the present states.

        A client without an id has missed nothing. One whose id is not ours has missed we do not know how much.
        """
        if last_id:
            seen = self._number_of(last_id)
            missed = [t for t in sorted(topics - STATES) if seen is None or self._gone.get(t, 0) > seen]
            if missed:
                yield _frame("", MISSED, msgspec.json.encode(Missed(missed)))
            yield from (one.frame for one in self._kept if one.number > (seen or 0) and one.topic in topics)
        yield from (frame for topic, frame in self._states.items() if topic in topics)

    def _number_of(self, last_id: str) -> int | None:
        found = _ID.fullmatch(last_id)
        if found is None or found[1] != self._epoch or int(found[2]) > self._number:
            return None
        return int(found[2])


def _frame(name: str, topic: str, json: bytes) -> bytes:
    return f"{name}event: {topic}\ndata: ".encode() + json + b"\n\n"
