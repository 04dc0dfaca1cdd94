"""What one row of the table of operations says. Knows no row."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from understudy.wire.errors import ErrorResponse

Schema = dict[str, Any]
Shape = type | tuple[type, ...] | Schema


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. A body or an answer of a shape that is not ours to define is a JSON schema instead of a Struct, and one
    that several dialects share is a tuple of Structs.

    `body_optional`: an absent body stands for `{}`. `form`: the body is a multipart form. `or_form`: it may be this
    form as well. `streams`: the answer may be server-sent events. `binary`: the answer is bytes of any kind. `lines`:
    the answer may be lines of JSON.
    """

    id: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    response: Shape
    body: Shape | None = None
    body_optional: bool = False
    query: type | None = None
    form: bool = False
    or_form: type | None = None
    streams: bool = False
    binary: bool = False
    lines: bool = False
    error: type = ErrorResponse
    tag: str = "Assistants"
    base: Literal["/v1", "/"] = "/v1"
    authenticated: bool = True

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return re.sub(r":\w+}", "}", self.path)

    @property
    def path_parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.template)


# Generated clients have a class for each tag, and the one of the hosted API's operations has no others.
EXTENSIONS = "Extensions"
