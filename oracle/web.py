"""Ask one HTTP question: the bytes of its answer, or why there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp
from yarl import URL

from oracle.model import Refused
from oracle.reasons import Reason
from oracle.venue import Request

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0
USER_AGENT = "usdx-oracle"


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, whatever its status; `retry_after_s` when the venue asks to be left alone."""

    status: int
    body: bytes
    retry_after_s: float | None = None


class Web:
    """One HTTP client for all venues. Redirects are not followed: a token must not travel to another host."""

    def __init__(self, session: aiohttp.ClientSession, now: Callable[[], float]) -> None:
        self._session = session
        self._now = now

    async def get(
        self, base_url: str, request: Request, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Reply | Refused:
        """The reply within `timeout_s`. Never raises: what keeps a reply from us is the reason for its lack."""
        url = _url(base_url, request)
        return await self._send("GET", url, headers, timeout_s)

    async def post(
        self, base_url: str, path: str, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Reply | Refused:
        """The same for an empty POST."""
        return await self._send("POST", _url(base_url, Request(path)), headers, timeout_s)

    async def _send(
        self, method: Literal["GET", "POST"], url: URL, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Reply | Refused:
        try:
            async with asyncio.timeout(timeout_s):
                sent = {"User-Agent": USER_AGENT, **(headers or {})}
                async with self._session.request(method, url, headers=sent, allow_redirects=False) as response:
                    body = await _limited(response)
                    return Reply(response.status, body, retry_after_s(response.headers, self._now()))
        except TimeoutError:
            return Refused(Reason.TIMEOUT, f"no answer within {timeout_s:g} s")
        except (aiohttp.ClientPayloadError, aiohttp.ContentTypeError, _TooLong) as exc:
            return Refused(Reason.MALFORMED, f"the body cannot be read: {exc}"[:160])
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return Refused(Reason.UNREACHABLE, f"{type(exc).__name__} at {url.host}"[:160])


class _TooLong(ValueError):
    """A body beyond what any venue sends."""


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _TooLong(f"more than {MAX_BODY_BYTES} bytes")
    return b"".join(parts)


def _url(base_url: str, request: Request) -> URL:
    url = URL(base_url + request.path)
    return url.extend_query(list(request.query)) if request.query else url


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds to stay away, from `Retry-After` as a number or a date (RFC 9110 §10.2.3); at most an hour."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.fromtimestamp(now_s, UTC)).total_seconds()), MAX_RETRY_AFTER_S)
