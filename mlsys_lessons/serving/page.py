"""The edge's documentation as one plain HTML page, made from its own OpenAPI document.

FastAPI's usual page fetches its script from a public server, and a course has to work on a train.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{background:#f3f3f3;padding:.1rem .3rem}pre{padding:.8rem;overflow:auto}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
)


def page(document: dict[str, Any]) -> str:
    """HTML that needs no network: every endpoint, what it takes, what it may answer.

    >>> "GET /healthz" in page({"info": {"title": "t"}, "paths": {"/healthz": {"get": {}}}})
    True
    """
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>",
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2>" + _operation(operation))
    head = f'<meta charset="utf-8"><title>{escape(info["title"])}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _operation(operation: dict[str, Any]) -> str:
    """One endpoint: its summary, its bodies and its responses."""
    parts = [f"<p>{escape(operation.get('summary', ''))}</p>"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        parts += [_body(form) for form in schema.get("anyOf", [schema])]
    responses = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>"
        for status, response in operation.get("responses", {}).items()
    )
    return "".join(parts) + f"<table>{responses}</table>"


def _body(schema: dict[str, Any]) -> str:
    """One form of a body: its fields, and an example where there is one."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(field.get('description') or '')}</td>"
        for name, field in schema["properties"].items()
    )
    example = schema.get("example")
    listing = f"<pre>{escape(json.dumps(example, indent=1))}</pre>" if example else ""
    return f"<h3>A body with</h3><table>{rows}</table>{listing}"
