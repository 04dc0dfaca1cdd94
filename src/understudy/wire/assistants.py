"""Assistants. Source: the Assistants API v2, operations createAssistant to deleteAssistant."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.tools import (
    AssistantsApiResponseFormatOption,
    AssistantTool,
    Metadata,
    ReasoningEffort,
    Temperature,
    ToolResources,
    ToolResourcesCreate,
    TopP,
)

Model = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(max_length=256)]
Description = Annotated[str, Meta(max_length=512)]
Instructions = Annotated[str, Meta(max_length=256_000)]
Tools = Annotated[list[AssistantTool], Meta(max_length=128)]


class AssistantObject(Struct, kw_only=True):
    id: str
    object: Literal["assistant"] = "assistant"
    created_at: int
    name: str | None
    description: str | None
    model: str
    instructions: str | None
    tools: list[AssistantTool]
    top_p: float | None
    temperature: float | None
    reasoning_effort: str | None
    tool_resources: ToolResources
    metadata: dict[str, str]
    response_format: AssistantsApiResponseFormatOption


class CreateAssistantRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    model: Model
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    reasoning_effort: ReasoningEffort | None = None
    tools: Tools | None = None
    tool_resources: ToolResourcesCreate | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: AssistantsApiResponseFormatOption | None = None


class ModifyAssistantRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is absent keeps its value."""

    model: Model | UnsetType = UNSET
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    name: Name | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    instructions: Instructions | UnsetType | None = UNSET
    tools: Tools | UnsetType | None = UNSET
    tool_resources: ToolResources | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    temperature: Temperature | UnsetType | None = UNSET
    top_p: TopP | UnsetType | None = UNSET
    response_format: AssistantsApiResponseFormatOption | UnsetType | None = UNSET


class DeleteAssistantResponse(Struct, kw_only=True):
    id: str
    object: Literal["assistant.deleted"] = "assistant.deleted"
    deleted: bool = True


class ListAssistantsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[AssistantObject]
    first_id: str | None
    last_id: str | None
    has_more: bool
