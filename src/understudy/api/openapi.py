"""Builds the OpenAPI 3.1 document from the operations and the wire types.

`/openapi.json` serves it and clients are generated from it, so names and limits come from the Structs.
Knows no handler and no application.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from understudy import __version__
from understudy.api.member_texts import describe_members
from understudy.api.operations import Operation, Shape
from understudy.wire.errors import ErrorResponse, MessageErrorResponse
from understudy.wire.toolkit import ToolkitErrorResponse
from understudy.wire.tools import LARGEST_INTEGER

_REFERENCE = "#/components/schemas/{name}"
_SECURITY_SCHEME = "ApiKeyAuth"
_ERRORS = {"Error": ErrorResponse, "MessageError": MessageErrorResponse, "ToolkitError": ToolkitErrorResponse}
_JSON = "application/json"
_FORM = "multipart/form-data"


def encode_document(operations: Sequence[Operation]) -> bytes:
    """The document of this release, as JSON."""
    return msgspec.json.encode(build_document(operations, __version__))


def build_document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Understudy",
            "version": version,
            "description": "A self-hosted server for programs written against the Assistants API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/v1"}],
        "security": [{_SECURITY_SCHEME: []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in operations)],
        "paths": _build_paths(operations),
        "components": {
            "schemas": _build_schemas(operations),
            "responses": {name: _error_schema(kind) for name, kind in _ERRORS.items()},
            "securitySchemes": {_SECURITY_SCHEME: {"type": "http", "scheme": "bearer"}},
        },
    }


def _build_paths(operations: Sequence[Operation]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        item = paths.setdefault(operation.template, {})
        item[operation.method.lower()] = _build_operation(operation)
        if operation.base != "/v1":
            item["servers"] = [{"url": operation.base}]
    return paths


def _build_operation(operation: Operation) -> dict[str, Any]:
    document: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "deprecated": False,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {"200": _success_response(operation), "default": _error_response(operation)},
    }
    if operation.request is not None:
        document["requestBody"] = {
            "required": not operation.request_optional,
            "content": _request_body(operation.request, operation),
        }
    if not operation.authenticated:
        document["security"] = []
    return document


def _request_body(kind: Shape, operation: Operation) -> dict[str, Any]:
    content = {_FORM if operation.form else _JSON: {"schema": _schema(kind)}}
    if operation.or_form is not None:
        content[_FORM] = {"schema": _schema(operation.or_form)}
    return content


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.path_parameters
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    _, components = msgspec.json.schema_components([operation.query])
    described = components[operation.query.__name__]
    required = described.get("required", ())
    members = described["properties"].items()
    return [_query_parameter(name, _refine_schema(schema), required=name in required) for name, schema in members]


def _query_parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    description = schema.pop("description")
    if "anyOf" in schema:  # a query has no null
        schema = schema["anyOf"][0]
    parameter = {"name": name, "in": "query", "required": required, "description": description, "schema": schema}
    if schema["type"] == "array":
        parameter["name"] = f"{name}[]"
    if schema["type"] == "object":
        parameter |= {"style": "deepObject", "explode": True}
    return parameter


def _success_response(operation: Operation) -> dict[str, Any]:
    media_type = "*/*" if operation.binary else _JSON
    content: dict[str, Any] = {media_type: {"schema": _schema(operation.response)}}
    if operation.lines:
        content["application/x-jsonl"] = {"schema": {"type": "string"}}
    if operation.streams:
        content["text/event-stream"] = {"schema": _schema(operation.stream_events or {"type": "string"})}
    return {"description": "OK", "content": content}


def _error_response(operation: Operation) -> dict[str, Any]:
    (name,) = (name for name, kind in _ERRORS.items() if kind is operation.error)
    return {"$ref": f"#/components/responses/{name}"}


def _error_schema(kind: type) -> dict[str, Any]:
    return {
        "description": "Why the request was refused or failed.",
        "content": {_JSON: {"schema": _schema(kind)}},
    }


def _schema(kind: Shape) -> dict[str, Any]:
    if isinstance(kind, tuple):
        return {"anyOf": [_schema(one) for one in kind]}
    return kind if isinstance(kind, dict) else {"$ref": _REFERENCE.format(name=kind.__name__)}


def _build_schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    requests = _collect_structs(kind for operation in operations for kind in (operation.request, operation.or_form))
    responses = _collect_structs(shape for one in operations for shape in (one.response, one.stream_events))
    _, components = msgspec.json.schema_components([*requests, *responses, *_ERRORS.values()], ref_template=_REFERENCE)
    _, sent = msgspec.json.schema_components([*responses, *_ERRORS.values()], ref_template=_REFERENCE)
    refined = {name: describe_members(_refine_schema(schema)) for name, schema in components.items()}
    return {name: _require_sent_members(schema) if name in sent else schema for name, schema in refined.items()}


def _collect_structs(kinds: Iterable[Shape | None]) -> list[type]:
    several = [kind if isinstance(kind, tuple) else (kind,) for kind in kinds]
    return [kind for group in several for kind in group if isinstance(kind, type)]


def _require_sent_members(schema: dict[str, Any]) -> dict[str, Any]:
    """Requires every member of a response object, except those that may be unset."""
    if "additionalProperties" in schema or "properties" not in schema:
        return schema
    required = [name for name, member in schema["properties"].items() if "default" in member]
    members = {
        name: {key: value for key, value in member.items() if key != "default"}
        for name, member in schema["properties"].items()
    }
    return schema | {"properties": members, "required": [*schema["required"], *required]}


def _refine_schema(schema: Any) -> Any:
    """Adapts the schema to client generators: adds the type of enums, removes the internal integer limit."""
    if isinstance(schema, list):
        return [_refine_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    refined = {key: _refine_schema(value) for key, value in schema.items()}
    if "enum" in refined:
        refined.setdefault("type", "string")
    if refined.get("maximum") == LARGEST_INTEGER:
        del refined["maximum"]
    return refined
