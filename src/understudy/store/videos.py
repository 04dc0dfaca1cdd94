"""Stored videos: the verbs of the API, of workers and of callbacks, each one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from understudy.errors import not_found
from understudy.errors.objects import idempotency_key_reused, video_limit_reached
from understudy.store.blobs import release
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.qualified_ids import SEPARATOR, qualifier
from understudy.store.sql import compose_sql
from understudy.store.video_callbacks import Callback, claim_callbacks, end_callback, has_due_callbacks, retry_callback
from understudy.store.video_claims import (
    IS_ACTIVE,
    VIDEO_JOBS,
    VideoClaim,
    claim_video,
    complete_video,
    count_ahead,
    finish_video,
    has_upstream_id,
    list_claimable_videos,
    mark_dreaming,
    set_progress,
)
from understudy.store.video_rows import (
    VIDEO_COLUMNS,
    Record,
    Role,
    Video,
    VideoFile,
    decode_record,
    insert_files,
    list_files,
    to_video,
)
from understudy.store.workers import Candidate

_PAGE = PageSource("generations", "project_id = $1", body="''")
_SELECT = compose_sql(
    "SELECT", VIDEO_COLUMNS, "FROM generations WHERE id IN ($1, $3) AND project_id = $2 AND body IS NOT NULL"
)
_COUNT_ACTIVE = compose_sql("SELECT count(*) FROM generations WHERE project_id = $1 AND", IS_ACTIVE)
_INSERT = (
    "INSERT INTO generations (id, project_id, state, attempts, due_at, provider, token, request_key, body)"
    " VALUES ($1, $2, 'queued', 0, 0, $3, $4, $5, $6)"
    " ON CONFLICT (project_id, request_key) WHERE request_key IS NOT NULL DO NOTHING RETURNING seq"
)


class Videos:
    """Verbs on one video raise NotFound if the project has no such video, which is an imported one's as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        project_id: str,
        video_id: str,
        record: Record,
        *,
        provider: str,
        token: str,
        pieces: Sequence[VideoFile] = (),
        request_key: str | None = None,
        most: int,
    ) -> str:
        """Returns the id: an earlier one's where the project has used the request key for the same request.

        Raises InvalidRequest where it used the key for another request, RateLimited where `most` are under way.
        """
        return await self._database.write(
            _insert_video, project_id, video_id, record, provider, token, pieces, request_key, most
        )

    async def get(self, project_id: str, video_id: str) -> Video:
        return await self._database.read(_get_video, project_id, video_id)

    async def lookup(self, project_id: str, ids: Sequence[str]) -> list[Video]:
        """In the order of the ids; raises NotFound for the first that the project does not have."""
        return await self._database.read(_lookup, project_id, ids)

    async def page(
        self, project_id: str, limit: int, after: str | None, order: Literal["asc", "desc"] = "desc"
    ) -> tuple[list[Video], bool]:
        """By time of creation, and whether there are more."""
        return await self._database.read(_page, project_id, PageRequest(limit, order, after=after))

    async def get_file(self, video_id: str, role: Role, token: str) -> tuple[str, VideoFile] | None:
        """A file with its access token, or None. `token` identifies the project that imported the video."""
        return await self._database.read(_get_file, video_id, role, token)

    async def list_files(self, video_id: str) -> dict[Role, VideoFile]:
        return {piece.role: piece for piece in await self._database.read(list_files, video_id)}

    async def delete(self, project_id: str, video_id: str) -> int:
        """Returns the row's number, by which a worker knows it."""
        return await self._database.write(_delete, project_id, video_id)

    async def count_ahead(self, seq: int) -> int:
        """The number of older active videos, of all projects."""
        return await self._database.read(count_ahead, seq)

    # -- for workers -------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor | None = None) -> list[Candidate[int]]:
        """The oldest waiting videos of up to `limit` projects."""
        return await self._database.read(list_claimable_videos, now, limit, cursor or FairCursor())

    async def claim(self, seq: int, owner: str, now: float) -> VideoClaim | None:
        """None where another worker has it."""
        return await self._database.write(claim_video, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, int]:
        return await self._database.read(VIDEO_JOBS.list_owned, owner)

    async def mark_ordering(self, owner: str, seq: int, now: float) -> bool:
        """This verb and the next two say whether the video was still the owner's."""
        return await self._database.write(set_progress, owner, seq, "ordered_at = $3", now)

    async def mark_ordered(self, owner: str, seq: int, upstream_id: str) -> bool:
        return await self._database.write(set_progress, owner, seq, "upstream_id = $3, interruptions = 0", upstream_id)

    async def mark_dreaming(self, owner: str, seq: int) -> bool:
        return await self._database.write(mark_dreaming, owner, seq)

    async def has_upstream_id(self, upstream_id: str, provider: str) -> bool:
        return await self._database.read(has_upstream_id, upstream_id, provider)

    async def complete(
        self, owner: str, claimed: VideoClaim, record: Record, pieces: Sequence[VideoFile], now: float
    ) -> bool:
        """Stores the files of a video and completes it; False, and nothing stored, where the claim was lost."""
        return await self._database.write(complete_video, self._database, owner, claimed, record, pieces, now)

    async def fail(self, owner: str, claimed: VideoClaim, record: Record, now: float) -> bool:
        return await self._database.write(finish_video, owner, claimed, "failed", record, (), now)

    async def release(self, owner: str, seq: int, due_at: float, *, attempts: int = 0) -> None:
        """Ends the claim. The video is due at `due_at`, and `attempts` are subtracted from its count."""
        await self._database.write(VIDEO_JOBS.release, seq, owner, due_at, attempts)

    async def expire(self, ended_before: float, limit: int = 100) -> None:
        """Deletes up to `limit` videos that ended before that time."""
        if await self._database.read(_has_expired, ended_before, limit):
            await self._database.write(_expire, ended_before, limit)

    # -- callbacks ---------------------------------------------------------------------------------------------

    async def claim_callbacks(self, now: float, until: float, limit: int) -> list[Callback]:
        """Claims due callbacks: nobody else can claim them before `until`."""
        if not await self._database.read(has_due_callbacks, now):
            return []
        return await self._database.write(claim_callbacks, now, until, limit)

    async def retry_callback(self, video_id: str, due_at: float) -> None:
        await self._database.write(retry_callback, video_id, due_at)

    async def end_callback(self, video_id: str) -> None:
        await self._database.write(end_callback, video_id)


def _insert_video(
    project_id: str,
    video_id: str,
    record: Record,
    provider: str,
    token: str,
    pieces: Sequence[VideoFile],
    request_key: str | None,
    most: int,
) -> Transaction[str]:
    if request_key is not None:
        earlier = yield from _find_by_request_key(project_id, request_key, record)
        if earlier is not None:
            return earlier
    rows = yield _COUNT_ACTIVE, (project_id,)
    if rows[0][0] >= most:
        raise video_limit_reached(most)
    body = msgspec.json.encode(record).decode()
    if not (yield _INSERT, (video_id, project_id, provider, token, request_key, body)):
        assert request_key is not None
        earlier = yield from _find_by_request_key(project_id, request_key, record)
        return earlier or video_id
    yield from insert_files(video_id, pieces)
    return video_id


def _find_by_request_key(project_id: str, request_key: str, record: Record) -> Transaction[str | None]:
    """What the key has made already."""
    sql = "SELECT id, body FROM generations WHERE project_id = $1 AND request_key = $2 AND body IS NOT NULL"
    rows = yield sql, (project_id, request_key)
    if not rows:
        return None
    if decode_record(rows[0][1]).request != record.request:
        raise idempotency_key_reused(request_key)
    return str(rows[0][0])


def _get_video(project_id: str, video_id: str) -> Transaction[Video]:
    rows = yield _SELECT, (video_id.lower(), project_id, video_id.lower() + qualifier(project_id))
    if not rows:
        raise not_found("generation", video_id)
    return to_video(rows[0])


def _lookup(project_id: str, ids: Sequence[str]) -> Transaction[list[Video]]:
    found = {}
    for video_id in ids:
        found[video_id] = yield from _get_video(project_id, video_id)
    return list(found.values())


def _page(project_id: str, request: PageRequest) -> Transaction[tuple[list[Video], bool]]:
    if request.after is not None:
        sql = "SELECT id FROM generations WHERE id = $1 AND project_id = $2"
        imported = yield sql, (request.after + qualifier(project_id), project_id)
        request = replace(request, after=imported[0][0] if imported else request.after)
    page: Page = yield from read_page(_PAGE, (project_id,), request)
    found = yield from _lookup(project_id, [row[0] for row in page.rows])
    return found, page.has_more


def _get_file(video_id: str, role: Role, token: str) -> Transaction[tuple[str, VideoFile] | None]:
    sql = (
        "SELECT token, blob, bytes FROM generations JOIN generation_blobs ON generation_id = id"
        " WHERE id = $1 AND role = $2 AND body IS NOT NULL"
    )
    _, dot, digits = token.partition(".")
    rows = yield sql, (video_id.lower() + (SEPARATOR + digits if dot else ""), role)
    return (str(rows[0][0]), VideoFile(role, rows[0][1], rows[0][2])) if rows else None


def _delete(project_id: str, video_id: str) -> Transaction[int]:
    found = yield from _get_video(project_id, video_id)
    yield from _remove(found.id)
    return found.seq


def _remove(video_id: str) -> Transaction[None]:
    sql = "UPDATE generations SET body = NULL, request_key = NULL WHERE id = $1 AND body IS NOT NULL RETURNING seq"
    if not (yield sql, (video_id,)):
        return
    sql = "DELETE FROM generation_blobs WHERE generation_id = $1 RETURNING blob"
    for (blob,) in (yield sql, (video_id,)):
        yield from release(blob)
    yield from end_callback(video_id)


_EXPIRED = "SELECT id FROM generations WHERE body IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2"


def _has_expired(ended_before: float, limit: int) -> Transaction[bool]:
    return bool((yield _EXPIRED, (ended_before, limit)))


def _expire(ended_before: float, limit: int) -> Transaction[None]:
    for (video_id,) in (yield _EXPIRED + " FOR UPDATE", (ended_before, limit)):
        yield from _remove(video_id)
