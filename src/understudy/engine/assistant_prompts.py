"""The settings of an assistant as the content of a stored prompt. Pure."""

from typing import Any

import msgspec

from understudy.wire.assistants import AssistantObject
from understudy.wire.prompts import PromptContent
from understudy.wire.tools import (
    AssistantTool,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    AssistantToolsMcp,
    ResponseFormatJsonObject,
    ResponseFormatJsonSchema,
    ToolResources,
)


def content_of_assistant(assistant: AssistantObject) -> PromptContent:
    """A file search without a vector store is left out, and so are the headers of remote servers, which are secrets."""
    tools = [made for tool in assistant.tools if (made := _to_tool(tool, assistant.tool_resources)) is not None]
    members: dict[str, Any] = {
        "model": assistant.model,
        "instructions": assistant.instructions,
        "tools": tools or None,
        "text": _to_text(assistant),
        "reasoning": {"effort": assistant.reasoning_effort} if assistant.reasoning_effort else None,
        "temperature": assistant.temperature,
        "top_p": assistant.top_p,
    }
    return msgspec.convert(members, PromptContent)


def _to_tool(tool: AssistantTool, resources: ToolResources) -> dict[str, Any] | None:
    match tool:
        case AssistantToolsFunction(function=function):
            return {"type": "function", **msgspec.to_builtins(function)}
        case AssistantToolsFileSearch():
            return _to_file_search(tool, resources.vector_store_ids())
        case AssistantToolsMcp():
            members = msgspec.to_builtins(tool)
            return {name: value for name, value in members.items() if name != "headers"}
        case _:
            found = resources.code_interpreter
            file_ids = found.file_ids if found is not msgspec.UNSET else []
            return {"type": "code_interpreter", "container": {"type": "auto", "file_ids": file_ids}}


def _to_file_search(tool: AssistantToolsFileSearch, store_ids: list[str]) -> dict[str, Any] | None:
    if not store_ids:
        return None
    made: dict[str, Any] = {"type": "file_search", "vector_store_ids": store_ids}
    options = tool.file_search
    if options is not None and options.max_num_results is not msgspec.UNSET:
        made["max_num_results"] = options.max_num_results
    if options is not None and options.ranking_options is not None:
        ranking = msgspec.to_builtins(options.ranking_options)
        named = "/" in ranking["ranker"]
        made["ranking_options"] = {
            "ranker": ranking["ranker"] if named else "auto",
            "score_threshold": ranking["score_threshold"],
        }
    return made


def _to_text(assistant: AssistantObject) -> dict[str, Any] | None:
    match assistant.response_format:
        case ResponseFormatJsonObject():
            return {"format": {"type": "json_object"}}
        case ResponseFormatJsonSchema(json_schema=schema):
            return {"format": {"type": "json_schema", **msgspec.to_builtins(schema)}}
        case _:
            return None
