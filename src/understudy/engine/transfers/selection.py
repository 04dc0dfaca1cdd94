"""The objects of an export or a deletion: all of a project, or those with pairs of metadata and what they own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec

from understudy.clock import Clock
from understudy.engine.transfers.lines import (
    SHARED_PREFIX,
    ItemLines,
    render_batch,
    render_chat,
    render_container,
    render_endpoint,
    render_file_batch,
    render_prompt,
    render_response,
    render_transcription,
    render_upload,
    render_video,
    upload_file,
)
from understudy.engine.transfers.references import list_references
from understudy.errors import NotFound
from understudy.store import Store
from understudy.store.attachments import THREAD_STORE_EXPIRY
from understudy.store.export_details import ContainerLine, FileBatchLine, UploadLine
from understudy.store.export_rows import BatchLine, ResponseLine, VideoLine
from understudy.store.files import StoredFile
from understudy.store.item_images import OwnedImage
from understudy.store.list_filters import ListFilter
from understudy.store.pages import Page, PageRequest
from understudy.store.threads import ThreadFilter

_PAGE: Final = 100
_CITING: Final = frozenset({"file_citation", "file_search_results", "results"})
Rows = AsyncIterator[Sequence[tuple[str, str]]]


class Selection:
    """Pages are of `(stored id, encoded object)`, in the order of lists.

    With `metadata`, those are the assistants, prompts, vector stores, threads, responses, stored chats and batches with
    all the pairs, the contents and containers of these threads and responses, the items before these responses, the
    files that were attached to them or made in them, the uploads that these files came with, and the vector stores that
    were created for these attachments, with their batches of files. Files that are only cited belong to others.
    """

    def __init__(self, store: Store, clock: Clock, project_id: str, metadata: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self.project_id = project_id
        self.pairs = tuple(metadata.items())
        # The owners of images in the pages that were read, with `pairs`.
        self._image_owners: set[str] = set()
        # What the selected threads name. One person's files fit into memory.
        self._named: dict[str, set[str]] | None = None

    def kinds(self) -> Iterator[tuple[str, Rows]]:
        """The objects of each kind, by the kind's name."""
        yield "file", self.files()
        yield "vector_store", self.vector_stores()
        yield "vector_store_file", self.vector_store_files()
        yield "file_batch", self.file_batches()
        yield "assistant", self.assistants()
        yield "prompt", self.prompts()
        yield "thread", self.threads()
        yield "message", self.items()
        yield "run", self.runs()
        yield "step", self.steps()
        yield "response", self.responses()
        yield "chat_completion", self.chats()
        yield "batch", self.batches()
        yield "video", self.videos()
        yield "transcription", self.transcriptions()
        yield "upload", self.uploads()
        yield "container", self.containers()
        yield "webhook_endpoint", self.webhook_endpoints()

    async def assistants(self) -> Rows:
        chosen = ListFilter(metadata=self.pairs)
        async for rows in list_pages(lambda request: self._store.assistants.page(self.project_id, request, chosen)):
            yield rows

    async def prompts(self) -> Rows:
        rows = self._store.export_rows
        async for page in _list_rows(lambda after: rows.prompts(self.project_id, after, self.pairs)):
            yield [(one.id, render_prompt(one)) for one in page]

    async def threads(self) -> Rows:
        chosen = ThreadFilter(metadata=self.pairs)
        async for rows in list_pages(lambda request: self._store.threads.page(self.project_id, request, chosen)):
            yield rows

    async def items(self) -> Rows:
        """The messages and all other items of threads, and those of responses without a conversation."""
        async for threads in self.threads():
            for thread_id, body in threads:
                async for rows in self._page_items(ItemLines(thread_id, _decode_thread(body).created_at), thread_id):
                    yield rows
        async for thread_id in self._response_threads():
            async for rows in self._page_items(ItemLines(thread_id, 0), thread_id):
                yield rows

    async def responses(self) -> Rows:
        async for found in self.stored_responses():
            self._note_owners(one.id for one in found)
            yield [(one.id, render_response(one)) for one in found]

    async def stored_images(self) -> AsyncIterator[Sequence[OwnedImage]]:
        """The images of items and of responses; with pairs, of those that were read before."""
        async for page in _list_rows(lambda after: self._store.item_images.page(self.project_id, after)):
            chosen = [one for one in page if one.owner_id in self._image_owners] if self.pairs else page
            if chosen:
                yield chosen

    async def stored_responses(self) -> AsyncIterator[Sequence[ResponseLine]]:
        rows = self._store.export_rows
        seen: set[str] = set()
        async for page in _list_rows(lambda after: rows.responses(self.project_id, after, self.pairs)):
            if self.pairs:
                seen.update(one.id for one in page)
            yield page
        if self.pairs:
            async for threads in self.threads():
                for thread_id, _ in threads:

                    def read(after: int, thread_id: str = thread_id) -> Awaitable[Sequence[ResponseLine]]:
                        return rows.responses(self.project_id, after, thread_id=thread_id)

                    async for page in _list_rows(read):
                        yield [one for one in page if one.id not in seen]

    async def chats(self) -> Rows:
        rows = self._store.export_rows
        async for page in _list_rows(lambda after: rows.chats(self.project_id, after, self.pairs)):
            yield [(one.id, render_chat(one)) for one in page]

    async def batches(self) -> Rows:
        async for page in self.stored_batches():
            yield [(one.id, render_batch(one)) for one in page]

    async def stored_batches(self) -> AsyncIterator[Sequence[BatchLine]]:
        rows = self._store.export_rows
        async for page in _list_rows(lambda after: rows.batches(self.project_id, after, self.pairs)):
            yield page

    async def videos(self) -> Rows:
        async for page in self.stored_videos():
            yield [(one.id, render_video(one)) for one in page]

    async def stored_videos(self) -> AsyncIterator[Sequence[VideoLine]]:
        """Videos have no metadata: they belong to nobody in particular."""
        rows = self._store.export_rows
        if not self.pairs:
            async for page in _list_rows(lambda after: rows.videos(self.project_id, after)):
                yield page

    async def transcriptions(self) -> Rows:
        """Like videos, they have no metadata."""
        details = self._store.export_details
        if not self.pairs:
            async for page in _list_rows(lambda after: details.transcriptions(self.project_id, after)):
                yield [(one.id, render_transcription(one)) for one in page]

    async def webhook_endpoints(self) -> Rows:
        details = self._store.export_details
        if not self.pairs:
            async for page in _list_rows(lambda after: details.webhook_endpoints(self.project_id, after)):
                yield [(one.id, render_endpoint(one)) for one in page]

    async def uploads(self) -> Rows:
        async for page in self.stored_uploads():
            yield [(one.id, render_upload(one)) for one in page]

    async def stored_uploads(self) -> AsyncIterator[Sequence[UploadLine]]:
        """With pairs, those that have become one of `files`."""
        details = self._store.export_details
        files = {file.id async for page in self.stored_files() for file in page} if self.pairs else set()
        async for page in _list_rows(lambda after: details.uploads(self.project_id, after)):
            chosen = [one for one in page if upload_file(one) in files] if self.pairs else page
            if chosen:
                yield chosen

    async def containers(self) -> Rows:
        async for page in self.stored_containers():
            yield [(one.id, render_container(one)) for one in page]

    async def stored_containers(self) -> AsyncIterator[Sequence[ContainerLine]]:
        """With pairs, those of the threads and of the responses that began a thread."""
        details = self._store.export_details
        owners: set[str] = set()
        if self.pairs:
            owners.update([row[0] async for rows in self.threads() for row in rows])
            owners.update([one.id async for page in self.stored_responses() for one in page])
        async for page in _list_rows(lambda after: details.containers(self.project_id, after)):
            chosen = [one for one in page if one.thread_id in owners] if self.pairs else page
            if chosen:
                yield chosen

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

    async def file_batches(self) -> Rows:
        details = self._store.export_details
        async for stores in self.vector_stores():
            for store_id, _ in stores:

                def read(after: int, store_id: str = store_id) -> Awaitable[Sequence[FileBatchLine]]:
                    return details.file_batches(self.project_id, store_id, after)

                async for page in _list_rows(read):
                    yield [(one.id, render_file_batch(one)) for one in page]

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
        """The ids of files and vector stores that belong to the selected threads, items, steps and batches."""
        if self._named is None:
            named: dict[str, set[str]] = {"file": set(), "vector_store": set()}
            for pages in (self.threads(), self.items(), self.steps(), self.batches()):
                async for rows in pages:
                    for kind, identifier in _list_named(rows):
                        if kind in named:
                            named[kind].add(identifier)
            self._named = named
        return self._named

    async def _response_threads(self) -> AsyncIterator[str]:
        """The threads of responses without a conversation, and of what they continue, each once; few are in memory."""
        seen: set[str] = set()
        async for page in self.stored_responses():
            for one in page:
                threads = [(one.thread_id, one.has_root), *[(part.thread_id, part.has_root) for part in one.context]]
                for thread_id, has_root in threads:
                    # Without pairs, a thread comes with the response that began it, if that is still there.
                    is_first = not self.pairs and thread_id == one.id
                    is_later = thread_id in seen or (has_root and not self.pairs)
                    if thread_id.startswith(SHARED_PREFIX) and (is_first or not is_later):
                        if not is_first:
                            seen.add(thread_id)
                        yield thread_id

    async def _page_items(self, lines: ItemLines, thread_id: str) -> Rows:
        async for page in _list_rows(lambda after: self._store.export_rows.items(thread_id, after)):
            self._note_owners(one.id for one in page if one.kind == "image_generation")
            yield [(one.id, lines.render(one)) for one in page]

    def _note_owners(self, ids: Iterable[str]) -> None:
        if self.pairs:
            self._image_owners.update(ids)

    async def _of_threads(self, read: Callable[..., Awaitable[Page]]) -> Rows:
        async for threads in self.threads():
            for thread_id, _ in threads:

                def read_page(request: PageRequest, thread_id: str = thread_id) -> Awaitable[Page]:
                    return read(self.project_id, thread_id, request)

                async for rows in list_pages(read_page):
                    yield rows


def _list_named(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The kinds and ids of what the objects name, except what they only cite."""
    for _, body in rows:
        yield from list_references(_without_citations(msgspec.json.decode(body)))


def _without_citations(body: Any) -> Any:
    """The decoded object without what cites files: annotations of messages, and results of searches."""
    if isinstance(body, list):
        return [_without_citations(one) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: _without_citations(member) for name, member in body.items() if name not in _CITING}


class _Run(msgspec.Struct):
    thread_id: str


class _Thread(msgspec.Struct):
    created_at: int


_decode_thread = msgspec.json.Decoder(_Thread).decode


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


_Row = TypeVar("_Row", bound=_Numbered)


async def _list_rows(read: Callable[[int], Awaitable[Sequence[_Row]]]) -> AsyncIterator[Sequence[_Row]]:
    """All pages of rows that are not empty, each after the number of the last row."""
    after = 0
    while page := await read(after):
        yield page
        after = page[-1].seq


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
