"""Tool resources: from what a request gives to what the object shows, and whether what they name is there."""

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
    parts: Parts, project_id: str, given: ToolResourcesCreate | None, expires_after: VectorStoreExpirationAfter | None
) -> tuple[ToolResources, list[VectorStoreUpload]]:
    """What a new object shows, and the vector stores that are to be made with it, which live for `expires_after`.

    Raises NotFound for what the project does not have, InvalidRequest for a file that cannot be searched in.
    """
    if given is None:
        return ToolResources(), []
    search, fillings = given.file_search, []
    if isinstance(search, FileSearchResourcesCreate):
        fillings = await _plan_stores(parts, project_id, search.vector_stores or (), expires_after)
        store_ids = [*search.vector_store_ids, *(filling.store_id for filling in fillings)]
        resources = ToolResources(given.code_interpreter, FileSearchResources(vector_store_ids=store_ids))
        named = ToolResources(given.code_interpreter, FileSearchResources(search.vector_store_ids))
    else:
        resources = named = ToolResources(given.code_interpreter)
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
    """An assistant always shows the lists of the tools that it has, also where nothing is in them."""
    kinds = {type(tool) for tool in tools}
    code, search = resources.code_interpreter, resources.file_search
    if code is UNSET and AssistantToolsCode in kinds:
        code = CodeInterpreterResources()
    if search is UNSET and AssistantToolsFileSearch in kinds:
        search = FileSearchResources()
    return ToolResources(code_interpreter=code, file_search=search)


def merge_resources(old: ToolResources, change: ToolResources | None) -> ToolResources:
    """What a request names replaces the old value tool by tool; null empties all."""
    if change is None:
        return ToolResources()
    code = old.code_interpreter if change.code_interpreter is UNSET else change.code_interpreter
    search = old.file_search if change.file_search is UNSET else change.file_search
    return ToolResources(code_interpreter=code, file_search=search)


async def _plan_stores(
    parts: Parts,
    project_id: str,
    given: Sequence[VectorStoreHelper],
    expires_after: VectorStoreExpirationAfter | None,
) -> list[VectorStoreUpload]:
    for one in given:
        check_searchable(await find_files(parts, project_id, one.file_ids, f"{_NEW_STORES_PARAM}[0].file_ids"))
    return [
        new_vector_store_upload(
            list(dict.fromkeys(one.file_ids)),
            parts.now(),
            expires_after,
            resolve_chunking(one.chunking_strategy),
            one.metadata,
        )
        for one in given
    ]


async def _check_store(parts: Parts, project_id: str, store_id: str) -> None:
    try:
        await parts.store.vector_stores.get(project_id, store_id, parts.now())
    except NotFound as error:
        raise NotFound(error.message, param=_STORES_PARAM) from None
