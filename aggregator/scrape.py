"""Fetch the expositions of all workers at once, so that one slow worker costs only itself."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from aggregator.merge import MalformedExposition, read
from aggregator.model import Fetched, FetchFailure, Sweep, Target
from shared.clock import Clock

ACCEPT = "text/plain; version=0.0.4; charset=utf-8"
BODY_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scraper:
    """Asks workers for their metrics; `headers` gives the credentials, if they want any."""

    session: aiohttp.ClientSession
    clock: Clock
    timeout_s: float = 3.0
    headers: Callable[[], Mapping[str, str]] = dict

    async def sweep(self, targets: Sequence[Target]) -> Sweep:
        """Fetch every target in parallel, each within its own timeout. A target that fails gives no text at all: its
        last text would be a lie."""
        return Sweep(self.clock.now(), tuple(await asyncio.gather(*(self._fetch(target) for target in targets))))

    async def _fetch(self, target: Target) -> Fetched:
        began = self.clock.monotonic()
        text, failure, detail = await self._try(target)
        return Fetched(target, self.clock.monotonic() - began, text, failure, detail)

    async def _try(self, target: Target) -> tuple[str | None, FetchFailure | None, str]:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._get(target)
        except TimeoutError:
            return None, "timeout", f"no answer within {self.timeout_s:g} s"
        except (aiohttp.ClientConnectorDNSError, aiohttp.InvalidURL):
            return None, "dns", "its name cannot be resolved"
        except (aiohttp.ClientError, OSError) as exc:
            return None, "connect", getattr(exc, "strerror", None) or type(exc).__name__

    async def _get(self, target: Target) -> tuple[str | None, FetchFailure | None, str]:
        headers = {"Accept": ACCEPT, **self.headers()}
        async with self.session.get(target.url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                return None, "status", f"HTTP {response.status}"
            body = await response.content.read(BODY_LIMIT_BYTES + 1)
            while chunk := await response.content.read(BODY_LIMIT_BYTES + 1 - len(body)):
                body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            return None, "too_large", f"more than {BODY_LIMIT_BYTES} bytes"
        return await asyncio.to_thread(_checked, body)


def _checked(body: bytes) -> tuple[str | None, FetchFailure | None, str]:
    try:
        text = body.decode()
        read(text)
    except (UnicodeDecodeError, MalformedExposition) as exc:
        return None, "malformed", str(exc)
    return text, None, ""
