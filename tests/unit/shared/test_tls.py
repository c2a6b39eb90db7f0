"""Laws of reading certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.tls import not_after

CERTIFICATES = Path(__file__).parents[2] / "integration" / "shared" / "certificates"


@pytest.mark.parametrize(("name", "end"), [("ca", 4949053198), ("server", 4949053198), ("client", 2110813198)])
def test_the_end_of_a_certificate(name: str, end: int) -> None:
    """Dates before 2050 have two digits for the year, later ones four; both are read."""
    assert not_after((CERTIFICATES / f"{name}.pem").read_text()) == end


def test_the_first_certificate_of_a_chain_counts() -> None:
    """A file may hold the chain; the served certificate comes first, whatever text stands around it."""
    chain = "subject=x\n" + "".join((CERTIFICATES / f"{name}.pem").read_text() for name in ("client", "ca"))
    assert not_after(chain) == 2110813198


def test_what_is_no_certificate_is_refused() -> None:
    """A file without a certificate is an error, not a date."""
    with pytest.raises(ValueError, match="holds no certificate"):
        not_after("-----BEGIN PRIVATE KEY-----")
