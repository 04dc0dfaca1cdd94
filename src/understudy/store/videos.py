"""Stored videos: the request, the state, the claim, and the names of the files.

A claim is valid as long as its owner's lease in the table of workers. Every write of a worker is guarded by that owner
and by the legal transitions below, so a worker that lost a video cannot change it, and an ended video never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import Struct

from understudy.errors import not_found
from understudy.errors.objects import idempotency_key_reused, video_limit_reached
from understudy.store import ledger
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import compose_sql
from understudy.store.workers import Candidate, Claim, JobTable
from understudy.wire.videos import State

Role = Literal["video", "thumbnail", "start", "end"]

_SOURCE_STATES: Final[dict[State, str]] = {
    "dreaming": "'queued'",
    "completed": "'queued', 'dreaming'",
    "failed": "'queued', 'dreaming'",
}
"""The states that each one may follow upon."""

_COLUMNS = "seq, id, project_id, provider, state, token, upstream_id, body"
_PAGE = PageSource("generations", "project_id = $1", body="''")
_IN_PROJECT = "id = $1 AND project_id = $2 AND body IS NOT NULL"
_IS_ACTIVE = "state IN ('queued', 'dreaming') AND body IS NOT NULL"
_JOBS = JobTable("generations", _IS_ACTIVE, "0")
_INSERT = (
    "INSERT INTO generations (id, project_id, state, attempts, due_at, provider, token, request_key, body)"
    " VALUES ($1, $2, 'queued', 0, 0, $3, $4, $5, $6)"
    " ON CONFLICT (project_id, request_key) WHERE request_key IS NOT NULL DO NOTHING RETURNING seq"
)


class Keyframe(Struct, frozen=True, kw_only=True):
    """`shown`: as returned to clients. The picture is a blob, a URL, or a frame of an earlier video."""

    kind: Literal["image", "generation"]
    shown: dict[str, str]
    url: str | None = None
    upstream_id: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    prompt: str
    model: str
    aspect_ratio: str
    resolution: str
    seconds: int
    loop: bool = False
    expand: bool = False
    concepts: tuple[str, ...] = ()
    start: Keyframe | None = None
    end: Keyframe | None = None
    callback_url: str | None = None


class Record(Struct, kw_only=True):
    """`base` is the base URL of the client's request, for the URLs in callbacks."""

    request: Request
    created_at: float
    base: str
    credits: int
    key_id: str = ""
    width: int = 0
    height: int = 0
    thumbnail: bool = False
    failure_reason: str | None = None


_decode = msgspec.json.Decoder(Record).decode


@dataclass(frozen=True, slots=True)
class Video:
    seq: int
    id: str
    project_id: str
    provider: str
    state: State
    token: str
    upstream_id: str | None
    record: Record


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A file of a video; `blob` is held, or in use."""

    role: Role
    blob: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoClaim(Claim):
    """A video to make. `interruptions` starts again at 0 once the video is ordered and once its frames are made."""

    video: Video
    ordered_at: float | None
    pieces: tuple[VideoFile, ...]


@dataclass(frozen=True, slots=True)
class Callback:
    """A pending callback of a video's end. `attempts` includes this one."""

    video: Video
    attempts: int


class Videos:
    """Verbs on one video raise NotFound where the project has none of that id."""

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
        return await self._database.read(_get, project_id, video_id)

    async def lookup(self, project_id: str, ids: Sequence[str]) -> list[Video]:
        """In the order of the ids; raises NotFound for the first that the project does not have."""
        return await self._database.read(_lookup, project_id, ids)

    async def page(self, project_id: str, limit: int, after: str | None) -> tuple[list[Video], bool]:
        """The newest first, and whether there are more."""
        return await self._database.read(_page, project_id, PageRequest(limit, after=after))

    async def get_file(self, video_id: str, role: Role) -> tuple[str, VideoFile] | None:
        """A file with its access token; None if it does not exist."""
        return await self._database.read(_get_file, video_id, role)

    async def list_files(self, video_id: str) -> dict[Role, VideoFile]:
        return {piece.role: piece for piece in await self._database.read(_list_files, video_id)}

    async def delete(self, project_id: str, video_id: str) -> int:
        """Returns the row's number, by which a worker knows it."""
        return await self._database.write(_delete, project_id, video_id)

    async def count_ahead(self, seq: int) -> int:
        """The number of older active videos, of all projects."""
        return await self._database.read(_count_ahead, seq)

    # -- for workers -------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float, projects: int) -> list[Candidate[int]]:
        """The oldest waiting video of each of up to `projects` projects."""
        return await self._database.read(_list_oldest_videos, now, projects)

    async def claim(self, seq: int, owner: str, now: float) -> VideoClaim | None:
        """None where another worker has it."""
        return await self._database.write(_claim_video, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, int]:
        return await self._database.read(_JOBS.list_owned, owner)

    async def mark_ordering(self, owner: str, seq: int, now: float) -> bool:
        """This verb and the next two say whether the video was still the owner's."""
        return await self._database.write(_set, owner, seq, "ordered_at = $3", now)

    async def mark_ordered(self, owner: str, seq: int, upstream_id: str) -> bool:
        return await self._database.write(_set, owner, seq, "upstream_id = $3, interruptions = 0", upstream_id)

    async def mark_dreaming(self, owner: str, seq: int) -> bool:
        return await self._database.write(_mark_dreaming, owner, seq)

    async def has_upstream_id(self, upstream_id: str, provider: str) -> bool:
        return await self._database.read(_has_upstream_id, upstream_id, provider)

    async def complete(
        self, owner: str, claimed: VideoClaim, record: Record, pieces: Sequence[VideoFile], now: float
    ) -> bool:
        """Stores the files of a video and completes it; False, and nothing stored, where the claim was lost."""
        return await self._database.write(_complete, self._database, owner, claimed, record, pieces, now)

    async def fail(self, owner: str, claimed: VideoClaim, record: Record, now: float) -> bool:
        return await self._database.write(_finish_video, owner, claimed, "failed", record, (), now)

    async def release(self, owner: str, seq: int, due_at: float, *, attempts: int = 0) -> None:
        """Ends the claim. The video is due at `due_at`, and `attempts` are subtracted from its count."""
        await self._database.write(_JOBS.release, seq, owner, due_at, attempts)

    async def expire(self, ended_before: float, limit: int = 100) -> None:
        """Deletes up to `limit` videos that ended before that time."""
        if await self._database.read(_has_expired, ended_before, limit):
            await self._database.write(_expire, ended_before, limit)

    # -- callbacks ---------------------------------------------------------------------------------------------

    async def claim_callbacks(self, now: float, until: float, limit: int) -> list[Callback]:
        """Claims due callbacks: nobody else can claim them before `until`."""
        if not await self._database.read(_has_due_callbacks, now):
            return []
        return await self._database.write(_claim_callbacks, now, until, limit)

    async def retry_callback(self, video_id: str, due_at: float) -> None:
        await self._database.write(_retry_callback, video_id, due_at)

    async def end_callback(self, video_id: str) -> None:
        await self._database.write(_end_callback, video_id)


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
    rows = yield f"SELECT count(*) FROM generations WHERE project_id = $1 AND {_IS_ACTIVE}", (project_id,)  # noqa: S608
    if rows[0][0] >= most:
        raise video_limit_reached(most)
    body = msgspec.json.encode(record).decode()
    if not (yield _INSERT, (video_id, project_id, provider, token, request_key, body)):
        assert request_key is not None
        earlier = yield from _find_by_request_key(project_id, request_key, record)
        return earlier or video_id
    yield from _insert_files(video_id, pieces)
    return video_id


def _find_by_request_key(project_id: str, request_key: str, record: Record) -> Transaction[str | None]:
    """What the key has made already."""
    sql = "SELECT id, body FROM generations WHERE project_id = $1 AND request_key = $2 AND body IS NOT NULL"
    rows = yield sql, (project_id, request_key)
    if not rows:
        return None
    if _decode(rows[0][1]).request != record.request:
        raise idempotency_key_reused(request_key)
    return str(rows[0][0])


def _insert_files(video_id: str, pieces: Sequence[VideoFile]) -> Transaction[None]:
    for piece in pieces:
        blob = yield from retain(piece.blob)
        sql = "INSERT INTO generation_blobs (generation_id, role, blob, bytes) VALUES ($1, $2, $3, $4)"
        yield sql, (video_id, piece.role, blob, piece.bytes)


def _get(project_id: str, video_id: str) -> Transaction[Video]:
    rows = yield f"SELECT {_COLUMNS} FROM generations WHERE {_IN_PROJECT}", (video_id.lower(), project_id)  # noqa: S608
    if not rows:
        raise not_found("generation", video_id)
    return _video(rows[0])


def _lookup(project_id: str, ids: Sequence[str]) -> Transaction[list[Video]]:
    found = {}
    for video_id in ids:
        found[video_id] = yield from _get(project_id, video_id)
    return list(found.values())


def _page(project_id: str, request: PageRequest) -> Transaction[tuple[list[Video], bool]]:
    page: Page = yield from read_page(_PAGE, (project_id,), request)
    found = yield from _lookup(project_id, [row[0] for row in page.rows])
    return found, page.has_more


def _get_file(video_id: str, role: Role) -> Transaction[tuple[str, VideoFile] | None]:
    sql = (
        "SELECT token, blob, bytes FROM generations JOIN generation_blobs ON generation_id = id"
        " WHERE id = $1 AND role = $2 AND body IS NOT NULL"
    )
    rows = yield sql, (video_id.lower(), role)
    return (str(rows[0][0]), VideoFile(role, rows[0][1], rows[0][2])) if rows else None


def _list_files(video_id: str) -> Transaction[list[VideoFile]]:
    rows = yield "SELECT role, blob, bytes FROM generation_blobs WHERE generation_id = $1", (video_id,)
    return [VideoFile(*row) for row in rows]


def _delete(project_id: str, video_id: str) -> Transaction[int]:
    found = yield from _get(project_id, video_id)
    yield from _remove(found.id)
    return found.seq


def _remove(video_id: str) -> Transaction[None]:
    sql = "UPDATE generations SET body = NULL, request_key = NULL WHERE id = $1 AND body IS NOT NULL RETURNING seq"
    if not (yield sql, (video_id,)):
        return
    sql = "DELETE FROM generation_blobs WHERE generation_id = $1 RETURNING blob"
    for (blob,) in (yield sql, (video_id,)):
        yield from release(blob)
    yield from _end_callback(video_id)


def _count_ahead(seq: int) -> Transaction[int]:
    rows = yield f"SELECT count(*) FROM generations WHERE seq < $1 AND {_IS_ACTIVE}", (seq,)  # noqa: S608
    return int(rows[0][0])


_OLDEST_VIDEOS = compose_sql(
    "SELECT min(seq), project_id FROM generations WHERE", _JOBS.is_claimable, "GROUP BY project_id ORDER BY 1 LIMIT $2"
)
_CLAIMED = compose_sql(_COLUMNS, ", attempts, interruptions, ordered_at")


def _list_oldest_videos(now: float, projects: int) -> Transaction[list[Candidate[int]]]:
    return [Candidate(*row) for row in (yield _OLDEST_VIDEOS, (now, projects))]


def _claim_video(seq: int, owner: str, now: float) -> Transaction[VideoClaim | None]:
    row = yield from _JOBS.claim(seq, owner, now, _CLAIMED)
    if row is None:
        return None
    video = _video(row)
    files = yield from _list_files(video.id)
    attempts, interruptions, ordered_at = row[8:]
    return VideoClaim(
        seq=seq,
        project_id=video.project_id,
        attempts=attempts,
        interruptions=interruptions,
        video=video,
        ordered_at=ordered_at,
        pieces=tuple(files),
    )


def _set(owner: str, seq: int, change: str, value: float | str) -> Transaction[bool]:
    sql = f"UPDATE generations SET {change} WHERE owner = $1 AND seq = $2 AND {_IS_ACTIVE} RETURNING seq"  # noqa: S608
    return bool((yield sql, (owner, seq, value)))


def _mark_dreaming(owner: str, seq: int) -> Transaction[bool]:
    sql = (
        "UPDATE generations SET state = 'dreaming', interruptions = 0"  # noqa: S608
        " WHERE owner = $1 AND seq = $2 AND body IS NOT NULL"
        f" AND state IN ({_SOURCE_STATES['dreaming']}) RETURNING seq"
    )
    return bool((yield sql, (owner, seq)))


def _has_upstream_id(upstream_id: str, provider: str) -> Transaction[bool]:
    sql = "SELECT 1 FROM generations WHERE upstream_id = $1 AND provider = $2 LIMIT 1"
    return bool((yield sql, (upstream_id, provider)))


def _complete(
    database: Database, owner: str, claimed: VideoClaim, record: Record, pieces: Sequence[VideoFile], now: float
) -> Transaction[bool]:
    """A video is paid for when it is there, and once."""
    if not (yield from _finish_video(owner, claimed, "completed", record, pieces, now)):
        return False
    video = claimed.video
    usage = ledger.Usage(
        reference=video.id,
        kind="video",
        model=f"luma/{record.request.model}",
        created_at=int(now),
        key_id=record.key_id,
        credits=record.credits,
    )
    yield from ledger.record(database, video.project_id, usage)
    return True


def _finish_video(
    owner: str, claimed: VideoClaim, state: State, record: Record, pieces: Sequence[VideoFile], now: float
) -> Transaction[bool]:
    video = claimed.video
    sql = (
        "UPDATE generations SET state = $3, body = $4, ended_at = $5, owner = NULL"  # noqa: S608 - constants only
        f" WHERE owner = $1 AND seq = $2 AND body IS NOT NULL AND state IN ({_SOURCE_STATES[state]}) RETURNING seq"
    )
    body = msgspec.json.encode(record).decode()
    if not (yield sql, (owner, video.seq, state, body, now)):
        return False
    yield from _insert_files(video.id, pieces)
    if record.request.callback_url is not None:
        sql = "INSERT INTO generation_callbacks (generation_id, due_at, attempts) VALUES ($1, $2, 0)"
        yield sql, (video.id, now)
    return True


_EXPIRED = "SELECT id FROM generations WHERE body IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2"


def _has_expired(ended_before: float, limit: int) -> Transaction[bool]:
    return bool((yield _EXPIRED, (ended_before, limit)))


def _expire(ended_before: float, limit: int) -> Transaction[None]:
    for (video_id,) in (yield _EXPIRED + " FOR UPDATE", (ended_before, limit)):
        yield from _remove(video_id)


def _has_due_callbacks(now: float) -> Transaction[bool]:
    return bool((yield "SELECT 1 FROM generation_callbacks WHERE due_at <= $1 LIMIT 1", (now,)))


def _claim_callbacks(now: float, until: float, limit: int) -> Transaction[list[Callback]]:
    sql = "SELECT generation_id FROM generation_callbacks WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE"
    taken = []
    for (video_id,) in (yield sql, (now, limit)):
        sql = (
            "UPDATE generation_callbacks SET due_at = $2, attempts = attempts + 1"
            " WHERE generation_id = $1 RETURNING attempts"
        )
        attempts = yield sql, (video_id, until)
        rows = yield f"SELECT {_COLUMNS} FROM generations WHERE id = $1 AND body IS NOT NULL", (video_id,)  # noqa: S608
        taken += [Callback(_video(row), attempts[0][0]) for row in rows]
    return taken


def _retry_callback(video_id: str, due_at: float) -> Transaction[None]:
    yield "UPDATE generation_callbacks SET due_at = $2 WHERE generation_id = $1", (video_id, due_at)


def _end_callback(video_id: str) -> Transaction[None]:
    yield "DELETE FROM generation_callbacks WHERE generation_id = $1", (video_id,)


def _video(row: Row) -> Video:
    seq, video_id, project_id, provider, state, token, upstream_id, body = row[:8]
    return Video(seq, video_id, project_id, provider, state, token, upstream_id, _decode(body))
