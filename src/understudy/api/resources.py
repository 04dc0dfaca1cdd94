"""Tool resources: from what a request gives to what the object shows."""

from msgspec import UNSET, UnsetType

from understudy.errors import InvalidRequest
from understudy.wire.tools import (
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    CodeInterpreterResources,
    FileSearchResources,
    FileSearchResourcesCreate,
    ToolResources,
    ToolResourcesCreate,
)


def shown_resources(given: ToolResources | ToolResourcesCreate | None) -> ToolResources:
    """Raises InvalidRequest for the helper that makes a vector store on the way, which this server does not have."""
    if given is None:
        return ToolResources()
    return ToolResources(code_interpreter=given.code_interpreter, file_search=_file_search(given))


def with_defaults(resources: ToolResources, tools: list[AssistantTool]) -> ToolResources:
    """An assistant always shows the lists of the tools that it has, also where nothing is in them."""
    kinds = {type(tool) for tool in tools}
    code, search = resources.code_interpreter, resources.file_search
    if code is UNSET and AssistantToolsCode in kinds:
        code = CodeInterpreterResources()
    if search is UNSET and AssistantToolsFileSearch in kinds:
        search = FileSearchResources()
    return ToolResources(code_interpreter=code, file_search=search)


def merged(old: ToolResources, change: ToolResources | None) -> ToolResources:
    """What a request names replaces the old value tool by tool; null empties all."""
    if change is None:
        return ToolResources()
    code = old.code_interpreter if change.code_interpreter is UNSET else change.code_interpreter
    search = old.file_search if change.file_search is UNSET else change.file_search
    return ToolResources(code_interpreter=code, file_search=search)


def _file_search(given: ToolResources | ToolResourcesCreate) -> FileSearchResources | UnsetType:
    search = given.file_search
    if isinstance(search, FileSearchResourcesCreate):
        if search.vector_stores is not UNSET:
            raise InvalidRequest(
                "Creating a vector store with 'tool_resources.file_search.vector_stores' is not supported by this "
                "server.",
                param="tool_resources.file_search.vector_stores",
                code="unsupported_parameter",
            )
        return FileSearchResources(vector_store_ids=search.vector_store_ids)
    return search
