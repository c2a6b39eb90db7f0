"""Laws of hiding secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mask import is_secret_key, mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://mainnet.infura.io/v3/0123456789abcdef", "https://mainnet.infura.io/***"),
        ("postgresql://usdx:pw@db:5432/usdx?sslmode=require", "postgresql://***@db:5432/***"),
        ("https://rpc.example?apikey=1", "https://rpc.example/***"),
        ("https://mainnet.base.org", "https://mainnet.base.org"),
        ("https://mainnet.base.org/", "https://mainnet.base.org/"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545/"),
        ("see http://localhost:9101/metrics for more", "see http://localhost:9101/metrics for more"),
        ("http://localhost:9101/v2/0123456789abcdef?x=1", "http://localhost:9101/v2/***?***"),
        ("two: http://a.b/c, http://d.e/f", "two: http://a.b/*** http://d.e/***"),
        ("Authorization: Bearer abcdef123", "Authorization: Bearer ***"),
        ("nothing here", "nothing here"),
    ],
)
def test_urls_and_tokens_are_masked(text: str, shown: str) -> None:
    """A URL keeps scheme and host; on this machine its path too, unless it looks like a key."""
    assert mask(text) == shown


@given(st.text(min_size=4), st.text(), st.text())
def test_a_known_secret_never_shows(secret: str, before: str, after: str) -> None:
    """Whatever stands around it, a configured secret is gone."""
    if secret not in "***" and secret not in before + "***" + after:
        assert secret not in mask(before + secret + after, [secret])


@pytest.mark.parametrize("name", ["url", "rpc_url", "token", "password", "api_key", "client_secret", "authorization"])
def test_secret_keys(name: str) -> None:
    """Such a key holds a secret; the path of a file that holds it does not."""
    assert is_secret_key(name)
    assert not is_secret_key(f"{name}_file")


@pytest.mark.parametrize("name", ["stream_key_of", "curl", "keys_seen", "tokens_left", "name"])
def test_ordinary_keys(name: str) -> None:
    """Words that only contain such a word are ordinary."""
    assert not is_secret_key(name)
