"""The edge's documentation as one plain page, made from its own OpenAPI document.

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
    """HTML that needs no network: every address, what it takes, what it may answer.

    >>> "GET /healthz" in page({"info": {"title": "t"}, "paths": {"/healthz": {"get": {}}}})
    True
    """
    about = document["info"]
    parts = [
        f"<h1>{escape(about['title'])}</h1><p>{escape(about.get('description', ''))}</p>",
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2>" + _operation(told))
    head = f'<meta charset="utf-8"><title>{escape(about["title"])}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _operation(told: dict[str, Any]) -> str:
    """One address: its summary, body and answers."""
    parts = [f"<p>{escape(told.get('summary', ''))}</p>"]
    for content in told.get("requestBody", {}).get("content", {}).values():
        parts += [_body(each) for each in content["schema"]["anyOf"]]
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in told.get("responses", {}).items()
    )
    return "".join(parts) + f"<table>{answers}</table>"


def _body(schema: dict[str, Any]) -> str:
    """One form of a body: its fields, and an example where there is one."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(told.get('description') or '')}</td>"
        for name, told in schema["properties"].items()
    )
    example = schema.get("example")
    shown = f"<pre>{escape(json.dumps(example, indent=1))}</pre>" if example else ""
    return f"<h3>A body with</h3><table>{rows}</table>{shown}"
