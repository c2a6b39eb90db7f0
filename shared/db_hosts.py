"""Connect to the first of a url's hosts that takes our work."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import asyncpg

from shared.db_errors import FOREIGN, translate
from shared.errors import ConfigError, DatabaseUnavailable

CONNECT_TIMEOUT_S = 10.0


class Hosts:
    """One url, `postgresql://user@one,two:5433/database` or `…?host=one,two`, as many ways to one database.

    Each host has its own `timeout`, and whatever else is wrong with it than the login or the database sends us to the
    next: the driver's own search ends at a host that is silent, or that accepts and closes. The one that answered last
    is asked first.
    """

    def __init__(self, url: str) -> None:
        self.urls = each_host(url)

    async def connect(self, url: str | None = None, *, timeout: float = CONNECT_TIMEOUT_S, **options: Any) -> Any:
        """A connection. Shape: as a pool calls `connect`; the url is ours already. Raises what the last host said."""
        for last, one in [(at == len(self.urls) - 1, one) for at, one in enumerate(self.urls)]:
            try:
                connection = await asyncpg.connect(one, timeout=timeout, **options)
            except FOREIGN as exc:
                if last or not isinstance(translate(exc, ""), DatabaseUnavailable):
                    raise
            else:
                self.urls = [one, *(other for other in self.urls if other != one)]
                return connection
        raise AssertionError("a url has a host")


def each_host(url: str) -> list[str]:
    """A url for every host of this one, in its order. Raises ConfigError."""
    match = re.fullmatch(r"(\w+://)((?:[^@/?]*@)?)([^/?]*)(/[^?]*)?(?:\?(.*))?", url, re.S)
    if match is None:
        return [url]
    scheme, login, netloc, path, query = match.groups(default="")
    options = dict(parse_qsl(query))
    hosts = [one for one in (options.pop("host", "") or unquote(netloc)).split(",") if one]
    ports = [one for one in options.pop("port", "").split(",") if one]
    if len(hosts) < 2:
        return [url]
    if len(ports) not in (0, 1, len(hosts)):
        raise ConfigError(f"database.url: expected one port or one for each of {len(hosts)} hosts, not {len(ports)}")
    return [
        _url(scheme + login, host, path, options | ({"port": ports[at % len(ports)]} if ports else {}))
        for at, host in enumerate(hosts)
    ]


def _url(login: str, host: str, path: str, options: dict[str, str]) -> str:
    """The url of one host; a folder of sockets is an option."""
    if host.startswith("/"):
        host, options = "", options | {"host": host}
    return f"{login}{host}{path}" + (f"?{urlencode(options)}" if options else "")
