"""Sentences about code that did not end by itself. A model reads them as well as people do."""

import re
from typing import Final

STATE_KEPT: Final = "Variables and files are kept."
VARIABLES_LOST: Final = "All variables and imports are lost; the files in /mnt/data are kept."
INTERRUPTED: Final = "The code was interrupted."
ALL_STATE_LOST: Final = "All variables and all files in /mnt/data are lost."
_SIGNALS: Final = {
    "SIGKILL": "It was killed, most likely because memory ran out.",
    "SIGXCPU": "It used more processor time than is allowed.",
    "SIGSEGV": "It crashed.",
    "SIGABRT": "It crashed.",
    "SIGBUS": "It crashed.",
}
# What bubblewrap complains of: paths that begin like these are those of the inside.
_HOST_PATH: Final = re.compile(r"(?<![\w.:/-])/(?!(?:newroot|usr|proc|dev|tmp|mnt/data|opt)(?:/|\b))[^\s:,;'\"]+")


def without_host_paths(text: str) -> str:
    """For clients, whose business the folders of this machine are not."""
    return _HOST_PATH.sub("[path]", text)


def timed_out(seconds: float) -> str:
    return f"The code ran for more than {seconds:g} seconds and was stopped."


def state_kept(stopped: str) -> str:
    return f"{stopped} {STATE_KEPT}" if stopped else ""


def kernel_restarted(reason: str, how: str, stopped: str) -> str:
    """`stopped` says that the code was stopped, `reason` why somebody replaced the kernel, `how` what ended it."""
    if stopped:
        return f"{stopped} It did not react, so the kernel was replaced. {VARIABLES_LOST}"
    return (
        f"The kernel ended and was replaced. {reason or _SIGNALS.get(how) or f'It ended with {how}.'} {VARIABLES_LOST}"
    )


def kernel_ended(reason: str, stopped: str) -> str:
    said = [stopped or "The session ended while the code ran.", reason, ALL_STATE_LOST]
    return " ".join(part for part in said if part)


def session_replaced() -> str:
    return f"The session ended meanwhile, and this is a new one. {ALL_STATE_LOST}"


def too_much_text(limit: int) -> str:
    return f"[The output is longer than {limit} bytes; the rest was left out.]"


def too_many_images(limit: int) -> str:
    return f"[More than {limit} images were shown; the rest was left out.]"
