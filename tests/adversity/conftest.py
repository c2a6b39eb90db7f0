"""Where the session's Postgres lies, for proxies before it."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared import embedded


@pytest.fixture(scope="session")
def postgres_root(postgres: embedded.Handle) -> Path:
    """Its root folder."""
    return Path(parse_qs(urlsplit(postgres.url).query)["host"][0]).parent
