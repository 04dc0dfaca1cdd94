"""An operation of the HTTP API: method, path, request, response and handler, declared beside the handler.

A module of handlers has one `OperationGroup`, whose decorator adds a row for each handler; `api/routes.py` lists the
modules. Routes and the OpenAPI document are made from the rows. Knows no handler.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict, TypeVar, Unpack

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.access import Audience, Requirement, find_requirement
from understudy.wire.errors import ErrorResponse

Handler = Callable[[Request], Awaitable[Response]]
H = TypeVar("H", bound=Handler)
Method = Literal["GET", "POST", "DELETE"]
Base = Literal["/v1", "/"]
Schema = dict[str, Any]
Shape = type | tuple[type, ...] | Schema

# Generated clients have a class for each tag; this tag keeps our extensions out of the hosted API's classes.
EXTENSIONS: Final = "Extensions"
BYTES: Final[Schema] = {"type": "string", "format": "binary"}
LINES: Final[Schema] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. A shape that is not ours to define is a JSON schema instead of a Struct, and one that several
    dialects share is a tuple of Structs.

    `audience` are the keys that may call it. `path` is relative to `base`, in the router's syntax (`{model:path}`
    matches slashes). `request_optional`: an absent body stands for `{}`. `form`: the body is a multipart form.
    `or_form`: it may be this form as well. `streams`: the response may be server-sent events, and `stream_events` are
    the types of these where they are Structs. `binary`: the response is bytes of any kind. `lines`: the response may be
    lines of JSON.
    """

    id: str
    method: Method
    path: str
    handler: Handler
    summary: str
    response: Shape
    tag: str
    base: Base
    error: type
    authenticated: bool
    audience: Audience = "project"
    request: Shape | None = None
    request_optional: bool = False
    query: type | None = None
    form: bool = False
    or_form: type | None = None
    streams: bool = False
    stream_events: tuple[type, ...] = ()
    binary: bool = False
    lines: bool = False

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return re.sub(r":\w+}", "}", self.path)

    @property
    def requirement(self) -> Requirement:
        """What a key needs to call it."""
        return find_requirement(self.id, self.method, self.path, self.audience)

    @property
    def path_parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.template)

    def precedence(self) -> list[bool]:
        """Sorts `/responses/compact` before `/responses/{response_id}`, which matches it too."""
        return [segment.startswith("{") for segment in self.path.split("/")]


class _Details(TypedDict, total=False):
    """The optional members of an Operation, and those that override its group's."""

    request: Shape | None
    request_optional: bool
    query: type | None
    form: bool
    or_form: type | None
    streams: bool
    stream_events: tuple[type, ...]
    binary: bool
    lines: bool
    tag: str
    base: Base
    error: type
    authenticated: bool
    audience: Audience


class OperationGroup:
    """The operations of one module, in the order of their handlers, with what most of them share."""

    def __init__(
        self,
        tag: str,
        *,
        base: Base = "/v1",
        error: type = ErrorResponse,
        authenticated: bool = True,
        audience: Audience = "project",
    ) -> None:
        self._shared: _Details = {
            "tag": tag,
            "base": base,
            "error": error,
            "authenticated": authenticated,
            "audience": audience,
        }
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def add(
        self,
        operation_id: str,
        method: Method,
        path: str,
        *,
        summary: str,
        response: Shape,
        **details: Unpack[_Details],
    ) -> Callable[[H], H]:
        """Registers the decorated handler and returns it unchanged."""

        def add_handler(handler: H) -> H:
            members: _Details = {**self._shared, **details}
            operation = Operation(operation_id, method, path, handler, summary, response, **members)
            self._operations.append(operation)
            return handler

        return add_handler
