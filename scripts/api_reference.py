"""The API's reference of the documentation site: a Markdown page for each object, made of the OpenAPI document."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy import __version__
from understudy.api.member_texts import MEMBER_TEXTS
from understudy.api.openapi import build_document
from understudy.api.routes import OPERATIONS

FOLDER = "reference/api"
EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "reference" / "examples.json"
_TITLES = {
    "steps": "Run steps",
    "chat": "Chat completions",
    "stored_chat": "Stored chat completions",
    "completions": "Text completions",
    "file_batches": "Vector store file batches",
    "luma_videos": "Videos of Luma's API",
    "anthropic_messages": "Messages of Anthropic's API",
    "message_batches": "Message batches of Anthropic's API",
    "project_events": "Events of a project",
    "toolkit": "Tools for agents",
}
_INTRO = """\
# API reference

Every operation of this server, by object. The base URL is that of the server with `/v1`, such as
`http://127.0.0.1:8642/v1`; each request needs a key as `Authorization: Bearer …`. Paths outside of `/v1` are marked. In
the examples, `$BASE_URL` is the base URL, `$BASE` the same without `/v1`, and `$KEY` a key; the responses are recorded,
with long lists and texts cut.

The same as a document for tools: `GET /openapi.json` of a server. [Extensions and decisions](../decisions.md) explains
what the objects cannot show, [Errors](../errors.md) has the codes.

| object | operations |
| --- | --- |
"""


@dataclass(slots=True)
class Reference:
    """`examples` and `pages` are by operation and object; `homes` is the page of each schema, where its table is."""

    document: dict[str, Any]
    examples: dict[str, Any]
    pages: dict[str, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)


def build_pages() -> dict[str, tuple[str, str]]:
    """Title and Markdown of each page, by its path below `docs`; the first one is the index."""
    reference = Reference(build_document(OPERATIONS, __version__), json.loads(EXAMPLES.read_text("utf-8")))
    for operation in OPERATIONS:
        page = operation.handler.__module__.rpartition(".")[2]
        path = f"{operation.base.rstrip('/')}{operation.template}" if operation.base == "/" else operation.template
        reference.pages.setdefault(page, []).append(
            (operation.method, path, reference.document["paths"][path][operation.method.lower()])
        )
    schemas = reference.document["components"]["schemas"]
    for page, operations in reference.pages.items():
        for name in _referenced([operation for _, _, operation in operations], schemas):
            reference.homes.setdefault(name, page)
    pages = {f"{FOLDER}/index.md": ("Overview", _INTRO + "".join(_index_rows(reference)))}
    for page, operations in reference.pages.items():
        sections = [_operation(reference, page, *operation) for operation in operations]
        own = [name for name, home in reference.homes.items() if home == page]
        types = "".join(_schema(reference, page, name) for name in own)
        text = f"# {_title(page)}\n\n{''.join(sections)}" + (f"## Types\n\n{types}" if types else "")
        pages[f"{FOLDER}/{page}.md"] = (_title(page), text)
    return pages


def _title(page: str) -> str:
    return _TITLES.get(page, page.replace("_", " ").capitalize())


def _index_rows(reference: Reference) -> Iterator[str]:
    for page, operations in reference.pages.items():
        links = ", ".join(
            f"[{_short(operation['summary'])}]({page}.md#{_anchor(operation)})" for _, _, operation in operations
        )
        yield f"| [{_title(page)}]({page}.md) | {links} |\n"


def _short(summary: str) -> str:
    return re.split(r"[,:;]|\. ", summary.rstrip("."), maxsplit=1)[0]


def _anchor(operation: dict[str, Any]) -> str:
    return str(operation["operationId"])


def _operation(reference: Reference, page: str, method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        f"| `{parameter['name']}` | {parameter['in']} | {_type(reference, page, parameter.get('schema', {}))} |"
        f" {_cell(parameter.get('description', ''))} |"
        for parameter in operation.get("parameters", ())
    ]
    parameters = ["| parameter | in | type | meaning |", "| --- | --- | --- | --- |", *rows, ""] if rows else []
    body = _content(reference, page, "Body", operation.get("requestBody", {}))
    response = _content(reference, page, "Response", operation["responses"].get("200", {}))
    return "\n".join(
        [
            f"## {_short(operation['summary'])} {{ #{_anchor(operation)} }}",
            "",
            f'<span class="method {method.lower()}">{method}</span> `{path}`{_note(path)}',
            "",
            *(
                [f"{operation['summary']}", ""]
                if operation["summary"].rstrip(".") != _short(operation["summary"])
                else []
            ),
            *parameters,
            *body,
            *response,
            *_example(reference.examples.get(operation["operationId"])),
            "",
        ]
    )


def _example(example: dict[str, Any] | None) -> list[str]:
    """The request as a command, and the response."""
    if example is None:
        return []
    base = "$BASE" if _note(example["path"]) else "$BASE_URL"
    command = [f'curl -s "{base}{example["path"]}"', '-H "Authorization: Bearer $KEY"']
    if example["method"] == "DELETE":
        command.append("-X DELETE")
    elif example["method"] == "POST" and example["body"] is None and "form" not in example:
        command.append("-X POST")
    if example["body"] is not None:
        text = json.dumps(example["body"], indent=2, ensure_ascii=False).replace("'", "'\\''")
        command += ['-H "Content-Type: application/json"', f"-d '{text}'"]
    command += [f"-F '{name}={value}'" for name, value in example.get("form", {}).items()]
    response = example["response"]
    kind, text = (
        ("text", response)
        if isinstance(response, str)
        else ("json", json.dumps(response, indent=2, ensure_ascii=False))
    )
    return ["", "**Example**", "", "```sh", " \\\n  ".join(command), "```", "", f"```{kind}", text.rstrip(), "```", ""]


def _note(path: str) -> str:
    return " (outside of `/v1`)" if path.startswith(("/api/", "/health", "/v2/")) else ""


def _content(reference: Reference, page: str, title: str, holder: dict[str, Any]) -> list[str]:
    kinds = [
        f"{_type(reference, page, media.get('schema', {}))} as `{name}`"
        for name, media in holder.get("content", {}).items()
    ]
    return [f"**{title}**: {', or '.join(kinds)}", ""] if kinds else []


def _schema(reference: Reference, page: str, name: str) -> str:
    schema = reference.document["components"]["schemas"][name]
    about = f"{inspect.cleandoc(schema['description'])}\n\n" if "description" in schema else ""
    required = schema.get("required", ())
    rows = [
        f"| `{member}`{' *' if member in required else ''} | {_type(reference, page, value)}{_bounds(value)} |"
        f" {_cell(value.get('description', MEMBER_TEXTS.get(member, '')))} |"
        for member, value in schema.get("properties", {}).items()
    ]
    table = "\n".join(["| member | type | meaning |", "| --- | --- | --- |", *rows]) if rows else ""
    return f"### {name} {{ #{name} }}\n\n{about}{table or _type(reference, page, schema)}\n\n"


def _type(reference: Reference, page: str, schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        home = reference.homes[name]
        return f"[{name}]({'' if home == page else f'{home}.md'}#{name})"
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(_type(reference, page, option) for option in schema[union]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(reference, page, schema.get('items', {}))}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _bounds(schema: dict[str, Any]) -> str:
    """The limits of a value, also of one that may be null."""
    limits = schema | next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    names = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "maxLength": "at most {} characters",
        "maxItems": "at most {} items",
    }
    found = [text.format(f"{limits[name]:,}") for name, text in names.items() if name in limits]
    return f", {' '.join(found)}" if found else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _referenced(value: Any, schemas: dict[str, Any]) -> list[str]:
    """The names of all schemas that `value` needs, in the order in which a reader meets them."""
    found: dict[str, None] = {}
    queue = [value]
    while queue:
        current = queue.pop(0)
        if isinstance(current, dict):
            name = current.get("$ref", "").rpartition("/")[2] if isinstance(current.get("$ref"), str) else ""
            if name in schemas and name not in found:
                found[name] = None
                queue.append(schemas[name])
            queue += [member for key, member in current.items() if key != "mapping"]
        elif isinstance(current, list):
            queue += current
    return list(found)
