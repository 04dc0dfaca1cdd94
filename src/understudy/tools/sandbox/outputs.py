"""The outputs of running code: values between a sandbox and its callers. All frozen."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

LostState: TypeAlias = Literal["nothing", "variables", "everything"]
"""What a session lost: `variables` is the state of the kernel, `everything` includes the files."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Text that the code printed."""

    name: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """The value of the last expression, or a displayed object, as text."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A displayed figure."""

    mime: Literal["image/png", "image/jpeg"]
    data: bytes


@dataclass(frozen=True, slots=True)
class Error:
    """The exception that the code raised. `traceback` is the whole text without colours, with name and message last."""

    name: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence of the sandbox about dropped output, or about state that was lost before this execution."""

    text: str
    lost: LostState = "nothing"


@dataclass(frozen=True, slots=True)
class ExecutionEnd:
    """The last output of every execution. `text` is a sentence about a failure beyond the code's own errors.

    `ok` and `error`: the code completed, or raised. `timed_out` and `interrupted`: it was stopped by its time limit or
    by `interrupt`. `died`: its kernel ended.
    """

    status: Literal["ok", "error", "timed_out", "interrupted", "died"]
    lost: LostState = "nothing"
    text: str = ""


Output: TypeAlias = Stream | Value | Image | Error | Note | ExecutionEnd

_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def strip_control_characters(text: str) -> str:
    """Removes terminal sequences; other control characters, which databases refuse, are replaced."""
    return _CONTROLS.sub("\ufffd", _ESCAPES.sub("", text))
