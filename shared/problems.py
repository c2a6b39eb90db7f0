"""Say what is wrong in a file of the user's: where, which key, which value, and what was expected."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from shared.errors import ConfigError
from shared.mask import HIDDEN, is_secret_key, mask

Key = tuple[str | int, ...]
T = TypeVar("T", bound=BaseModel)
VALUE_MAX = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; `value` is ready to be shown, and empty when there is none."""

    file: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}{f' = {self.value}' if self.value else ''}: {self.expected}"


def refuse(problems: Sequence[Problem]) -> ConfigError:
    """One error that lists them all."""
    unique = list(dict.fromkeys(str(problem) for problem in problems))
    if len(unique) == 1:
        return ConfigError(unique[0])
    return ConfigError("\n".join([f"{len(unique)} problems in the configuration:", *(f"  {line}" for line in unique)]))


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables; ConfigError when it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: there is no such file") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: is not TOML: {exc}") from exc


def validate(
    model: type[T],
    data: Mapping[str, Any],
    *,
    where: Callable[[Key], str],
    shown: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> tuple[T | None, list[Problem]]:
    """The model, or everything that is wrong with the data.

    `where` names the file of a key; `shown` is the data as the user wrote it, before variables were filled in.
    """
    try:
        return model.model_validate(data, context=dict(context or {})), []
    except ValidationError as exc:
        shown = data if shown is None else shown
        return None, [_problem(model, error, where, data, shown) for error in exc.errors(include_url=False)]


def _problem(
    model: type[BaseModel], error: Any, where: Callable[[Key], str], data: Mapping[str, Any], shown: Mapping[str, Any]
) -> Problem:
    key: Key = tuple(error["loc"])
    kind = error["type"]
    if kind == "missing":
        return Problem(where(key), dotted(key), "", "is required")
    value = show(key, _look_up(shown, key, error["input"]))
    if kind == "extra_forbidden":
        return Problem(where(key), dotted(key), value, f"is not a known key{_nearest(model, key, data)}")
    return Problem(where(key), dotted(key), value, f"expected {_expectation(error)}")


def _look_up(data: Any, key: Key, otherwise: object) -> Any:
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return data


def dotted(key: Iterable[str | int]) -> str:
    """A key as one writes it in TOML, with list places in brackets: `chains.base.rpc[0].url`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{word}" if text else word
    return text


def show(key: Key, value: object) -> str:
    """A value as it may be shown: short, in TOML's manner, without secrets."""
    if isinstance(value, (dict, BaseModel)) or value is None or (isinstance(value, list) and dict in map(type, value)):
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    name = next((part for part in reversed(key) if isinstance(part, str)), "")
    text = str(value)
    masked = mask(text)
    if is_secret_key(name) and not re.fullmatch(r"\$\{\w+\}", text):
        masked = masked if "://" in masked and HIDDEN in masked else HIDDEN
    masked = masked if len(masked) <= VALUE_MAX else masked[: VALUE_MAX - 1] + "…"
    return f'"{masked}"' if isinstance(value, str) else masked


_EXPECTATIONS: Mapping[str, str] = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a string",
    "path_type": "a path",
    "model_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "tuple_type": "a list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
}


def _expectation(error: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    template = _EXPECTATIONS.get(error["type"])
    return template.format(**context) if template else str(error["msg"])


def _nearest(model: type[BaseModel], key: Key, data: Mapping[str, Any]) -> str:
    """`, did you mean …?` with the nearest known key, else the list of known ones."""
    table = _model_at(model, key[:-1])
    known = list(table.model_fields) if table else []
    named = _look_up(data, (*key[:-1], "sources"), ())  # a feed's sources name tables of their own
    known += [name for name in named if isinstance(name, str)] if isinstance(named, (list, tuple)) else []
    near = difflib.get_close_matches(str(key[-1]), known, n=1, cutoff=0.6)
    if near:
        return f', did you mean "{near[0]}"?'
    return f"; known ones are {', '.join(known)}" if known else ""


def _model_at(model: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """The model that a key of the data leads to."""
    kind: Any = model
    for part in key:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        else:
            inside = get_args(kind)  # of dict[key, table] or tuple[table, ...]
            kind = (inside[0] if isinstance(part, int) else inside[1]) if len(inside) == 2 else None
        if get_origin(kind) in (Union, UnionType):
            kind = next((one for one in get_args(kind) if one is not type(None)), None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
