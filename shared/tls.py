"""Serve over TLS, with certificates that may be renewed while we run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import ConfigError
from shared.metrics import Family, Registry
from shared.settings import TlsSettings

NOT_AFTER = Family(
    "usdx_tls_certificate_not_after_timestamp_seconds",
    "gauge",
    "Expiry time of the served TLS certificate.",
    ("endpoint",),
    "seconds",
)
FAMILIES = (NOT_AFTER,)


@dataclass(slots=True)
class Tls:
    """One endpoint's TLS context, made anew when its files change; each connection takes the one of its moment."""

    settings: TlsSettings
    endpoint: str
    registry: Registry
    context: ssl.SSLContext
    _seen: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def load(cls, settings: TlsSettings, endpoint: str, registry: Registry) -> Tls:
        """Read the files. Raises ConfigError when they do not fit."""
        tls = cls(settings, endpoint, registry, ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        tls.refresh()
        return tls

    def refresh(self) -> bool:
        """Load the files if they changed; new connections use them, and nothing of the old ones, from then on. Returns
        whether they had. Raises ConfigError, and keeps the old ones, when they do not fit."""
        seen = tuple((info.st_mtime_ns, info.st_ino, info.st_size) for info in map(Path.stat, self._files()))
        if seen == self._seen:
            return False
        try:
            context, expiry = _context(self.settings), not_after(self.settings.cert_file.read_text())
        except (OSError, ValueError) as exc:
            raise ConfigError(f"TLS of {self.endpoint}: {self.settings.cert_file}: {exc}") from exc
        self.context, self._seen = context, seen
        self.registry.gauge(NOT_AFTER).set(expiry, self.endpoint)
        return True

    def _files(self) -> list[Path]:
        files = [self.settings.cert_file, self.settings.key_file, self.settings.client_ca_file]
        return [file for file in files if file is not None]


def _context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that knows these files alone: one that is loaded again goes on trusting what it trusted before."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.cert_file, settings.key_file)
    if settings.client_ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(settings.client_ca_file)
    return context


def not_after(pem: str) -> float:
    """When the first certificate of a PEM text ends, in unix seconds (RFC 5280, section 4.1.2.5).

    Certificate and tbsCertificate are sequences; tbsCertificate holds [0] version (optional), serial, algorithm,
    issuer, validity. Raises ValueError.
    """
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if begin < 0 or end < 0:
        raise ValueError("holds no certificate")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
    fields = _children(_children(_children(der)[0][1])[0][1])
    validity = fields[4 if fields[0][0] == 0xA0 else 3]
    tag, text = _children(validity[1])[1]
    digits = text.decode("ascii")
    if tag == 0x17:  # UTCTime has two digits for the year, 50 to 49
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _children(der: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs that the bytes consist of."""
    pairs, at = [], 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        pairs.append((tag, der[at : at + length]))
        at += length
    return pairs
