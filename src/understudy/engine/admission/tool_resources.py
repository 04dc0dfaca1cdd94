"""Checks of the files and vector stores that tool resources name, and the vector stores to create with them."""

from collections.abc import Sequence

from understudy.clock import Clock
from understudy.engine.admission.files import FileChecks, check_searchable
from understudy.engine.limits.limiter import RateLimiter
from understudy.errors import NotFound
from understudy.store import Store
from understudy.store.attachments import VectorStoreUpload, new_vector_store_upload
from understudy.wire.chunking import resolve_chunking
from understudy.wire.parsing import check_id
from understudy.wire.tools import (
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


class ResourceChecks:
    def __init__(self, store: Store, files: FileChecks, clock: Clock, limiter: RateLimiter) -> None:
        self._stores = store.vector_stores
        self._files = files
        self._clock = clock
        self._limiter = limiter

    async def prepare(
        self,
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
            fillings = await self._plan_stores(project_id, search.vector_stores or (), expires_after)
            store_ids = [*search.vector_store_ids, *(filling.store_id for filling in fillings)]
            resources = ToolResources(requested.code_interpreter, FileSearchResources(vector_store_ids=store_ids))
            named = ToolResources(requested.code_interpreter, FileSearchResources(search.vector_store_ids))
        else:
            resources = named = ToolResources(requested.code_interpreter)
        await self.check(project_id, named)
        return resources, fillings

    async def check(self, project_id: str, named: ToolResources | None) -> None:
        """Raises NotFound for a file or a vector store that the project does not have."""
        if named is None:
            return
        if isinstance(named.code_interpreter, CodeInterpreterResources):
            await self._files.find(project_id, named.code_interpreter.file_ids, _CODE_FILES_PARAM)
        if isinstance(named.file_search, FileSearchResources):
            for index, store_id in enumerate(named.file_search.vector_store_ids):
                check_id(f"{_STORES_PARAM}[{index}]", store_id, "vs")
                await self._check_store(project_id, store_id)

    async def _plan_stores(
        self,
        project_id: str,
        helpers: Sequence[VectorStoreHelper],
        expires_after: VectorStoreExpirationAfter | None,
    ) -> list[VectorStoreUpload]:
        limit = await self._limiter.size_limit(project_id, "vector_stores") if helpers else None
        for helper in helpers:
            check_searchable(await self._files.find(project_id, helper.file_ids, f"{_NEW_STORES_PARAM}[0].file_ids"))
        return [
            new_vector_store_upload(
                list(dict.fromkeys(helper.file_ids)),
                int(self._clock.now()),
                expires_after,
                resolve_chunking(helper.chunking_strategy),
                helper.metadata,
                limit,
            )
            for helper in helpers
        ]

    async def _check_store(self, project_id: str, store_id: str) -> None:
        try:
            await self._stores.get(project_id, store_id, int(self._clock.now()))
        except NotFound as error:
            raise NotFound(error.message, param=_STORES_PARAM) from None
