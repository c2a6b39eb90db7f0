"""Build a JSON schema from the classes of Grafana's SDK: their keys, types and enums, and nothing else allowed."""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import types
import typing
from typing import Any

_KEY = re.compile(r'"([^"]+)"(?:: |\] = )self\.(\w+)')
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(root: type) -> dict[str, Any]:
    """The schema of a class and of all that it holds."""
    definitions: dict[str, Any] = {}
    return {**_type(root, definitions), "$defs": definitions}


def _name(kind: type) -> str:
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


def _type(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if one is type(None) else _type(one, definitions) for one in arguments]}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1], definitions)}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [one.value for one in kind]}
    if isinstance(kind, type) and "to_json" in vars(kind) and "from_json" in vars(kind):
        return _class(kind, definitions)
    return {}


def _class(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": f"#/$defs/{_name(kind)}"}
    if _name(kind) not in definitions:
        definitions[_name(kind)] = {}
        space = vars(importlib.import_module(kind.__module__))
        hints = typing.get_type_hints(kind, globalns=dict(space))
        keys = _KEY.findall(inspect.getsource(kind.to_json))  # type: ignore[attr-defined]
        definitions[_name(kind)] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: _type(hints[attribute], definitions) for key, attribute in keys if attribute in hints},
        }
    return reference
