"""Write a decoded value as JSON that loses nothing.

Integers and fixed-point numbers become decimal strings, bytes and addresses lower-case 0x hex, arrays lists, structs
objects by field name (lists when no field has one), booleans and strings themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from indexer.events import AbiType, Array, EventSpec, Param, Scalar, distinct_names

Convert = Callable[[Any], Any]
Text = Callable[[str], str]


def converter(kind: AbiType, text: Text) -> Convert:
    """A function from a decoded value of this type to its JSON form; `text` escapes what its reader cannot hold."""
    if isinstance(kind, Scalar):
        return _scalar(kind, text)
    if isinstance(kind, Array):
        item = converter(kind.item, text)
        return lambda values: [item(value) for value in values]
    fields = [converter(field.type, text) for field in kind.fields]
    if not any(field.name for field in kind.fields):
        return lambda values: [field(value) for field, value in zip(fields, values, strict=True)]
    names = distinct_names([field.name for field in kind.fields])
    return lambda values: {name: field(value) for name, field, value in zip(names, fields, values, strict=True)}


def arguments(event: EventSpec, text: Text) -> Convert:
    """A function from an event's decoded values to `{label: value}`."""
    labels = event.labels()
    parts = [param_converter(param, text) for param in event.inputs]
    return lambda values: {label: part(value) for label, part, value in zip(labels, parts, values, strict=True)}


def param_converter(param: Param, text: Text) -> Convert:
    """As `converter`, for an input of an event: of an indexed string, bytes, array or struct only the hash is there."""
    return _hex if param.hashed else converter(param.type, text)


def _scalar(kind: Scalar, text: Text) -> Convert:
    match kind.kind:
        case "uint" | "int":
            return str
        case "fixed" | "ufixed":
            return lambda value: format(value, "f")
        case "bool":
            return bool
        case "string":
            return text
        case _:
            return _hex


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
