"""Cut a byte stream of server-sent events into the data of each event (WHATWG HTML §9.2)."""

from __future__ import annotations

MAX_EVENT_BYTES = 4 * 1024 * 1024


class Events:
    """A parser that is fed parts as they come. Comments and fields other than data are passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, part: bytes) -> list[bytes]:
        """The data of the events that this part completes; one beyond the size limit is dropped whole."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            self._rest = b""
        return [event for line in lines if (event := self._line(line.removesuffix(b"\r"))) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data" and self._size <= MAX_EVENT_BYTES:
                self._data.append(value.removeprefix(b" "))
                self._size += len(value)
            return None
        data, whole = self._data, self._size <= MAX_EVENT_BYTES
        self._data, self._size = [], 0
        return b"\n".join(data) if data and whole else None
