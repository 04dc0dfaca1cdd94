"""What makes a video is to the rest of the program: a job in, files out. Knows no tenant, no store and no HTTP.

A provider may be asked for the same job again after a crash. What it told its `Progress` is in the job then, so that
what was ordered once is waited for and not ordered a second time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from understudy.errors import UnderstudyError


class MediaError(UnderstudyError):
    """A video that could not be made; the message is for the client. `passing`: another attempt may do better."""

    def __init__(self, message: str, *, passing: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.passing = passing
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a video begins or ends: a picture, or the nearest frame of an earlier video.

    `path` is the picture or the video as a local file, `url` where anybody finds it, `upstream_id` what the job's own
    provider calls the earlier video. Each provider takes what it can use.
    """

    kind: Literal["image", "generation"]
    path: Path | None = None
    url: str | None = None
    upstream_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """`ordered_at` is when an order went out whose answer may have been lost; `upstream_id` is that answer."""

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
    """The files are in the folder that the job was given."""

    video: Path
    thumbnail: Path | None
    width: int
    height: int


class Progress(Protocol):
    """What a provider says while it works. Each word is durable when the call returns."""

    async def ordering(self) -> None:
        """An order is about to be sent, and may be taken even if no answer comes."""
        ...

    async def ordered(self, upstream_id: str) -> None: ...

    async def is_free(self, upstream_id: str) -> bool:
        """Whether no other job has that id: what a lost order may have become."""
        ...

    async def dreaming(self) -> None:
        """The work on the pictures has begun."""
        ...


class VideoProvider(Protocol):
    name: str
    takes: frozenset[Literal["file", "url"]]
    """How it can be handed a picture: as a local file, by an address that it fetches by itself, or both."""

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        """Raises MediaError. A cancelled call leaves no work of this machine behind."""
        ...

    async def close(self) -> None: ...
