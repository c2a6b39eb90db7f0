"""Write the OpenAPI 3.1 document of a set of operations."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from aggregator.api.operation import Operation
from aggregator.api.problems import KINDS, MEDIA_TYPE, Problem
from aggregator.stream.messages import TOPICS, Gap, Missed, NewAlert, NewEvent, Reorg, StreamMessage

SAID = (StreamMessage, Missed, NewEvent, Gap, NewAlert, Reorg)
REF = "#/components/schemas/{name}"
ALWAYS = ("bad-request", "too-many-requests", "unavailable", "too-expensive", "internal", "unauthorized")
WITH_BODY = ("too-large", "slow-body")


def document(operations: Sequence[Operation], version: str, base: str, auth: str) -> dict[str, Any]:
    """Describe every operation and every answer it can give. `auth` is none, bearer or basic."""
    shapes = [Problem, *SAID, *(one.answer for one in operations), *(one.body for one in operations if one.body)]
    _, components = msgspec.json.schema_components(shapes, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, auth)
    paths["/stream"] = {"get": _stream(auth)}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "usdx",
            "version": version,
            "description": "What the indexed contracts, the oracle and Alertmanager said. Amounts are decimal numbers "
            "as strings. Every answer is read from one snapshot and says after which blocks it is true. "
            "GET answers carry a weak ETag over their data.",
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }
    if auth != "none":
        found["components"]["securitySchemes"] = {"credentials": {"type": "http", "scheme": auth}}
        found["security"] = [{"credentials": []}]
    return found


def _described(one: Operation, auth: str) -> dict[str, Any]:
    kinds = [kind for kind in ALWAYS if kind != "unauthorized" or auth != "none"]
    kinds += [*one.problems, *(WITH_BODY if one.body else ())]
    answers = {"200": {"description": "The answer.", "content": _content(one), **_headers(one)}}
    if one.method == "GET":
        answers["304"] = {"description": "Unchanged since the ETag in If-None-Match."}
    answers |= _problems(kinds)
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": [_parameter(one, field) for field in one.parameters],
        "responses": answers,
    }
    if one.description:
        found["description"] = one.description
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(one.body)}}}
    return found


def _stream(auth: str) -> dict[str, Any]:
    names = f"({'|'.join(TOPICS)})"
    topics = {
        "name": "topics",
        "in": "query",
        "required": False,
        "description": "Which topics, with commas between; all but status and trends when left out.",
        "schema": {"type": "string", "pattern": f"^{names}(,{names})*$", "examples": ["event,price"]},
    }
    since = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "The last id that was seen. What came since is sent first; `missed` says when not all is known.",
        "schema": {"type": "string", "examples": ["0123abcd-17"]},
    }
    kinds = [kind for kind in ALWAYS if kind != "unauthorized" or auth != "none"]
    stream = {
        "description": "A stream without an end.",
        "content": {"text/event-stream": {"schema": {"$ref": REF.format(name="StreamMessage")}}},
    }
    return {
        "operationId": "get_stream",
        "summary": "What happens, as it happens: server-sent events.",
        "description": "`event`, `price` and `alert` are single things that were just stored; `gap` says that more "
        "events came than are sent one by one, `reorg` that blocks above `ancestor` were replaced; `status` and "
        "`trends` are what the status page shows. `missed`, whatever was asked for, names in `topics` of what more "
        "happened than is told: read it by the other paths. Who reads too slowly is cut off and may come back.",
        "tags": ["stream"],
        "parameters": [topics, since],
        "responses": {"200": stream, **_problems(kinds)},
    }


def _content(one: Operation) -> dict[str, Any]:
    return {"application/json": {"schema": _schema(one.answer)}}


def _headers(one: Operation) -> dict[str, Any]:
    if one.method != "GET":
        return {}
    return {"headers": {"ETag": {"description": "Changes with the data.", "schema": {"type": "string"}}}}


def _problems(kinds: Iterable[str]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(int(KINDS[kind][0]), []).append(kind)
    schema = {"schema": {"$ref": REF.format(name="Problem")}}
    return {
        str(status): {
            "description": "; or: ".join(KINDS[kind][1] for kind in by_status[status]) + ".",
            "content": {MEDIA_TYPE: schema},
            **_retry(status),
        }
        for status in sorted(by_status)
    }


def _retry(status: int) -> Mapping[str, Any]:
    if status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return {}
    return {"headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}}


def _parameter(one: Operation, field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    schema = _without_null(_schema(field.type))
    if field.default is not msgspec.NODEFAULT and field.default is not None:
        schema["default"] = field.default
    found: dict[str, Any] = {
        "name": field.encode_name,
        "in": "path" if field.encode_name in one.places else "query",
        "required": field.required,
        "schema": schema,
    }
    if description := schema.pop("description", None):
        found["description"] = description
    return found


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return dict(schema)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that can be left out is written as one that may be null; in text there is no null."""
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
        return {**{k: v for k, v in schema.items() if k != "anyOf"}, **dict(choices[0])}
    if isinstance(schema.get("enum"), list):
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema
