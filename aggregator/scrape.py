"""Fetch and read the exposition of a worker."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from aggregator.merge import Family, MalformedExposition, read, shape_of
from aggregator.model import Fetched, FetchFailure, Target
from shared.clock import Clock
from shared.series import LONGEST_BYTES

Outcome = tuple[Mapping[str, Family] | None, FetchFailure | None, str]
ACCEPT = "text/plain; version=0.0.4; charset=utf-8"
BODY_LIMIT_BYTES = 16 * 1024 * 1024
SAMPLES_LIMIT = 20_000  # this and the next two as in docker/prometheus: it would refuse all workers because of one
LABEL_BYTES_LIMIT = LONGEST_BYTES
LABELS_LIMIT = 30 - 4  # without the name, job, instance and service


@dataclass(frozen=True, slots=True)
class Scraper:
    """Asks workers for their metrics; `headers` gives the credentials, if they want any, and `trust` what TLS is spoken
    with."""

    session: aiohttp.ClientSession
    clock: Clock
    timeout_s: float = 3.0
    headers: Callable[[], Mapping[str, str]] = dict
    trust: Callable[[], ssl.SSLContext | bool] = lambda: True

    async def fetch(self, target: Target) -> Fetched:
        """Ask one target, within the timeout. One that fails gives nothing at all: what it said last would be a lie."""
        began = self.clock.monotonic()
        families, failure, detail = await self._try(target)
        return Fetched(target, self.clock.monotonic() - began, families, failure, detail)

    async def _try(self, target: Target) -> Outcome:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._get(target)
        except TimeoutError:
            return None, "timeout", f"no answer within {self.timeout_s:g} s"
        except (aiohttp.ClientConnectorDNSError, aiohttp.InvalidURL):
            return None, "dns", "its name cannot be resolved"
        except (aiohttp.ClientError, OSError) as exc:
            return None, "connect", getattr(exc, "strerror", None) or type(exc).__name__
        except ValueError as exc:  # such as a token or a user that cannot stand in a header
            return None, "connect", f"it cannot be asked: {type(exc).__name__}"

    async def _get(self, target: Target) -> Outcome:
        headers = {"Accept": ACCEPT, **self.headers()}
        async with self.session.get(
            target.url, headers=headers, allow_redirects=False, ssl=self.trust(), server_hostname=target.server_name
        ) as response:
            if response.status != 200:
                return None, "status", f"HTTP {response.status}"
            body = await response.content.read(BODY_LIMIT_BYTES + 1)
            while chunk := await response.content.read(BODY_LIMIT_BYTES + 1 - len(body)):
                body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            return None, "too_large", f"more than {BODY_LIMIT_BYTES} bytes"
        return await asyncio.to_thread(_read, body)


def _read(body: bytes) -> Outcome:
    try:
        families = read(body.decode())
    except (UnicodeDecodeError, MalformedExposition) as exc:
        return None, "malformed", str(exc)
    beyond = _beyond(families)
    return (families, None, "") if beyond is None else (None, "too_large", beyond)


def _beyond(families: Mapping[str, Family]) -> str | None:
    """Which limit of Prometheus's own the families are beyond."""
    count = sum(len(family.samples) for family in families.values())
    if count > SAMPLES_LIMIT:
        return f"{count} samples; at most {SAMPLES_LIMIT} are taken"
    for name, braced, _ in (sample for family in families.values() for sample in family.samples):
        labels, longest_bytes, _ = shape_of(braced)
        if labels > LABELS_LIMIT:
            return f"a sample of {name[:80]} has {labels} labels; at most {LABELS_LIMIT} are taken"
        if max(longest_bytes, len(name)) > LABEL_BYTES_LIMIT:
            return f"a label of {name[:80]} is longer than {LABEL_BYTES_LIMIT} bytes"
    return None
