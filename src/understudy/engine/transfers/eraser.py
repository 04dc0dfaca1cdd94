"""Deletes everything of one end user: the objects with pairs of metadata, and what belongs to them."""

from collections.abc import Awaitable, Callable, Iterable

from understudy.engine.containers import Containers
from understudy.engine.responses import Responses
from understudy.engine.runs import Runs
from understudy.engine.transfers.report import count
from understudy.engine.transfers.selection import Rows, Selection
from understudy.engine.vector_stores import VectorStores
from understudy.errors import NotFound
from understudy.store import Store
from understudy.store.batches import Dialect


class Eraser:
    """One deletion. `report_progress` is awaited with the counts by kind; what it raises ends the deletion.
    With `dry_run` it counts, and deletes nothing.

    It may be repeated: what is deleted already is not found again. So what is found by another object is deleted before
    that one: files before the vector stores, responses, threads and batches that name them, for instance.
    """

    def __init__(
        self,
        store: Store,
        runs: Runs,
        containers: Containers,
        vector_stores: VectorStores,
        responses: Responses,
        selection: Selection,
        report_progress: Callable[[], Awaitable[None]],
        *,
        dry_run: bool = False,
    ) -> None:
        self._store = store
        self._runs = runs
        self._containers = containers
        self._vector_stores = vector_stores
        self._selection = selection
        self._responses = responses
        self._report_progress = report_progress
        self._dry_run = dry_run

    async def run(self, deleted: dict[str, int]) -> None:
        """Adds to the counts by kind."""
        project_id = self._selection.project_id
        await self._delete("upload", await _ids(self._selection.uploads()), self._delete_upload, deleted)
        await self._delete("container", await _ids(self._selection.containers()), self._delete_container, deleted)
        await self._delete_files(deleted)
        stores = await _ids(self._selection.vector_stores())
        await self._delete("vector_store", stores, lambda one: self._vector_stores.delete(project_id, one), deleted)
        responses = [one.id async for page in self._selection.stored_responses() for one in page]
        await self._delete("response", responses, self._delete_response, deleted)
        await self._delete("thread", await _ids(self._selection.threads()), self._delete_thread, deleted)
        assistants = await _ids(self._selection.assistants())
        await self._delete("assistant", assistants, lambda one: self._store.assistants.delete(project_id, one), deleted)
        prompts = await _ids(self._selection.prompts())
        await self._delete("prompt", prompts, lambda one: self._store.prompts.delete(project_id, one), deleted)
        completions = await _ids(self._selection.chats())
        await self._delete("chat_completion", completions, self._delete_completion, deleted)
        batches = [one async for page in self._selection.stored_batches() for one in page]
        dialects = {one.id: one.dialect for one in batches}
        await self._delete("batch", dialects, lambda one: self._delete_batch(dialects[one], one), deleted)

    async def _delete_files(self, deleted: dict[str, int]) -> None:
        """Those that no other vector store has."""
        file_ids = [file.id async for files in self._selection.stored_files() for file in files]
        stores = await _ids(self._selection.vector_stores())
        shared = await self._store.imports.find_indexed(file_ids, set(stores))
        await self._delete("file", [one for one in file_ids if one not in shared], self._delete_file, deleted)

    async def _delete(
        self, kind: str, ids: Iterable[str], delete: Callable[[str], Awaitable[None]], deleted: dict[str, int]
    ) -> None:
        for identifier in ids:
            try:
                if not self._dry_run:
                    await delete(identifier)
            except NotFound:
                continue
            count(deleted, kind, 1)
            await self._report_progress()

    async def _delete_upload(self, upload_id: str) -> None:
        await self._store.uploads.delete(self._selection.project_id, upload_id)

    async def _delete_container(self, container_id: str) -> None:
        await self._containers.delete(self._selection.project_id, container_id)

    async def _delete_file(self, file_id: str) -> None:
        await self._store.files.delete(self._selection.project_id, file_id)

    async def _delete_response(self, response_id: str) -> None:
        await self._responses.delete(self._selection.project_id, response_id)

    async def _delete_completion(self, completion_id: str) -> None:
        await self._store.chat_completions.delete(self._selection.project_id, completion_id)

    async def _delete_batch(self, dialect: Dialect, batch_id: str) -> None:
        """Also one that has not ended, whose lines in progress are abandoned."""
        await self._store.batches.discard(self._selection.project_id, dialect, batch_id)

    async def _delete_thread(self, thread_id: str) -> None:
        run_id = await self._store.threads.delete(self._selection.project_id, thread_id)
        if run_id is not None:
            await self._runs.stop_deleted(run_id)
        await self._containers.delete_thread_container(self._selection.project_id, thread_id)


async def _ids(pages: Rows) -> list[str]:
    return [row[0] async for rows in pages for row in rows]
