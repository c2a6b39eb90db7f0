"""Tell clients apart by where they come from."""

from __future__ import annotations

from ipaddress import IPv6Address


def origin_of(address: str | None) -> str:
    """Whom an address stands for: IPv6 hands out networks of 2^64 addresses to a customer, who counts as one client.

    An IPv4 address that came as an IPv6 one, from a socket that takes both, is itself.
    """
    if address is None or ":" not in address:
        return address or ""
    found = IPv6Address(address.partition("%")[0])
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
