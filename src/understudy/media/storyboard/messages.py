"""What the child process is asked and answers, each one JSON document. Knows no process and draws nothing."""

from typing import Literal

from msgspec import Struct


class Picture(Struct, frozen=True):
    """`image` is a picture; `first` and `last` are frames of the video at `path`."""

    kind: Literal["image", "first", "last"]
    path: str


class Order(Struct, frozen=True, kw_only=True):
    prompt: str
    seconds: int
    width: int
    height: int
    loop: bool
    expand: bool
    concepts: tuple[str, ...]
    start: Picture | None
    end: Picture | None
    video: str
    thumbnail: str
    memory: int
    """Bytes that the child may take."""
    cpu_seconds: int


class Answer(Struct, frozen=True):
    """`refused` says what is wrong with the order; without it, the files are there."""

    refused: str | None = None
