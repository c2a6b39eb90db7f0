"""Turn a page: order rows by keys that are unique together, and go on behind the last row seen.

Unlike an offset, a key neither skips nor repeats rows when others are added meanwhile, and costs the same on any page.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from aggregator.api.problems import Refused

READ: Mapping[str, Callable[[str], object]] = {  # by SQL type; what is not here cannot be sorted by
    "bigint": int,
    "numeric": Decimal,
    "timestamptz": datetime.fromisoformat,
    "text": str,
    "bytea": bytes.fromhex,
    "float8": float,
    "boolean": lambda text: _TRUTHS[text],
}
_TRUTHS: Mapping[str, bool] = {"True": True, "False": False}
_BIGINT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Key:
    """One column that rows are ordered by, such as `v.block_number`; `kind` is its SQL type."""

    column: str
    kind: str


@dataclass(frozen=True, slots=True)
class Order:
    """Keys that are unique together, most significant first, all in one direction; `name` is what the client asked."""

    name: str
    keys: tuple[Key, ...]
    descending: bool

    @property
    def sql(self) -> str:
        """The ORDER BY list."""
        direction = "desc" if self.descending else "asc"
        return ", ".join(f"{key.column} {direction}" for key in self.keys)

    def behind(self, first_argument: int) -> str:
        """The condition for rows after the ones whose keys are the arguments from `first_argument` on."""
        columns = ", ".join(key.column for key in self.keys)
        values = ", ".join(f"${first_argument + n}::{key.kind}" for n, key in enumerate(self.keys))
        return f"({columns}) {'<' if self.descending else '>'} ({values})"

    def token(self, values: Sequence[object]) -> str:
        """Where the page after the row with these key values starts, opaque to the client."""
        return _encode([self.name, *(_text(value) for value in values)])

    def values(self, token: str) -> tuple[object, ...]:
        """The key values in a token. Raises Refused for one of another sort, or one that we did not write."""
        try:
            name, *texts = _decode(token)
            if name == self.name and len(texts) == len(self.keys):
                return tuple(_read(key, text) for key, text in zip(self.keys, texts, strict=True))
        except (ValueError, KeyError, InvalidOperation, msgspec.MsgspecError) as exc:
            raise Refused("bad-request", "after: not the `next` of an earlier page", "after") from exc
        raise Refused("bad-request", "after: the `next` of a page with another sort", "after")


def order(name: str, sorts: Mapping[str, tuple[Key, ...]]) -> Order:
    """The order that `name` asks for, `-` in front meaning descending; `name` is one of `choices(sorts)`."""
    return Order(name, sorts[name.removeprefix("-")], name.startswith("-"))


def choices(sorts: Mapping[str, tuple[Key, ...]]) -> tuple[str, ...]:
    """Every order a client can ask for."""
    return tuple(prefix + name for name in sorts for prefix in ("", "-"))


def has_utc(time: datetime) -> bool:
    """Whether a time, in a zone of its own, lies within the calendar in UTC, too."""
    try:
        time.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _encode(texts: list[str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(texts)).decode().rstrip("=")


def _decode(token: str) -> list[str]:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str])
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise ValueError(str(exc)) from exc


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _read(key: Key, text: str) -> object:
    value = READ[key.kind](text)
    if isinstance(value, int) and not -_BIGINT_MAX <= value <= _BIGINT_MAX:
        raise ValueError("beyond bigint")
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 100):
        raise ValueError("beyond any amount")
    if isinstance(value, datetime) and (value.tzinfo is None or not has_utc(value)):
        raise ValueError("a time without a zone, or beyond the calendar")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a NUL character")
    return value
