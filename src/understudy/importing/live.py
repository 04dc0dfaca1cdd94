"""Fetches the objects of a live server into a directory, which is then imported. The server never does this itself.

Each thread, vector store and file has an entry of its own, which exists once it is complete: a fetch that was
interrupted resumes with those that are missing.
"""

import asyncio
import codecs
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from understudy.importing.live_client import FetchError, LiveClient, MissingObject
from understudy.importing.live_export import ARCHIVE, fetch_export
from understudy.importing.normalization import is_id
from understudy.importing.objects import Problem
from understudy.importing.references import find_references

_WORKERS: Final = 4
_BATCH: Final = 100
_MAX_PROBLEMS: Final = 10_000
_MAX_FILE_BYTES: Final = 4 << 30
_SEPARATORS: Final = str.maketrans(dict.fromkeys(',;|"', " "))
_PARTS: Final = "unfinished"
_ABSENT: Final = {404, 405, 501}
"""Statuses of an operation that a server does not have."""


@dataclass(slots=True)
class FetchReport:
    """Counts so far. `threads_total` is None until the ids are known; `problems` is what could not be read.

    `exported` are the counts by kind of another Understudy's export, which then has everything.
    """

    threads_total: int | None = None
    threads: int = 0
    assistants: int = 0
    messages: int = 0
    runs: int = 0
    steps: int = 0
    vector_stores: int = 0
    files: int = 0
    file_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    exported: dict[str, int] | None = None


async def fetch_objects(
    url: str,
    key: str,
    thread_ids: Iterable[str] | None,
    into: Path,
    *,
    api_version: str | None = None,
    progress: Callable[[FetchReport], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> FetchReport:
    """Reads assistants, threads, vector stores and files with their bytes into the directory `into`.

    Without `thread_ids` the threads are listed, which few servers can; of another Understudy, its export is fetched.
    `sleep` waits between attempts. Raises FetchError; a repeated call with the same directory resumes.
    """
    client = LiveClient(url, key, api_version, sleep)
    fetcher = _Fetcher(client, into, progress)
    try:
        await client.find_base()
        if thread_ids is None and await fetcher.fetch_export(sleep):
            return fetcher.report
        fetcher.prepare()
        await fetcher.fetch_assistants()
        await fetcher.fetch_threads(thread_ids)
        await fetcher.fetch_stores()
        await fetcher.fetch_files()
    finally:
        await client.close()
    fetcher.finish()
    return fetcher.report


def read_thread_ids(path: Path) -> list[str]:
    """The first word of each line, without comments (`#`) and duplicates. Raises FetchError."""
    found: dict[str, None] = {}
    data = path.read_bytes()
    # Shells and spreadsheet programs of Windows write UTF-16.
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    for number, line in enumerate(data.decode(encoding, "replace").splitlines(), 1):
        words = line.translate(_SEPARATORS).split("#")[0].split()
        if not words or (number == 1 and words[0] in {"id", "thread_id"}):
            continue
        if not is_id(words[0]):
            raise FetchError(f"{path.name}: line {number} has no thread id but {words[0][:64]!r}.")
        found[words[0]] = None
    return [*found]


class _Fetcher:
    def __init__(self, client: LiveClient, into: Path, progress: Callable[[FetchReport], None]) -> None:
        self.report = FetchReport()
        self._client = client
        self._into = into
        self._progress = progress
        self._failed_threads: list[dict[str, str]] = []

    def prepare(self) -> None:
        """Makes the folders of what is fetched object by object."""
        shutil.rmtree(self._into / _PARTS, ignore_errors=True)
        for folder in ("threads", "vector_stores", "file_objects", "files", _PARTS):
            (self._into / folder).mkdir(parents=True, exist_ok=True)

    async def fetch_export(self, sleep: Callable[[float], Awaitable[None]]) -> bool:
        """False from a server without exports."""

        def show(counts: dict[str, int]) -> None:
            self.report.exported = counts
            self._progress(self.report)

        if (self._into / ARCHIVE).exists():
            self.report.exported = {}
        else:
            self.report.exported = await fetch_export(self._client, self._into, show, sleep)
        return self.report.exported is not None

    async def fetch_assistants(self) -> None:
        target = self._into / "assistants.jsonl"
        if target.exists():
            return
        try:
            await self._write_objects(
                target, self._count_all("assistants", self._client.list("/assistants", self._report))
            )
        except MissingObject as error:
            self._report(Problem("assistants", str(error)))

    async def fetch_threads(self, thread_ids: Iterable[str] | None) -> None:
        if thread_ids is None:
            thread_ids = await self._list_thread_ids()
        waiting = [*thread_ids]
        self.report.threads_total = len(waiting)
        await self._fetch_each(waiting, self._fetch_thread)

    async def fetch_stores(self) -> None:
        ids = dict.fromkeys([store["id"] async for store in self._list_optional("/vector_stores")])
        ids |= dict.fromkeys(self._references("vector_store"))
        await self._fetch_each(ids, self._fetch_store)

    async def fetch_files(self) -> None:
        listed: dict[str, dict[str, Any]] = {}
        async for file in self._list_optional("/files"):
            listed[file["id"]] = file
            if len(listed) == _BATCH:
                await self._fetch_listed(listed)
                listed.clear()
        await self._fetch_listed(listed)
        # An id stands in many threads; its entry exists once it is fetched.
        await self._fetch_each(self._references("file"), self._fetch_file)

    async def _fetch_listed(self, files: dict[str, dict[str, Any]]) -> None:
        await self._fetch_each(files, lambda file_id: self._fetch_file(file_id, files[file_id]))

    def finish(self) -> None:
        """Writes the manifest, with what the import then reports as missing."""
        shutil.rmtree(self._into / _PARTS, ignore_errors=True)
        manifest = {
            "export_schema": "assistants-export-manifest/v1",
            "base_url": self._client.base,
            "threads_failed": self._failed_threads,
        }
        (self._into / "manifest.json").write_bytes(msgspec.json.encode(manifest))

    async def _list_thread_ids(self) -> list[str]:
        try:
            async with aclosing(self._client.list("/threads", self._report)) as threads:
                return [thread["id"] async for thread in threads if is_id(thread.get("id"))]
        except MissingObject as error:
            raise FetchError(
                f"The server does not list threads, so their ids are needed (--thread-ids FILE). {error}"
            ) from None

    async def _fetch_thread(self, thread_id: str) -> None:
        target = self._into / "threads" / f"{thread_id}.jsonl"
        if not target.exists():
            try:
                await self._write_objects(target, self._read_thread(thread_id))
            except MissingObject as error:
                self._failed_threads.append({"thread_id": thread_id, "error": str(error)})
                self._report(Problem(thread_id, str(error)))
                return
        self.report.threads += 1

    async def _read_thread(self, thread_id: str) -> AsyncIterator[dict[str, Any]]:
        path = f"/threads/{thread_id}"
        yield {"object": "thread", **await self._client.get(path)}
        async for message in self._count_all("messages", self._client.list(f"{path}/messages", self._report)):
            yield {"thread_id": thread_id, **message}
        async for run in self._list_optional(f"{path}/runs"):
            self.report.runs += 1
            yield {"thread_id": thread_id, **run}
            async for step in self._list_optional(f"{path}/runs/{run['id']}/steps"):
                self.report.steps += 1
                yield {"run_id": run["id"], "thread_id": thread_id, **step}

    async def _fetch_store(self, store_id: str) -> None:
        target = self._into / "vector_stores" / f"{store_id}.jsonl"
        if not target.exists():
            try:
                await self._write_objects(target, self._read_store(store_id))
            except MissingObject as error:
                self._report(Problem(store_id, str(error)))
                return
        self.report.vector_stores += 1

    async def _read_store(self, store_id: str) -> AsyncIterator[dict[str, Any]]:
        path = f"/vector_stores/{store_id}"
        yield {"object": "vector_store", **await self._client.get(path)}
        async for file in self._list_optional(f"{path}/files"):
            yield {"object": "vector_store.file", "vector_store_id": store_id, **file}

    async def _fetch_file(self, file_id: str, file: dict[str, Any] | None = None) -> None:
        target = self._into / "file_objects" / f"{file_id}.json"
        if target.exists():
            return
        try:
            file = file or await self._client.get(f"/files/{file_id}")
        except MissingObject as error:
            self._report(Problem(file_id, str(error)))
            return
        size = file.get("bytes")
        content = self._into / "files" / file_id
        part = self._into / _PARTS / f"{file_id}.bytes"
        try:
            expected = size if isinstance(size, int) and size > 0 else _MAX_FILE_BYTES
            await self._client.download(f"/files/{file_id}/content", part, expected)
        except MissingObject as error:
            self._report(Problem(file_id, f"Only its metadata could be read: {error}"))
        else:
            self.report.file_bytes += part.stat().st_size
            part.replace(content)
        self._write_file(target, [{"object": "file", **file}])
        self.report.files += 1
        self._progress(self.report)

    async def _fetch_each(self, ids: Iterable[str], fetch: Callable[[str], Awaitable[None]]) -> None:
        """A few at a time; the first failure of the server ends all."""
        waiting = iter(ids)

        async def work() -> None:
            for one in waiting:
                if is_id(one):
                    await fetch(one)
                    self._progress(self.report)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WORKERS):
                    group.create_task(work())
        except* FetchError as failures:
            raise failures.exceptions[0] from None

    async def _list_optional(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """The objects of a list, which not every server has."""
        try:
            async with aclosing(self._client.list(path, self._report)) as found:
                async for one in found:
                    if is_id(one.get("id")):
                        yield one
        except MissingObject as error:
            if error.status not in _ABSENT:
                self._report(Problem(path, str(error)))

    async def _count_all(self, name: str, objects: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        async for one in objects:
            setattr(self.report, name, getattr(self.report, name) + 1)
            yield one

    def _references(self, kind: str) -> Iterator[str]:
        """The ids of a kind in all that was fetched, with repetitions."""
        folders = [self._into / "threads", self._into / "vector_stores"]
        paths = (path for folder in folders for path in folder.glob("*.jsonl"))
        for path in (self._into / "assistants.jsonl", *paths):
            if path.exists():
                with path.open("rb") as file:
                    for line in file:
                        yield from (one for found, one in find_references(msgspec.json.decode(line)) if found == kind)

    async def _write_objects(self, target: Path, objects: AsyncIterator[dict[str, Any]]) -> None:
        part = self._into / _PARTS / target.name
        with part.open("wb") as file:
            async for one in objects:
                file.write(msgspec.json.encode(one) + b"\n")
        part.replace(target)

    def _write_file(self, target: Path, objects: Iterable[dict[str, Any]]) -> None:
        part = self._into / _PARTS / target.name
        part.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in objects))
        part.replace(target)

    def _report(self, problem: Problem) -> None:
        if len(self.report.problems) < _MAX_PROBLEMS:
            self.report.problems.append(problem)
