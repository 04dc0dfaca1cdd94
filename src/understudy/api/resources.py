"""Tool resources: converts those of a request to those of an object, and checks the files and stores they name."""

from collections.abc import Sequence

from msgspec import UNSET

from understudy.api.file_lookup import check_searchable, find_files
from understudy.api.parts import Parts
from understudy.errors import NotFound
from understudy.store.attachments import VectorStoreUpload, new_vector_store_upload
from understudy.wire.chunking import resolve_chunking
from understudy.wire.parsing import check_id
from understudy.wire.tools import (
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    CodeInterpreterResources,
    FileSearchResources,
    FileSearchResourcesCreate,
    ToolResources,
    ToolResourcesCreate,
    VectorStoreHelper,
)
from understudy.wire.vector_stores import VectorStoreExpirationAfter

_CODE_FILES_PARAM = "tool_resources.code_interpreter.file_ids"
_STORES_PARAM = "tool_resources.file_search.vector_store_ids"
_NEW_STORES_PARAM = "tool_resources.file_search.vector_stores"


async def prepare_resources(
    parts: Parts,
    project_id: str,
    requested: ToolResourcesCreate | None,
    expires_after: VectorStoreExpirationAfter | None,
) -> tuple[ToolResources, list[VectorStoreUpload]]:
    """The tool resources of a new object, and the vector stores to create with it, with `expires_after` as expiry.

    Raises NotFound for an unknown file or store, InvalidRequest for a file type that file search does not support.
    """
    if requested is None:
        return ToolResources(), []
    search, fillings = requested.file_search, []
    if isinstance(search, FileSearchResourcesCreate):
        fillings = await _plan_stores(parts, project_id, search.vector_stores or (), expires_after)
        store_ids = [*search.vector_store_ids, *(filling.store_id for filling in fillings)]
        resources = ToolResources(requested.code_interpreter, FileSearchResources(vector_store_ids=store_ids))
        named = ToolResources(requested.code_interpreter, FileSearchResources(search.vector_store_ids))
    else:
        resources = named = ToolResources(requested.code_interpreter)
    await check_resources(parts, project_id, named)
    return resources, fillings


async def check_resources(parts: Parts, project_id: str, named: ToolResources | None) -> None:
    """Raises NotFound for a file or a vector store that the project does not have."""
    if named is None:
        return
    if isinstance(named.code_interpreter, CodeInterpreterResources):
        await find_files(parts, project_id, named.code_interpreter.file_ids, _CODE_FILES_PARAM)
    if isinstance(named.file_search, FileSearchResources):
        for index, store_id in enumerate(named.file_search.vector_store_ids):
            check_id(f"{_STORES_PARAM}[{index}]", store_id, "vs")
            await _check_store(parts, project_id, store_id)


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


async def _plan_stores(
    parts: Parts,
    project_id: str,
    helpers: Sequence[VectorStoreHelper],
    expires_after: VectorStoreExpirationAfter | None,
) -> list[VectorStoreUpload]:
    for helper in helpers:
        check_searchable(await find_files(parts, project_id, helper.file_ids, f"{_NEW_STORES_PARAM}[0].file_ids"))
    return [
        new_vector_store_upload(
            list(dict.fromkeys(helper.file_ids)),
            parts.now(),
            expires_after,
            resolve_chunking(helper.chunking_strategy),
            helper.metadata,
        )
        for helper in helpers
    ]


async def _check_store(parts: Parts, project_id: str, store_id: str) -> None:
    try:
        await parts.store.vector_stores.get(project_id, store_id, parts.now())
    except NotFound as error:
        raise NotFound(error.message, param=_STORES_PARAM) from None
