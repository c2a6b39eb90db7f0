"""Serve the OpenAPI document, as JSON and as a page to read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import msgspec
from aiohttp import web

from aggregator.api.openapi import document
from aggregator.api.operation import Nothing, Operation, bind
from aggregator.api.problems import KINDS

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>usdx API</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/status.css">
<link rel="stylesheet" href="/assets/docs.css">
</head>
<body>
<a class="skip" href="#main">Skip to the operations</a>
<header class="top"><div class="wide bar">
<a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="24" height="24"> usdx</a>
<nav aria-label="Elsewhere"><a href="/">Status</a> <a href="/api/v1/openapi.json">OpenAPI</a></nav>
</div></header>
<main class="wide docs" id="main">
"""
FOOT = "</main>\n</body>\n</html>\n"


class Document:
    """The document of a set of operations; it never changes while the process lives."""

    def __init__(self, operations: Sequence[Operation], version: str, base: str, auth: str) -> None:
        self.value = document(operations, version, base, auth)
        self._json = msgspec.json.encode(self.value)
        self._page = page_of(self.value).encode()

    async def json(self, request: web.Request) -> web.Response:
        """GET /api/v1/openapi.json."""
        bind(Nothing, [*request.query.items()])
        return web.Response(body=self._json, content_type="application/json")

    async def page(self, request: web.Request) -> web.Response:
        """GET /api/v1/docs."""
        bind(Nothing, [*request.query.items()])
        return web.Response(body=self._page, content_type="text/html", charset="utf-8")


def page_of(document: Mapping[str, Any]) -> str:
    """The document as HTML without scripts."""
    info = document["info"]
    base = document["servers"][0]["url"]
    parts = [HEAD, f"<h1>API <small>{escape(info['version'])}</small></h1>\n<p>{escape(info['description'])}</p>\n"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            by_tag.setdefault(one["tags"][0], []).append(_operation(base, method.upper(), path, one))
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag in by_tag)
    parts.append(f'<nav aria-label="On this page"><ul class="toc">{links}</ul></nav>\n')
    for tag, operations in by_tag.items():
        parts.append(f'<section aria-labelledby="{escape(tag)}"><h2 id="{escape(tag)}">{escape(tag)}</h2>\n')
        parts += [*operations, "</section>\n"]
    return "".join([*parts, *_shapes(document), *_problems(), FOOT])


def _operation(base: str, method: str, path: str, one: Mapping[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in one["parameters"])
    table = ""
    if rows:
        head = "<tr><th>Parameter</th><th>In</th><th>What</th></tr>"
        table = f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    body = one.get("requestBody")
    asked = f"<p>Body: {_kind(body['content']['application/json']['schema'])}</p>" if body else ""
    content = next(iter(one["responses"]["200"]["content"].values()))["schema"]
    others = ", ".join(status for status in one["responses"] if status != "200")
    return (
        f'<details><summary><span class="method">{method}</span> <code>{escape(base + path)}</code>'
        f"<span>{escape(one['summary'])}</span></summary>"
        f"<p>{escape(one.get('description', ''))}</p>{table}{asked}"
        f"<p>Answer: {_kind(content)}. Also: {others}.</p></details>\n"
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    facts = [escape(parameter.get("description", ""))]
    if "enum" in schema:
        facts.append("one of " + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"]))
    elif "format" in schema:
        facts.append(f"a <code>{escape(schema['format'])}</code>")
    elif "type" in schema:
        facts.append(f"{escape(schema['type'])}{_range(schema)}")
    if "default" in schema:
        facts.append(f"default <code>{escape(str(schema['default']))}</code>")
    if schema.get("examples"):
        facts.append(f"such as <code>{escape(str(schema['examples'][0]))}</code>")
    must = " (required)" if parameter["required"] else ""
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code>{must}</td><td>{parameter['in']}</td>"
        f"<td>{'; '.join(fact for fact in facts if fact)}</td></tr>"
    )


def _range(schema: Mapping[str, Any]) -> str:
    if "minimum" in schema and schema.get("maximum", 2**53) < 2**53:
        return f" from {schema['minimum']} to {schema['maximum']}"
    return f" of at least {schema['minimum']}" if "minimum" in schema else ""


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{escape(name)}"><code>{escape(name)}</code></a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    return f"<code>{escape(str(schema.get('format', schema.get('type', 'anything'))))}</code>"


def _shapes(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<section aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>\n'
    for name, schema in document["components"]["schemas"].items():
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code></td><td>{_kind(kind)}</td><td>{escape(_described(kind))}</td></tr>"
            for field, kind in schema.get("properties", {}).items()
        )
        yield (
            f'<details id="shape-{escape(name)}"><summary><code>{escape(name)}</code>'
            f"<span>{escape(schema.get('description', ''))}</span></summary>"
            f'<div class="scroll"><table><tbody>{rows}</tbody></table></div></details>\n'
        )
    yield "</section>\n"


def _described(schema: Mapping[str, Any]) -> str:
    own = str(schema.get("description", ""))
    return own or next((one["description"] for one in schema.get("anyOf", ()) if "description" in one), "")


def _problems() -> Iterator[str]:
    yield '<section aria-labelledby="problems"><h2 id="problems">Problems</h2>\n'
    yield "<p>What is not answered comes as <code>application/problem+json</code>, RFC 9457.</p><ul>"
    for kind, (status, title) in KINDS.items():
        yield f'<li id="problem-{kind}"><code>{int(status)} {kind}</code>: {escape(title)}.</li>'
    yield "</ul></section>\n"
