"""Stored prompts: an extension, because the hosted API has only the reference to a prompt in a request.

The content of a version has members of a request for a response, and messages. A text contains variables as
`{{name}}`. Source of the reference and of its echo: recorded traffic of responses with a prompt.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from understudy.wire.assistants import Model, Name
from understudy.wire.input_items import InputFile, InputImage, InputText
from understudy.wire.parsing import check_object
from understudy.wire.response_tool_choices import ToolChoice
from understudy.wire.response_tools import ResponseTool
from understudy.wire.responses import Included, Reasoning, ResponseText
from understudy.wire.tools import LARGEST_INTEGER, Metadata, Temperature, TopP

VARIABLE: Final = re.compile(r"{{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*}}")
"""A variable in a text."""

VERSION_PATTERN: Final = "^[1-9][0-9]{0,8}$"

VersionNumber = Annotated[str, Meta(pattern=VERSION_PATTERN, description="The number of the version.")]
Text = Annotated[str, Meta(max_length=256_000)]


class PromptMessage(Struct, kw_only=True, forbid_unknown_fields=True):
    role: Annotated[Literal["developer", "system", "user", "assistant"], Meta(description="Who says it.")]
    content: Annotated[Text, Meta(description="The text, with variables like `{{name}}`.")]


class PromptContent(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a version of a prompt has; a request's own members take its place."""

    model: Model | None = None
    instructions: Annotated[Text, Meta(description="A developer message before the others.")] | None = None
    messages: Annotated[list[PromptMessage], Meta(max_length=100, description="Messages before the input.")] | None = (
        None
    )
    tools: Annotated[list[ResponseTool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: ResponseText | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_output_tokens: Annotated[int, Meta(ge=16, le=LARGEST_INTEGER)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    include: Annotated[list[Included], Meta(max_length=64)] | None = None

    def texts(self) -> Iterator[str]:
        """All texts in which variables may stand."""
        yield self.instructions or ""
        for message in self.messages or ():
            yield message.content


class CreatePromptRequest(PromptContent, kw_only=True, forbid_unknown_fields=True):
    name: Name | None = None
    metadata: Metadata | None = None
    assistant_id: Annotated[str, Meta(description="An assistant whose settings the prompt gets.")] | None = None


class CreatePromptVersionRequest(PromptContent, kw_only=True, forbid_unknown_fields=True):
    make_default: Annotated[bool, Meta(description="Whether requests without a version get this one.")] = True


class ModifyPromptRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Absent members stay unchanged."""

    name: Name | None = None
    metadata: Metadata | None = None
    default_version: VersionNumber | None = None


class PromptVersionObject(Struct, kw_only=True):
    """`content` has the members that were set."""

    object: Literal["prompt.version"] = "prompt.version"
    prompt_id: str
    version: str
    created_at: int
    variables: Annotated[list[str], Meta(description="The names of the variables in its texts.")]
    content: dict[str, Any]


class PromptObject(Struct, kw_only=True):
    id: str
    object: Literal["prompt"] = "prompt"
    created_at: int
    name: str | None
    default_version: Annotated[str, Meta(description="The version of requests that name none.")]
    latest_version: Annotated[str, Meta(description="The newest version.")]
    metadata: dict[str, str]


class ListPromptsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[PromptObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListPromptVersionsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[PromptVersionObject]
    first_id: Annotated[str | None, Meta(description="The first version of the page.")]
    last_id: Annotated[str | None, Meta(description="The last version of the page.")]
    has_more: bool


class ListPromptVersionsQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many versions a page holds at most.")] = 20
    after: Annotated[VersionNumber | None, Meta(description="The version before the page; the newest is first.")] = None


class DeletePromptResponse(Struct, kw_only=True):
    id: str
    object: Literal["prompt.deleted"] = "prompt.deleted"
    deleted: bool = True


class _VariableValues(Struct):
    variables: dict[str, str | InputText | InputImage | InputFile]


class _PromptOfRequest(Struct):
    prompt: _VariableValues


def check_values(variables: Mapping[str, Any]) -> None:
    """Raises InvalidBody for a value that is neither a text nor a complete part."""
    if any(isinstance(value, dict) for value in variables.values()):
        check_object({"prompt": {"variables": dict(variables)}}, _PromptOfRequest)


def find_variables(content: PromptContent) -> list[str]:
    """The names of the variables, in the order in which they first stand."""
    return list(dict.fromkeys(name for text in content.texts() for name in VARIABLE.findall(text)))
