"""The tool resources of objects: the defaults of their tools, and what a request changes."""

from msgspec import UNSET

from understudy.wire.tools import (
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    CodeInterpreterResources,
    FileSearchResources,
    ToolResources,
)


def fill_defaults(resources: ToolResources, tools: list[AssistantTool]) -> ToolResources:
    """Adds the empty lists of the assistant's tools, which its object always has."""
    kinds = {type(tool) for tool in tools}
    code, search = resources.code_interpreter, resources.file_search
    if code is UNSET and AssistantToolsCode in kinds:
        code = CodeInterpreterResources()
    if search is UNSET and AssistantToolsFileSearch in kinds:
        search = FileSearchResources()
    return ToolResources(code_interpreter=code, file_search=search)


def merge_resources(old: ToolResources, change: ToolResources | None) -> ToolResources:
    """Replaces the resources of each tool that the request names; null removes all."""
    if change is None:
        return ToolResources()
    code = old.code_interpreter if change.code_interpreter is UNSET else change.code_interpreter
    search = old.file_search if change.file_search is UNSET else change.file_search
    return ToolResources(code_interpreter=code, file_search=search)
