"""A page of the operations and of what they take and give, rendered from the description.

It works offline and loads nothing.
"""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from telecare.api.docs_forms import example, form
from telecare.api.openapi import PROBLEMS

router = APIRouter(include_in_schema=False)

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
code, pre { font-family: ui-monospace, monospace } h2 { margin-top: 2.5rem; border-bottom: 1px solid #c4cad0 }
h3 { margin: 1.75rem 0 .25rem } pre { background: #f3f5f7; padding: .5rem .75rem; overflow-x: auto; margin: .5rem 0 }
table { border-collapse: collapse; margin: .25rem 0; width: 100% } p { margin: .25rem 0 }
th, td { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0; font-weight: normal }
th { white-space: nowrap } tr + tr { border-top: 1px solid #e3e7ea } nav ul { columns: 2; padding-left: 1.25rem }
"""
_PROBLEM = form({"$ref": "#/components/schemas/Problem"})
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show every operation with what it takes and answers."""
    page = render(request.app.openapi())
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def render(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation.get("tags", ["other"])[0], []).append((method.upper(), path, operation))
    schemas = document["components"]["schemas"]
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    index = "".join(_index(tag, found) for tag, found in sorted(by_tag.items()))
    sections = "".join(
        f"<h2>{escape(tag)}</h2>" + "".join(_operation(*operation, schemas) for operation in found)
        for tag, found in sorted(by_tag.items())
    )
    forms = "".join(_schema(name, schema) for name, schema in sorted(schemas.items()))
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main><h1>{title}</h1>'
        f"<p>{_text(document['info'].get('description', ''))}</p>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>. What has a ? may be left out.</p>'
        f"<p>Operations under <code>/api/</code> may also answer with a {_PROBLEM}: {_problems()}.</p>"
        f"<nav><h2>Operations</h2>{index}</nav>{sections}<h2>Forms</h2>{forms}</main></body></html>"
    )


def _index(tag: str, found: list[tuple[str, str, dict[str, Any]]]) -> str:
    links = (f'<li><a href="#{_anchor(method, path)}">{method} {escape(path)}</a></li>' for method, path, _ in found)
    return f"<p>{escape(tag)}</p><ul>{''.join(links)}</ul>"


def _problems() -> str:
    return "; ".join(f"{status} {_text(answer['description'])}" for status, answer in PROBLEMS.items())


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    bodies = operation.get("requestBody", {}).get("content", {})
    rows = [
        (each["name"], f"{each['in']}, {form(each.get('schema', {}))}", each.get("required", False), each)
        for each in operation.get("parameters", [])
    ]
    rows += [("body", f"{kind}, {form(content.get('schema', {}))}", True, {}) for kind, content in bodies.items()]
    replies = "".join(
        f"<p>{status}: {_contents(answer)}</p>"
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    )
    return (
        f'<h3 id="{_anchor(method, path)}"><code>{method} {escape(path)}</code></h3>'
        f"<p>{_text(operation.get('description', ''))}</p>{_table(rows)}{replies}"
        f"<pre>{escape(_curl(method, path, operation, schemas))}</pre>"
    )


def _contents(answer: dict[str, Any]) -> str:
    forms = [form(content.get("schema", {})) for content in answer.get("content", {}).values()]
    return " or ".join(forms) or "no content"


def _curl(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return a command that is right but for its ids and texts."""
    words = ["curl -s"] if method == "GET" else [f"curl -s -X {method}"]
    if path.startswith("/api/"):
        words.append('-H "Authorization: Bearer $TOKEN"')
    bodies = operation.get("requestBody", {}).get("content", {})
    if "application/json" in bodies:
        sent = example(bodies["application/json"]["schema"], schemas)
        words += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(sent, ensure_ascii=False)}'"]
    elif "text/csv" in bodies:
        words += ["-H 'Content-Type: text/csv'", "--data-binary @homes.csv"]
    return " \\\n  ".join([*words, f'"$URL{path}"'])


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (field, form(described), field in required, described)
        for field, described in schema.get("properties", {}).items()
    ]
    whole = "" if rows else f"<p>{form(schema)}</p>"
    return (
        f'<h3 id="form-{escape(name)}"><code>{escape(name)}</code></h3>'
        f"<p>{_text(schema.get('description', ''))}</p>{whole}{_table(rows)}"
    )


def _table(rows: list[tuple[str, str, bool, dict[str, Any]]]) -> str:
    lines = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code>{"" if required else "?"}</th><td>{what}</td>'
        f"<td>{_text(described.get('description', ''))}</td></tr>"
        for name, what, required, described in rows
    )
    return f"<table>{lines}</table>" if lines else ""


def _anchor(method: str, path: str) -> str:
    return escape(re.sub(r"[^A-Za-z0-9]+", "-", f"{method}{path}").strip("-"))


def _text(words: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))
