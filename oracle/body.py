"""Read an answer's JSON strictly: numbers as Decimal, no NaN, no key twice.

Everything here raises `Unreadable` and nothing else, whatever the bytes. The accessors name the path they missed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from oracle.errors import Unreadable
from oracle.model import Outcome
from oracle.reasons import Reason
from shared.nesting import too_deep

MAX_DIGITS = 60
MAX_MAGNITUDE = 40
EARLIEST_S, LATEST_S = 1_000_000_000, 4_102_444_800  # 2001 to 2100: a wrong unit of time falls outside


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        keys = [key for key, _ in pairs]
        raise Unreadable(Reason.MALFORMED, f"key twice: {next(key for key in keys if keys.count(key) > 1)[:40]!r}")
    return out


def _constant(word: str) -> NoReturn:
    raise Unreadable(Reason.NOT_FINITE, f"{word} in the body")


def _number(text: str) -> Decimal:
    if len(text) > 2 * MAX_DIGITS:
        raise Unreadable(Reason.MALFORMED, f"a number of {len(text)} characters")
    return Decimal(text)


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_object)


def parse(body: bytes) -> Any:
    """The JSON of a body: objects, lists, text, Decimal, bool, None."""
    if too_deep(body):
        raise Unreadable(Reason.MALFORMED, f"nested beyond reason: {_glimpse(body)}")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError, InvalidOperation) as exc:
        raise Unreadable(Reason.MALFORMED, f"no JSON: {_glimpse(body)}") from exc


def _glimpse(body: bytes) -> str:
    return repr(body[:60].decode("utf-8", "replace")) if body else "an empty body"


def at(value: Any, *path: str | int) -> Any:
    """What lies at a path of keys and positions."""
    for depth, step in enumerate(path):
        found = _step(value, step)
        if found is _MISSING:
            raise Unreadable(Reason.MALFORMED, f"nothing at {'.'.join(map(str, path[: depth + 1]))}")
        value = found
    return value


_MISSING = object()


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
    if isinstance(value, list) and -len(value) <= step < len(value):
        return value[step]
    return _MISSING


def get(value: Any, *path: str | int) -> Any:
    """Like `at`, but None when it is not there."""
    for step in path:
        value = _step(value, step)
        if value is _MISSING:
            return None
    return value


def rows(value: Any, *path: str | int) -> Sequence[Mapping[str, Any]]:
    """The objects of the list at a path."""
    found = at(value, *path)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(Reason.MALFORMED, f"no list of objects at {'.'.join(map(str, path)) or 'the top'}")
    return found


def table(value: Any, *path: str | int) -> Mapping[str, Any]:
    """The object at a path."""
    found = at(value, *path)
    if not isinstance(found, dict):
        raise Unreadable(Reason.MALFORMED, f"no object at {'.'.join(map(str, path)) or 'the top'}")
    return found


def number(value: Any, *path: str | int) -> Decimal:
    """The number at a path, written as a JSON number or as text. Finite, and neither absurdly long nor large."""
    found = at(value, *path)
    where = ".".join(map(str, path)) or "the top"
    if isinstance(found, str):
        found = _from_text(found, where)
    if not isinstance(found, Decimal):
        raise Unreadable(Reason.MALFORMED, f"no number at {where}: {str(found)[:40]!r}")
    if not found.is_finite():
        raise Unreadable(Reason.NOT_FINITE, f"{found} at {where}")
    if (found and abs(found.adjusted()) > MAX_MAGNITUDE) or len(found.as_tuple().digits) > MAX_DIGITS:
        raise Unreadable(Reason.MALFORMED, f"an absurd number at {where}: {str(found)[:40]}")
    return found if found else Decimal(0)


def _from_text(text: str, where: str) -> Decimal:
    if len(text) > 2 * MAX_DIGITS or "_" in text or text != text.strip() or not text.isascii():
        raise Unreadable(Reason.MALFORMED, f"no number at {where}: {text[:40]!r}")
    try:
        return Decimal(text)
    except InvalidOperation as exc:
        raise Unreadable(Reason.MALFORMED, f"no number at {where}: {text[:40]!r}") from exc


def optional_number(value: Any, *path: str | int) -> Decimal | None:
    """The number at a path, or None where there is none; a thing that is there but no number is refused."""
    return None if get(value, *path) in (None, "") else number(value, *path)


def unix_s(value: Any, *path: str | int, unit: int = 1) -> float:
    """Unix seconds at a path; `unit` is how many of the venue's units make one second."""
    seconds = number(value, *path) / unit
    if not EARLIEST_S <= seconds <= LATEST_S:
        raise Unreadable(Reason.MALFORMED, f"no sensible time at {'.'.join(map(str, path))}: {str(seconds)[:40]} s")
    return float(seconds)


def iso_s(value: Any, *path: str | int) -> float:
    """Unix seconds of the ISO 8601 time at a path; it must carry its offset."""
    found = at(value, *path)
    try:
        moment = datetime.fromisoformat(found)
    except (TypeError, ValueError) as exc:
        raise Unreadable(Reason.MALFORMED, f"no time at {'.'.join(map(str, path))}: {str(found)[:40]!r}") from exc
    if moment.tzinfo is None or not 2001 <= moment.year < 2100:
        raise Unreadable(Reason.MALFORMED, f"no sensible time at {'.'.join(map(str, path))}: {found[:40]!r}")
    return moment.timestamp()


def text(value: Any, *path: str | int) -> str:
    """The text or whole number at a path, as text."""
    found = at(value, *path)
    if isinstance(found, str):
        return found
    if isinstance(found, Decimal) and found.is_finite() and abs(found.adjusted()) <= MAX_MAGNITUDE:
        return format(found, "f")
    raise Unreadable(Reason.MALFORMED, f"no text at {'.'.join(map(str, path))}")


def each(symbols: Sequence[str], read: Callable[[str], Outcome]) -> dict[str, Outcome]:
    """Read every symbol by itself, so that one that cannot be read spoils no other."""
    return {symbol: _one(symbol, read) for symbol in symbols}


def _one(symbol: str, read: Callable[[str], Outcome]) -> Outcome:
    try:
        return read(symbol)
    except Unreadable as exc:
        return exc.refused


def by_symbol(found: Sequence[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    """Rows by their symbol. A symbol twice is refused: nobody can say which one is meant."""
    out: dict[str, Mapping[str, Any]] = {}
    for row in found:
        name = row.get(key)
        if not isinstance(name, str):
            continue
        if name in out:
            raise Unreadable(Reason.MALFORMED, f"symbol twice: {name[:40]!r}")
        out[name] = row
    return out


def listed(found: Mapping[str, Mapping[str, Any]], symbol: str) -> Mapping[str, Any]:
    """The row of a symbol; refused as unknown when the venue left it out."""
    if symbol not in found:
        raise Unreadable(Reason.UNKNOWN_SYMBOL, f"{symbol} is not in the answer")
    return found[symbol]
