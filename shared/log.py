"""Log in one way: JSON lines for machines, readable lines on a terminal, never a secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.mask import HIDDEN, is_secret_key, mask
from shared.metrics import Counters, Family, Registry
from shared.settings import LogSettings

MESSAGES = Family("usdx_log_messages_total", "counter", "Log records emitted by level.", ("level",))
FAMILIES = (MESSAGES,)
LEVELS = ("debug", "info", "warning", "error", "critical")


def configure(
    settings: LogSettings,
    service: str,
    registry: Registry | None = None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Set up structlog and the standard library's logging for this process, and count records into `registry`.

    `secrets` are texts to hide wherever they occur, beside everything that looks like a secret.
    """
    stream = stream or sys.stdout
    readable = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    before = _before(service, secrets, registry, readable)
    render = _renderers(readable, stream)
    structlog.configure(
        processors=[*before, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(level, before, render, stream)


def _before(service: str, secrets: Iterable[str], registry: Registry | None, readable: bool) -> list[Processor]:
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if readable else "iso", utc=not readable),
        _Add(service=service),
        structlog.processors.format_exc_info,
        _Mask(secrets),
    ]
    return [*processors, _Count(registry.counter(MESSAGES))] if registry is not None else processors


def _renderers(readable: bool, stream: TextIO) -> list[Processor]:
    if readable:
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=30)]
    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(default=repr)]


def _route_standard_logging(level: int, before: list[Processor], render: list[Processor], stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[*before, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.INFO))
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)  # a traceback each time that Postgres is still recovering
    logging.captureWarnings(True)


class _Add:
    def __init__(self, **facts: str) -> None:
        self._facts = facts

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        for name, fact in self._facts.items():
            event.setdefault(name, fact)
        return event


class _Mask:
    """Hide secrets in every field, however deep."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(sorted({secret for secret in secrets if len(secret) > 3}, key=len, reverse=True))

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            if not name.startswith("_"):
                event[name] = self._hide(name, value)
        return event

    def _hide(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            masked = mask(value, self._secrets)
            return masked if masked != value or not is_secret_key(name) or "://" in value else HIDDEN
        if isinstance(value, MutableMapping):
            return {key: self._hide(str(key), one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(name, one) for one in value]
        if isinstance(value, BaseException):
            return mask(f"{type(value).__name__}: {value}", self._secrets)
        return value


class _Count:
    def __init__(self, messages: Counters) -> None:
        self._messages = messages
        for level in LEVELS:
            messages.start(level)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        self._messages.inc(str(event.get("level", "info")))
        return event
