"""Take one source's parameters out of its table of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from shared.settings import parse_address, parse_seconds

T = TypeVar("T")
_REQUIRED: Any = object()


class Params:
    """A table being read. Problems are collected as (key, what was expected, value) and never raised."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._left = dict(table)
        self.problems: list[tuple[str, str, object]] = []

    def take(self, key: str, read: Callable[[Any], T], default: T = _REQUIRED) -> T:
        """The value of a key as `read` makes it; a missing one is its default, or a problem."""
        if key not in self._left:
            if default is _REQUIRED:
                self.problems.append((key, "a value", "nothing"))
            return default
        value = self._left.pop(key)
        try:
            return read(value)
        except (ValueError, TypeError) as exc:
            self.problems.append((key, str(exc), value))
            return default

    def finish(self) -> None:
        """Whatever is left is unknown."""
        for key, value in self._left.items():
            self.problems.append((key, "no such key here", value))
        self._left.clear()


def address(value: object) -> bytes:
    """20 bytes; mixed case must carry a right checksum."""
    return bytes.fromhex(parse_address(value)[2:])


def seconds(value: object) -> float:
    return parse_seconds(value)


def decimal(value: object) -> Decimal:
    """A number, written as a number or as text, kept to its last digit."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("a number")
    try:
        found = Decimal(str(value))
    except InvalidOperation as exc:
        raise ValueError("a number") from exc
    if not found.is_finite():
        raise ValueError("a finite number")
    return found


def whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return read


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text")
    return value


def optional(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """The same, as a type that may be None."""
    return read
