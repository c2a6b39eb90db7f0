"""Hide what may be secret in a text that a person or a log will see."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"
_URL = re.compile(r"""(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<rest>[^\s'"<>]+)""")
_OWN_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)(:\d+)?")
_KEYLIKE = re.compile(r"(?=[^/]*\d)(?=[^/]*[a-zA-Z])[A-Za-z0-9_-]{16,}")
_TOKEN = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_SECRET_KEY = re.compile(
    r"(^|_)(url|dsn|token|secret|password|passwd|key|authorization|cookie|webhook)s?$", re.IGNORECASE
)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets, tokens, and every URL's user, password, path and query.

    A path on this machine itself is shown unless a part of it looks like a key.
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = _URL.sub(_mask_url, text)
    return _TOKEN.sub(rf"\1 {HIDDEN}", text)


def is_secret_key(name: str) -> bool:
    """Whether a config key or log field of this name holds a secret (`…_file` holds only a path)."""
    return _SECRET_KEY.search(name) is not None


def _mask_url(match: re.Match[str]) -> str:
    scheme, rest = match["scheme"], match["rest"]
    authority, slash, tail = re.match(r"([^/?#]*)(/?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    _user, at, host = authority.rpartition("@")
    shown = f"{scheme}://{f'{HIDDEN}@' if at else ''}{host}"
    if _OWN_HOST.fullmatch(host):
        path, query, _ = tail.partition("?")
        return shown + slash + _KEYLIKE.sub(HIDDEN, path) + (f"?{HIDDEN}" if query else "")
    return shown + (f"/{HIDDEN}" if tail else slash)
