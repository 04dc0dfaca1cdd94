"""The interface of video providers: a job in, files out. Knows no tenant, no store and no HTTP.

A provider may get the same job again after a crash. The job then has what the provider reported to its `Progress`, so
that an existing order is polled and not placed a second time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from understudy.errors import UnderstudyError


class MediaError(UnderstudyError):
    """The generation of a video failed; the message is for the client. `passing`: a retry may succeed."""

    def __init__(self, message: str, *, passing: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.passing = passing
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a video begins or ends: a picture, or the nearest frame of an earlier video.

    `path` is the picture or the video as a local file, `url` its public address, `upstream_id` the earlier video's id
    at the job's own provider. Each provider uses what it supports.
    """

    kind: Literal["image", "generation"]
    path: Path | None = None
    url: str | None = None
    upstream_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """`ordered_at` is the time of an order whose response may be lost; `upstream_id` is the id in that response."""

    id: str
    prompt: str
    model: str
    aspect_ratio: str
    resolution: str
    seconds: int
    loop: bool = False
    expand: bool = False
    concepts: tuple[str, ...] = ()
    start: Frame | None = None
    end: Frame | None = None
    upstream_id: str | None = None
    ordered_at: float | None = None


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """The files of a job, in its folder."""

    video: Path
    thumbnail: Path | None
    width: int
    height: int


class Progress(Protocol):
    """What a provider reports while it works. Each report is durable when the call returns."""

    async def ordering(self) -> None:
        """An order is about to be sent. It may be accepted even if the response is lost."""
        ...

    async def ordered(self, upstream_id: str) -> None: ...

    async def is_free(self, upstream_id: str) -> bool:
        """Whether no other job has that id, so that it may be the one of a lost order."""
        ...

    async def dreaming(self) -> None:
        """The generation has started."""
        ...


class VideoProvider(Protocol):
    name: str
    takes: frozenset[Literal["file", "url"]]
    """The supported forms of a picture: a local file, a URL that the provider fetches, or both."""
    lengths: tuple[int, ...] | None
    """The lengths of videos in seconds, in ascending order, or None for any; such a provider makes any size too."""

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        """Raises MediaError. A cancelled call leaves no process behind."""
        ...

    async def close(self) -> None: ...
