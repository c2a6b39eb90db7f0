"""Turn a typed handler into an operation: what it is asked, what it answers, and where it is found."""

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_type_hints

import msgspec

from aggregator.api.keyset import has_utc
from aggregator.api.problems import Refused

Handler = Callable[..., Awaitable[Any]]
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_PLACE = re.compile(r"\{(\w+)\}")


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An operation without parameters."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `asked` holds the path's and the query's parameters as one struct, `body` the JSON body
    of a POST; the handler gets a connection in a transaction, `asked`, and `body` if there is one. One that answers
    `from_memory` gets `asked` alone."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    asked: type[msgspec.Struct]
    answer: Any
    body: type[msgspec.Struct] | None = None
    summary: str = ""
    description: str = ""
    tag: str = ""
    problems: tuple[str, ...] = ()
    from_memory: bool = False

    @property
    def name(self) -> str:
        """The operationId."""
        return f"{self.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', self.path.lower()).strip('_')}"

    @property
    def places(self) -> tuple[str, ...]:
        """The parameters that stand in the path."""
        return tuple(_PLACE.findall(self.path))

    @property
    def parameters(self) -> tuple[msgspec.structs.FieldInfo, ...]:
        """Every parameter, those of the path first."""
        fields = msgspec.structs.fields(self.asked)
        return tuple(sorted(fields, key=lambda field: field.encode_name not in self.places))


def operation(
    method: Literal["GET", "POST"],
    path: str,
    handler: Handler,
    *,
    tag: str,
    problems: tuple[str, ...] = (),
    from_memory: bool = False,
) -> Operation:
    """Read the handler's annotations: `asked` and `body` by the names of its parameters, the answer by what it returns;
    the docstring's first sentence is the summary."""
    hints = get_type_hints(handler, include_extras=True)
    text = inspect.getdoc(handler) or ""
    summary, _, rest = text.partition("\n\n")
    return Operation(
        method,
        path,
        handler,
        hints.get("asked", Nothing),
        hints["return"],
        hints.get("body"),
        " ".join(summary.split()),
        " ".join(rest.split()),
        tag,
        problems,
        from_memory,
    )


def bind(asked: type[msgspec.Struct], given: list[tuple[str, str]]) -> Any:
    """Read an operation's parameters from text. Raises Refused, naming the parameter at fault."""
    known = _names(asked)
    values: dict[str, str] = {}
    for name, value in given:
        if name in values:
            raise Refused("bad-request", f"{name} is given twice", name)
        if name not in known:
            expected = ", ".join(sorted(known)) or "none"
            raise Refused("bad-request", f"no parameter is called {name[:64]!r}; there are: {expected}", name[:64])
        if "\0" in value:
            raise Refused("bad-request", f"{name} holds a NUL character", name)
        values[name] = value
    try:
        found = msgspec.convert(values, asked, strict=False)
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at `$")
        raise Refused("bad-request", f"{path.strip('`.') or 'request'}: {message}", path.strip("`.[")) from exc
    for name, text in values.items():
        read = getattr(found, name)
        if read is None or (isinstance(read, datetime) and not (_DATE.match(text) and has_utc(read))):
            # `null`, a bare number, or a time whose year in UTC is none
            raise Refused("bad-request", f"{name}: {text[:64]!r} is no value here", name)
    return found


@functools.lru_cache(maxsize=1024)
def _names(asked: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(asked))


def bind_body(kind: type[msgspec.Struct], body: bytes) -> Any:
    """Read a JSON body. Raises Refused."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Refused("bad-request", f"body: {exc}") from exc
