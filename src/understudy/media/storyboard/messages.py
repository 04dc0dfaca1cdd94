"""The request to the child process and its response, each one JSON document. Knows no process and draws nothing."""

from typing import Literal

from msgspec import Struct


class Picture(Struct, frozen=True):
    """`image` is a picture; `first` and `last` are frames of the video at `path`."""

    kind: Literal["image", "first", "last"]
    path: str


class RenderRequest(Struct, frozen=True, kw_only=True):
    """`memory` is the child's limit in bytes."""

    prompt: str
    seconds: int
    size: tuple[int, int]
    loop: bool
    concepts: tuple[str, ...]
    start: Picture | None
    end: Picture | None
    video: str
    thumbnail: str
    memory: int
    cpu_seconds: int


class RenderResponse(Struct, frozen=True):
    error: str | None = None
