"""Checked arguments into the request that they stand for. Sends nothing."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from understudy_toolkit.catalog.tool import Place, Tool
from understudy_toolkit.catalog.validation import InvalidArguments, validate_arguments


@dataclass(frozen=True, slots=True)
class Call:
    """`target` is the path with its query, escaped. `body` is JSON, or None where none is sent."""

    method: str
    path: str
    query: str
    body: bytes | None

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def build_call(tool: Tool, arguments: Any) -> Call:
    """Raises InvalidArguments."""
    try:
        return _build_request(tool, validate_arguments(tool, arguments))
    except InvalidArguments:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArguments([f"The arguments cannot be sent as JSON: {error}."]) from None


def _build_request(tool: Tool, arguments: dict[str, Any]) -> Call:
    placed: dict[Place, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
    for name, value in arguments.items():
        sent = tool.by_name[name].sent
        placed[tool.place(name)][name] = value if sent is None else sent(value)
    path = tool.path.format_map({name: quote(value, safe="") for name, value in placed["path"].items()})
    return Call(tool.method, path, urlencode(_query_pairs(placed["query"])), _body(tool, placed["body"]))


def _query_pairs(query: dict[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if isinstance(value, list):
            pairs += [(f"{name}[]", str(item)) for item in value]
        else:
            pairs.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return pairs


def _body(tool: Tool, members: dict[str, Any]) -> bytes | None:
    """An object, possibly empty, for operations with a body; None for the others."""
    if any(tool.place(parameter.name) == "body" for parameter in tool.parameters):
        return json.dumps(members, ensure_ascii=False, allow_nan=False).encode()
    return None
