"""What one row of the table of operations says. Knows no row."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. A body or an answer of a shape that is not ours to define is a JSON schema instead of a Struct.

    `body_optional`: an absent body stands for `{}`. `form`: the body is a multipart form. `or_form`: it may be this
    form as well. `streams`: the answer may be server-sent events. `binary`: the answer is bytes of any kind.
    """

    id: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    response: type | Schema
    body: type | Schema | None = None
    body_optional: bool = False
    query: type | None = None
    form: bool = False
    or_form: type | None = None
    streams: bool = False
    binary: bool = False
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
