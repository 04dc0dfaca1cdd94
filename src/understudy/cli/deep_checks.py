"""The checks of `understudy doctor --deep`: every page of the database and every byte of the files.

They run beside a server, with one page of names and one chunk of a file in memory. Only `repair` changes anything.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from understudy.blobs import Blobs, open_blobs
from understudy.errors import BlobMissing, SettingsError, StoreError
from understudy.settings import Settings
from understudy.store import integrity
from understudy.store.database import Database

GRACE_SECONDS: Final = 86_400.0
"""Files without a row are deleted by `repair` when they are older."""
_PAGE: Final = 500
_MEGABYTE: Final = 1_000_000


@dataclass(slots=True)
class DeepResult:
    """`problems` are at most 100 of `count`."""

    subject: str
    state: Literal["ok", "warning", "broken"]
    text: str
    count: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        self.count += 1
        if len(self.problems) < integrity.MAX_PROBLEMS:
            self.problems.append(problem)


async def run_deep_checks(settings: Settings, megabytes: float, *, repairs: bool) -> list[DeepResult]:
    """Reads at most so many `megabytes` of files a second. `repairs` deletes what no row knows and no server uses."""
    results: list[DeepResult] = []
    try:
        async with integrity.open_for_checks(
            settings.data, settings.database, is_pooled=settings.postgres.is_pooled
        ) as database:
            results.append(await _check_engine(settings, database))
            if not await integrity.has_this_schema(database):
                text = "the schema is not that of this version; start the server, or use the server's version"
                return [*results, DeepResult("contents", "warning", text)]
            results += [result async for result in _check_counters(database)]
            results += await _check_files(settings, database, megabytes, repairs=repairs)
    except (StoreError, SettingsError) as error:
        results.append(DeepResult("check", "broken", str(error)))
    return results


async def _check_engine(settings: Settings, database: Database) -> DeepResult:
    if settings.database is None:
        problems = await asyncio.to_thread(integrity.check_sqlite, settings.data)
        return _judge("database", problems, "pages, indexes and references are intact", "is damaged: restore a backup")
    check = await integrity.check_postgres(database)
    text = f"page checksums are {'on' if check.has_checksums else 'off'}, " + (
        "indexes match their tables"
        if check.has_amcheck
        else "indexes are valid; `CREATE EXTENSION amcheck` lets this check compare them with their tables"
    )
    return _judge("database", check.problems, text, "has problems: see the server's log, REINDEX or restore a backup")


async def _check_counters(database: Database) -> AsyncIterator[DeepResult]:
    yield _judge(
        "uses of files",
        await integrity.check_uses(database),
        "as many as there are rows",
        "differ from the rows that name them",
    )
    yield _judge(
        "vector stores",
        await integrity.check_vector_stores(database),
        "counts and bytes are those of their files",
        "have other counts than their files",
    )
    yield _judge(
        "balances",
        await integrity.check_balances(database),
        "are the sums of their ledgers",
        "differ from their ledgers",
    )


def _judge(subject: str, problems: Sequence[str], fine: str, broken: str) -> DeepResult:
    if not problems:
        return DeepResult(subject, "ok", fine)
    return DeepResult(subject, "broken", broken, len(problems), list(problems))


async def _check_files(settings: Settings, database: Database, megabytes: float, *, repairs: bool) -> list[DeepResult]:
    if settings.blobs.kind == "directory" and not (settings.data / "blobs").is_dir():
        text = f"{settings.data / 'blobs'} does not exist; run this where the files are"
        return [DeepResult("files", "broken", text)]
    blobs = await open_blobs(settings.blobs, settings.data)
    try:
        files = await _check_contents(database, blobs, megabytes * _MEGABYTE)
        orphans = await _check_orphans(database, blobs, repairs=repairs)
        return [files, orphans, await _check_stale(blobs, repairs=repairs)]
    finally:
        await blobs.close()


async def _check_contents(database: Database, blobs: Blobs, rate: float) -> DeepResult:
    result = DeepResult("files", "ok", "")
    checked = size = 0
    started = time.monotonic()
    async for blob in integrity.list_blobs(database):
        checked += 1
        digest = hashlib.sha256()
        try:
            async with blobs.reading(blob.name) as chunks:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    await asyncio.sleep(max(0.0, size / rate - (time.monotonic() - started)))
        except BlobMissing:
            if await integrity.is_used(database, blob.name):  # not deleted meanwhile
                result.add(f"{blob.name}: missing")
            continue
        if digest.hexdigest() != blob.sha256 and await integrity.is_used(database, blob.name):
            result.add(f"{blob.name}: damaged")
    result.text = f"{checked} with {size / _MEGABYTE:.1f} MB in {blobs.location}"
    if result.count:
        result.state = "broken"
        result.text += f", {result.count} missing or damaged: copy them from a backup to the same place"
    return result


async def _check_orphans(database: Database, blobs: Blobs, *, repairs: bool) -> DeepResult:
    result, size, deleted = DeepResult("files without a row", "ok", "none"), 0, 0
    async for page in _pages(blobs):
        unknown = await integrity.find_unknown(database, list(page))
        for name in sorted(unknown):
            blob_size, modified_at = page[name]
            result.add(f"{name}: {blob_size} bytes")
            size += blob_size
            if repairs and modified_at < time.time() - GRACE_SECONDS:
                await blobs.delete(name)
                deleted += 1
    if result.count:
        result.state = "warning" if deleted < result.count else "ok"
        advice = f"{deleted} deleted" if repairs else "`--repair` deletes those older than a day"
        result.text = f"{result.count} with {size / _MEGABYTE:.1f} MB; {advice}"
    return result


async def _pages(blobs: Blobs) -> AsyncIterator[dict[str, tuple[int, float]]]:
    page: dict[str, tuple[int, float]] = {}
    async for blob in blobs.listing():
        page[blob.name] = blob.size, blob.modified_at
        if len(page) == _PAGE:
            yield page
            page = {}
    if page:
        yield page


async def _check_stale(blobs: Blobs, *, repairs: bool) -> DeepResult:
    subject, stale = "unfinished files", await blobs.count_stale()
    if not stale:
        return DeepResult(subject, "ok", "none of a crash")
    if repairs:
        await blobs.sweep()
        return DeepResult(subject, "ok", f"{stale} of a crash deleted", stale)
    return DeepResult(subject, "warning", f"{stale} of a crash; the next start or `--repair` deletes them", stale)


def describe_problems(result: DeepResult, most: int = 10) -> Iterator[str]:
    """The first problems, one a line, for people."""
    yield from result.problems[:most]
    if result.count > most and result.problems:
        yield f"… and {result.count - most} more; `--json` lists up to {integrity.MAX_PROBLEMS}"
