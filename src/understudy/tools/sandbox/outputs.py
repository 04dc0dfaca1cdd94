"""What running code gives: the words between a sandbox and whoever asked it to run something. Frozen, all of them."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

LostState: TypeAlias = Literal["nothing", "variables", "everything"]
"""What a session lost: `variables` is the state of the kernel, `everything` the files as well."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Text that the code printed."""

    name: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """The value of the last expression, or something that was displayed, as text."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A figure that was shown."""

    mime: Literal["image/png", "image/jpeg"]
    data: bytes


@dataclass(frozen=True, slots=True)
class Error:
    """What the code raised. `traceback` is the whole text, without colours; it ends with name and message."""

    name: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence of the sandbox itself about what was left out, or was lost before this code began."""

    text: str
    lost: LostState = "nothing"


@dataclass(frozen=True, slots=True)
class ExecutionEnd:
    """The last output of every execution. `text` is a sentence where something went wrong beyond the code's errors.

    `ok` and `error`: the code ran to its end, or raised. `timed_out` and `interrupted`: it was stopped, by its time
    limit or by a call of `interrupt`. `died`: what ran it is gone.
    """

    status: Literal["ok", "error", "timed_out", "interrupted", "died"]
    lost: LostState = "nothing"
    text: str = ""


Output: TypeAlias = Stream | Value | Image | Error | Note | ExecutionEnd

_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def strip_control_characters(text: str) -> str:
    """Without terminal sequences; other control characters, which databases refuse, are shown as unknown."""
    return _CONTROLS.sub("\ufffd", _ESCAPES.sub("", text))
