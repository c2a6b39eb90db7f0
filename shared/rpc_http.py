"""Carry JSON-RPC bodies to an endpoint over HTTP."""

from __future__ import annotations

import aiohttp

from shared.rpc_answer import Reply
from shared.rpc_errors import Failure, Kind, TransportFailed
from shared.rpc_plain import cannot_connect


class HttpTransport:
    """One endpoint's URL behind a shared aiohttp session: TLS, proxies, compression. The URL never leaves it."""

    def __init__(self, endpoint: str, url: str, session: aiohttp.ClientSession, timeout_s: float = 30.0) -> None:
        self._endpoint = endpoint
        self._url = url
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, 10.0))

    async def post(self, body: bytes) -> Reply:
        """Send one body. Raises TransportFailed when no whole answer arrives in time."""
        try:
            async with self._session.post(
                self._url, data=body, headers={"Content-Type": "application/json"}, timeout=self._timeout
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, headers, await answer.read())
        except aiohttp.ConnectionTimeoutError as error:
            raise self._failed("cannot connect (timed out)", heard=False) from error
        except TimeoutError as error:
            raise self._failed(f"no answer within {self._timeout.total:g} s", Kind.DENSITY, heard=False) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            heard = not isinstance(error, aiohttp.ClientConnectorError)
            raise self._failed(_why(error), heard=heard) from error

    async def close(self) -> None:
        """Nothing to do: the session belongs to whoever made it."""

    def _failed(self, why: str, doubt: Kind | None = None, *, heard: bool = True) -> TransportFailed:
        failure = Failure(Kind.TRANSPORT, doubt=doubt, heard=heard)
        return TransportFailed(f"{self._endpoint}: {why}", endpoint=self._endpoint, failure=failure)


def _why(error: Exception) -> str:
    """The kind of trouble, without the URL that aiohttp puts into its messages."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorError):
        return cannot_connect(error.os_error)
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL is no URL"
    return f"the connection broke ({type(error).__name__})"
