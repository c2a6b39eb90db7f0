"""Write the reference page of every config key (`python -m shared.config_page > docs/reference/config.md`)."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from shared import protocol_files, settings
from shared.protocol_files import MetricsFile, ProtocolFile
from shared.settings import Settings

INTRODUCTION = """\
# Configuration

<!-- Made by `make docs` out of shared/settings.py and shared/protocol_files.py. Do not edit. -->

One TOML file: `--config PATH`, else `./usdx.toml`, else the demo's. Every key is listed here, and no other is accepted.

- A duration is written `5` or `"5s"`, `"500ms"`, `"30m"`, `"1h"`, `"1d"`.
- A path is relative to the folder of the config file.
- `"${NAME}"` inside a string is filled in from the environment, `"${NAME:-default}"` with a default; `$$` is a dollar.
- `USDX_A__B` in the environment overrides the key `a.b`; a list or a table is written as TOML.
- A secret can be read from a file instead: the key with `_file` behind its name.
"""

FOLDER = """\
# protocol.toml

The file of a protocol folder that names its contracts; see [Index your own contract](../indexing.md). Paths are
relative to the folder.
"""
FIGURES = """\
# metrics.toml

The file of a protocol folder that names its business metrics.
"""

_BY_VALIDATOR: Mapping[Callable[..., Any], str] = {
    settings.parse_seconds: "duration",
    settings.parse_finality: '`"finalized"` or a depth in blocks',
    settings.parse_start_block: 'block number or `"auto"`',
    settings.parse_address: "address",
    settings.parse_addresses: "address or list of addresses",
    settings.parse_places: "place or list of places",
    protocol_files.parse_abis: "path or list of paths",
}
_BY_TYPE: Mapping[Any, str] = {
    SecretStr: "secret",
    bool: "`true` or `false`",
    int: "whole number",
    str: "text",
    Path: "path",
    Any: "anything",
}
_WRITTEN_OTHERWISE = {"parameters"}  # of a feed: its tables named like its sources


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join(
        [INTRODUCTION, *_sections(Settings), FOLDER, *_sections(ProtocolFile), FIGURES, *_sections(MetricsFile)]
    )


def _sections(root: type[BaseModel]) -> list[str]:
    places: dict[type[BaseModel], list[str]] = {}
    for model, path in _tables(root, ()):
        places.setdefault(model, []).append(path)
    return [_section(model, paths) for model, paths in places.items() if _own(model)]


def _tables(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[type[BaseModel], str]]:
    """One model and where it stands, then those below it."""
    yield model, f"`[{'.'.join(path)}]`" if path else "Top level"
    hints = get_type_hints(model, include_extras=True)
    for name in model.model_fields:
        if below := _below(hints[name]):
            child, key = below
            yield from _tables(child, (*path, name, *key))


def _own(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys that hold no tables."""
    hints = get_type_hints(model, include_extras=True)
    return {name: field for name, field in model.model_fields.items() if _below(hints[name]) is None}


def _section(model: type[BaseModel], paths: list[str]) -> str:
    hints = get_type_hints(model, include_extras=True)
    rows = [_row(name, field, hints[name]) for name, field in _own(model).items() if name not in _WRITTEN_OTHERWISE]
    head = ["| key | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {', '.join(paths)}", "", inspect.cleandoc(model.__doc__ or ""), "", *head, *rows, ""])


def _row(name: str, field: FieldInfo, hint: Any) -> str:
    default = "required" if field.is_required() else _written(field.get_default(call_default_factory=True), _kind(hint))
    return f"| `{name}` | {_kind(hint)} | {default} | {field.description or ''} |"


def _written(value: object, kind: str) -> str:
    """A default as TOML has it."""
    if value is None or isinstance(value, SecretStr) or value in ({}, (), ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f'`"{_duration(value)}"`' if kind.startswith("duration") else f"`{value:g}`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def _duration(seconds: float) -> str:
    units = {"d": 86_400, "h": 3_600, "m": 60}
    return next((f"{seconds / size:g}{unit}" for unit, size in units.items() if seconds % size == 0), f"{seconds:g}s")


def _below(hint: Any) -> tuple[type[BaseModel], tuple[str, ...]] | None:
    """The model a key holds, if it holds tables, and what stands for the names between."""
    hint = _bare(hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint, ()
    if get_origin(hint) is dict and (below := _below(get_args(hint)[1])):
        return below[0], ("<name>", *below[1])
    if get_origin(hint) is tuple and (below := _below(get_args(hint)[0])):
        return below[0], ("<number>", *below[1])
    return None


def _bare(hint: Any) -> Any:
    """Without annotations and without `| None`."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [one for one in get_args(hint) if one is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else hint
    return hint


def _kind(hint: Any) -> str:
    """What a person may write there."""
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        return _annotated(kind, notes)
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_kind(one) for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Literal:
        return ", ".join(f'`"{one}"`' for one in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    if get_origin(hint) in (dict, Mapping):
        return f"table of {_kind(get_args(hint)[1])}"
    return _BY_TYPE.get(hint, "number")


def _annotated(kind: Any, notes: list[Any]) -> str:
    for note in notes:
        if isinstance(note, BeforeValidator | AfterValidator) and note.func in _BY_VALIDATOR:
            return _BY_VALIDATOR[note.func] + _bounds(notes)
    return _kind(kind) + _bounds(notes)


def _bounds(notes: list[Any]) -> str:
    plain = [one for note in notes for one in (note.metadata if isinstance(note, FieldInfo) else [note])]
    found = [text for note in plain if (text := _bound(note))]
    return f" {' and '.join(found)}" if found else ""


def _bound(note: Any) -> str:
    match note:
        case annotated_types.Ge(ge=least):
            return f"≥ {least}"
        case annotated_types.Gt(gt=below):
            return f"> {below}"
        case annotated_types.Le(le=most):
            return f"≤ {most}"
        case _:
            return ""


if __name__ == "__main__":
    sys.stdout.write(page())
