"""Say which workers we believe to be ours, and who we are to them, by certificates that may be renewed while we run."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.errors import ConfigError
from shared.settings import AggregatorSettings


@dataclass(slots=True)
class Trust:
    """The client's side of TLS with the workers."""

    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    _seen: tuple[tuple[int, int], ...] = ()
    _context: ssl.SSLContext | None = None
    _said: str = ""

    @classmethod
    def load(cls, settings: AggregatorSettings) -> "Trust":
        """Read the files. Raises ConfigError when they do not fit."""
        trust = cls(settings.workers_ca_file, settings.workers_cert_file, settings.workers_key_file)
        if trust._files:
            trust._refresh()
        return trust

    def context(self) -> ssl.SSLContext | bool:
        """What the next connection is made with: the files as they are now, or were when they last fitted; True, which
        is the system's own authorities, when no file is given."""
        if not self._files:
            return True
        try:
            self._refresh()
            self._said = ""
        except ConfigError as exc:
            if str(exc) != self._said:
                structlog.get_logger("tls").error("certificate not renewed", endpoint="workers", error=str(exc))
            self._said = str(exc)
        return self._context or True

    @property
    def _files(self) -> tuple[Path, ...]:
        return tuple(file for file in (self.ca_file, self.cert_file, self.key_file) if file is not None)

    def _refresh(self) -> None:
        """A new context when a file changed: an old one would go on to believe in an authority that was taken away."""
        try:
            seen = tuple((stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in self._files))
            if seen != self._seen:
                self._context = self._made()
                self._seen = seen
        except (OSError, ValueError) as exc:
            raise ConfigError(f"TLS with the workers: {', '.join(map(str, self._files))}: {exc}") from exc

    def _made(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file, lambda: b"")  # never asks a terminal for a password
        return context
