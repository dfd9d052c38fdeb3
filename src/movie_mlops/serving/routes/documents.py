"""The page ``/docs``: the API's description for people, drawn here, so that it also works without the internet."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse

_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --accent: #0b6e6e; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 6rem; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; } code, pre { font: .875rem/1.5 ui-monospace, monospace; }
.method { display: inline-block; min-width: 3.5em; font-weight: 700; color: var(--accent); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; } summary { cursor: pointer; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
pre { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: .5rem 0; }
@media (prefers-color-scheme: dark) { :root { --accent: #5ec8c8; } }
"""
# The page's one style stands inline: the policy names its digest, and nothing else inline is allowed.
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def mount_documents(app: FastAPI) -> None:
    """Serve the page of the app's routes at ``/docs``; it is drawn once."""
    drawn: list[str] = []

    @app.get("/docs", include_in_schema=False)
    async def documents() -> HTMLResponse:
        if not drawn:
            drawn.append("".join(_page(app.openapi())))
        return HTMLResponse(drawn[0], headers={"content-security-policy": _POLICY})


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}: the API</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
    yield f"<p>{_text(document['info']['description'])}</p>"
    yield '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>'
    tag = None
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag.capitalize())}</h2>"
            yield from _operation(path, method, operation)
    yield "<h2>Documents</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{_text(schema.get("description", ""))}</p>'
        yield from _fields(schema)
        yield "</section>"
    yield "</body></html>"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<section><h3><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h3>'
    yield f"<p><b>{escape(operation['summary'])}</b> {_text(operation.get('description', ''))}</p>"
    rows = [
        (parameter["name"], parameter["in"], _kind(parameter["schema"]), parameter.get("description", ""))
        for parameter in operation.get("parameters", [])
    ]
    yield from _table(("parameter", "in", "type", "meaning"), rows)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        yield f"<p>Body: {_kind(body)}</p>"
    answers = [
        (status, "", _kind(answer.get("content", {}).get("application/json", {}).get("schema", {})), "")
        for status, answer in operation["responses"].items()
    ]
    yield f"<p>Answers: {', '.join(f'{status} {kind}'.strip() for status, _, kind, _ in answers)}</p></section>"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    rows = [
        (name, "required" if name in required else "", _kind(field), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    yield from _table(("field", "", "type", "meaning"), rows)
    for example in schema.get("examples", []):
        yield f"<pre>{escape(json.dumps(example, indent=2))}</pre>"


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    if rows:
        yield f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>"
        for name, place, kind, meaning in rows:
            cells = (f"<code>{escape(name)}</code>", place, kind, _text(meaning))
            yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        yield "</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    """Return a schema in a few words of HTML, with a link to the document that it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(option) for option in schema[several])
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return escape(", ".join(str(value) for value in schema["enum"]))
    bounds = [str(schema[bound]) for bound in ("minimum", "maximum") if bound in schema]
    span = f" {' to '.join(bounds)}" if bounds else ""
    default = f", {escape(json.dumps(schema['default']))} where left out" if schema.get("default") is not None else ""
    return f"{escape(schema.get('type', 'anything'))}{span}{default}" if schema else ""


def _text(text: str) -> str:
    """Return text as HTML; what stands between backquotes is code."""
    parts = escape(text.strip()).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
