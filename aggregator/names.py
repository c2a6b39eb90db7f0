"""Resolve the workers' names, each without waiting for the others, and keep what was known while no answer comes."""

import asyncio
import socket

PATIENCE_S = 1.0  # of the ten seconds that a scraper waits for all of us


class Names:
    """The addresses of names. A resolver that is slow or away costs `patience_s`, and nobody's last addresses."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._asking: dict[tuple[str, int | None], asyncio.Task[tuple[str, ...]]] = {}
        self._known: dict[tuple[str, int | None], tuple[str, ...]] = {}

    async def addresses(self, host: str, port: int | None) -> tuple[str, ...]:
        """The addresses of a name, sorted; those known before when it cannot be resolved in time, none when there never
        were any. A question that takes longer goes on, and its answer is taken the next time."""
        key = (host, port)
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(_resolve(host, port))
        answered, _ = await asyncio.wait({self._asking[key]}, timeout=self._patience_s)
        for answer in answered:
            self._asking.pop(key, None)
            self._known[key] = answer.result() or self._known.get(key, ())
        return self._known.get(key, ())


async def _resolve(host: str, port: int | None) -> tuple[str, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(sorted({str(address[0]) for *_, address in found}))
