"""Rows of videos: the request, the state, and the names of the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct

from understudy.store.blobs import retain
from understudy.store.database import Row, Transaction
from understudy.wire.videos import State

Role = Literal["video", "thumbnail", "start", "end"]
VIDEO_COLUMNS = "seq, id, project_id, provider, state, token, upstream_id, body"


class Keyframe(Struct, frozen=True, kw_only=True):
    """`shown`: as returned to clients. The picture is a blob, a URL, or a frame of an earlier video."""

    kind: Literal["image", "generation"]
    shown: dict[str, str]
    url: str | None = None
    upstream_id: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    """`named_model`, `size` and `remixed_from` are those of a request in the form of the hosted API.

    `size` is in pixels, like `1280x720`, and `remixed_from` is the id of a video.
    """

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
    named_model: str | None = None
    size: str | None = None
    remixed_from: str | None = None
    callback_url: str | None = None


class Record(Struct, kw_only=True):
    """`base` is the base URL of the client's request, for the URLs in callbacks. Times are in Unix seconds."""

    request: Request
    created_at: float
    base: str
    credits: int
    key_id: str = ""
    width: int = 0
    height: int = 0
    thumbnail: bool = False
    failure_reason: str | None = None
    ended_at: float | None = None


decode_record = msgspec.json.Decoder(Record).decode


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


def insert_files(video_id: str, pieces: Sequence[VideoFile]) -> Transaction[None]:
    for piece in pieces:
        blob = yield from retain(piece.blob)
        sql = "INSERT INTO generation_blobs (generation_id, role, blob, bytes) VALUES ($1, $2, $3, $4)"
        yield sql, (video_id, piece.role, blob, piece.bytes)


def list_files(video_id: str) -> Transaction[list[VideoFile]]:
    rows = yield "SELECT role, blob, bytes FROM generation_blobs WHERE generation_id = $1", (video_id,)
    return [VideoFile(*row) for row in rows]


def to_video(row: Row) -> Video:
    seq, video_id, project_id, provider, state, token, upstream_id, body = row[:8]
    return Video(seq, video_id, project_id, provider, state, token, upstream_id, decode_record(body))
