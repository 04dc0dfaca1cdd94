"""The page at /docs/reference/api/ where no site is built: the OpenAPI document as one HTML file without scripts.

All of its content comes from the document.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any, Final

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --get: #1f7a4d; --post: #1d5fa8; --delete: #b3372f }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem } code { font: 0.9em ui-monospace, monospace }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.4rem 0.8rem }
summary { cursor: pointer; display: flex; gap: 0.8rem; align-items: baseline; flex-wrap: wrap }
summary b { color: #fff; border-radius: 4px; padding: 0 0.5rem }
summary b { font-size: 0.75rem; min-width: 3.2rem; text-align: center }
.get b { background: var(--get) } .post b { background: var(--post) } .delete b { background: var(--delete) }
summary span { margin-left: auto; opacity: 0.75; font-size: 0.9rem }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-size: 0.9rem }
td, th { text-align: left; padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top }
"""

_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
"""Allows only the page's own style: no scripts, no frames."""


def render_page(api: dict[str, Any]) -> str:
    """The page for `api`, a document of `openapi.build_document`."""
    sections = [_render_section(tag["name"], api) for tag in api["tags"]]
    schemas = "".join(_render_schema(name, schema) for name, schema in sorted(api["components"]["schemas"].items()))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(api["info"]["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(api['info']['title'])}</h1><p>{escape(api['info'].get('description', ''))}</p>"
        '<p>The same as a document for tools: <a href="/openapi.json">openapi.json</a></p>'
        f"{''.join(sections)}<h2>Schemas</h2>{schemas}</html>"
    )


def _render_section(tag: str, api: dict[str, Any]) -> str:
    rows = [
        _render_operation(method, path, operation)
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and tag in operation.get("tags", ())
    ]
    return f"<h2>{escape(tag)}</h2>{''.join(rows)}"


def _render_operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{_type(parameter.get('schema', {}))}</td></tr>"
        for parameter in operation.get("parameters", ())
    )
    parameters = f"<table><tr><th>Parameter</th><th>In</th><th>Type</th></tr>{rows}</table>" if rows else ""
    body = _render_content("Body", operation.get("requestBody", {}))
    response = _render_content("Response", operation["responses"].get("200", {}))
    return (
        f'<details class="{escape(method)}"><summary><b>{escape(method.upper())}</b><code>{escape(path)}</code>'
        f"<span>{escape(operation.get('summary', ''))}</span></summary>"
        f"<p>Operation <code>{escape(operation['operationId'])}</code></p>{parameters}{body}{response}</details>"
    )


def _render_content(title: str, holder: dict[str, Any]) -> str:
    kinds = [
        f"{_type(media.get('schema', {}))} as <code>{escape(name)}</code>"
        for name, media in holder.get("content", {}).items()
    ]
    return f"<p>{title}: {', or '.join(kinds)}</p>" if kinds else ""


def _render_schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}</td><td>{_type(about)}</td></tr>"
        for field, about in schema.get("properties", {}).items()
    )
    table = f"<table><tr><th>Member</th><th>Type</th></tr>{rows}</table>" if rows else _type(schema)
    about = escape(schema.get("description", ""))
    return f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary><p>{about}</p>{table}</details>'


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(_type(option) for option in schema[union])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return escape(kind if isinstance(kind, str) else " or ".join(kind))
