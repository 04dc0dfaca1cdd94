"""The objects of an export or a deletion: all of a project, or those with pairs of metadata and what they own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from understudy.clock import Clock
from understudy.engine.transfers.references import list_references
from understudy.errors import NotFound
from understudy.store import Store
from understudy.store.attachments import THREAD_STORE_EXPIRY
from understudy.store.files import StoredFile
from understudy.store.list_filters import ListFilter
from understudy.store.pages import Page, PageRequest
from understudy.store.threads import ThreadFilter

_PAGE: Final = 100
_CITING: Final = frozenset({"file_citation", "file_search_results", "results"})
Rows = AsyncIterator[Sequence[tuple[str, str]]]


class Selection:
    """Pages are of `(stored id, encoded object)`, in the order of lists.

    With `metadata`, those are the assistants, vector stores and threads with all the pairs, the contents of these
    threads, the files that were attached to them or made in them, and the vector stores that were created for these
    attachments. Files that are only cited belong to others.
    """

    def __init__(self, store: Store, clock: Clock, project_id: str, metadata: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self.project_id = project_id
        self.pairs = tuple(metadata.items())
        # What the selected threads name. One person's files fit into memory.
        self._named: dict[str, set[str]] | None = None

    def kinds(self) -> Iterator[tuple[str, Rows]]:
        """The objects of each kind, by the kind's name."""
        yield "file", self.files()
        yield "vector_store", self.vector_stores()
        yield "vector_store_file", self.vector_store_files()
        yield "assistant", self.assistants()
        yield "thread", self.threads()
        yield "message", self.messages()
        yield "run", self.runs()
        yield "step", self.steps()

    async def assistants(self) -> Rows:
        chosen = ListFilter(metadata=self.pairs)
        async for rows in list_pages(lambda request: self._store.assistants.page(self.project_id, request, chosen)):
            yield rows

    async def threads(self) -> Rows:
        chosen = ThreadFilter(metadata=self.pairs)
        async for rows in list_pages(lambda request: self._store.threads.page(self.project_id, request, chosen)):
            yield rows

    async def messages(self) -> Rows:
        async for rows in self._of_threads(self._store.messages.page):
            yield rows

    async def runs(self) -> Rows:
        async for rows in self._of_threads(self._store.runs.page):
            yield rows

    async def steps(self) -> Rows:
        async for runs in self.runs():
            for run_id, body in runs:
                thread_id = msgspec.json.decode(body, type=_Run).thread_id

                def read(request: PageRequest, thread_id: str = thread_id, run_id: str = run_id) -> Awaitable[Page]:
                    return self._store.runs.page_steps(self.project_id, thread_id, run_id, request)

                async for rows in list_pages(read):
                    yield rows

    async def vector_stores(self) -> Rows:
        chosen = ListFilter(metadata=self.pairs)
        now = int(self._clock.now())
        seen: set[str] = set()
        async for rows in list_pages(
            lambda request: self._store.vector_stores.page(self.project_id, request, now, chosen)
        ):
            seen.update(store_id for store_id, _ in rows)
            yield rows
        if self.pairs:
            for store_id in sorted((await self.named())["vector_store"] - seen):
                try:
                    found = await self._store.vector_stores.get(self.project_id, store_id, now)
                except NotFound:
                    continue
                if found.name is None and found.expires_after == THREAD_STORE_EXPIRY:
                    yield [(store_id, msgspec.json.encode(found).decode())]

    async def vector_store_files(self) -> Rows:
        async for stores in self.vector_stores():
            for store_id, _ in stores:

                def read(request: PageRequest, store_id: str = store_id) -> Awaitable[Page]:
                    return self._store.vector_store_files.page(self.project_id, store_id, request)

                async for rows in list_pages(read):
                    yield [(f"{store_id}/{file_id}", body) for file_id, body in rows]

    async def files(self) -> Rows:
        if not self.pairs:
            async for rows in list_pages(lambda request: self._store.files.page(self.project_id, request)):
                yield rows
            return
        async for found in self.stored_files():
            yield [(file.id, await self._store.files.get(self.project_id, file.id)) for file in found]

    async def stored_files(self) -> AsyncIterator[Sequence[StoredFile]]:
        """The files of `files`, with their blobs."""
        if not self.pairs:
            async for rows in list_pages(lambda request: self._store.files.page(self.project_id, request)):
                yield await self._store.files.lookup(self.project_id, [file_id for file_id, _ in rows])
            return
        ids = set((await self.named())["file"])
        async for rows in self.vector_store_files():
            ids.update(row_id.partition("/")[2] for row_id, _ in rows)
        ordered = sorted(ids)
        for start in range(0, len(ordered), _PAGE):
            yield await self._store.files.lookup(self.project_id, ordered[start : start + _PAGE])

    async def named(self) -> Mapping[str, set[str]]:
        """The ids of files and vector stores that belong to the selected threads, their messages and steps."""
        if self._named is None:
            named: dict[str, set[str]] = {"file": set(), "vector_store": set()}
            for pages in (self.threads(), self.messages(), self.steps()):
                async for rows in pages:
                    for _, body in rows:
                        for kind, identifier in list_references(_without_citations(msgspec.json.decode(body))):
                            if kind in named:
                                named[kind].add(identifier)
            self._named = named
        return self._named

    async def _of_threads(self, read: Callable[..., Awaitable[Page]]) -> Rows:
        async for threads in self.threads():
            for thread_id, _ in threads:

                def read_page(request: PageRequest, thread_id: str = thread_id) -> Awaitable[Page]:
                    return read(self.project_id, thread_id, request)

                async for rows in list_pages(read_page):
                    yield rows


def _without_citations(body: Any) -> Any:
    """The decoded object without what cites files: annotations of messages, and results of searches."""
    if isinstance(body, list):
        return [_without_citations(one) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: _without_citations(member) for name, member in body.items() if name not in _CITING}


class _Run(msgspec.Struct):
    thread_id: str


async def list_pages(read: Callable[[PageRequest], Awaitable[Page]]) -> Rows:
    """All pages of a list, oldest first. A list that is deleted meanwhile ends."""
    after: str | None = None
    while True:
        try:
            page = await read(PageRequest(_PAGE, "asc", after))
        except NotFound:
            return
        if page.rows:
            yield page.rows
        if not page.has_more:
            return
        after = page.rows[-1][0]
