"""Who counts as one client."""

import pytest

from shared.origin import origin_of


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, ""),
        ("", ""),
    ],
)
def test_clients_are_told_apart(address: str | None, origin: str) -> None:
    """An IPv4 address is one client, however it is written; an IPv6 network of 64 bits is one."""
    assert origin_of(address) == origin
