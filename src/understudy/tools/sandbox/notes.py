"""Sentences about code that was stopped, or whose kernel or session ended. Models and people read them."""

import re
from typing import Final

STATE_PRESERVED: Final = "Variables and files are preserved."
VARIABLES_LOST: Final = "All variables and imports are lost; the files in /mnt/data are preserved."
INTERRUPTED: Final = "The code was interrupted."
ALL_STATE_LOST: Final = "All variables and all files in /mnt/data are lost."
_SIGNALS: Final = {
    "SIGKILL": "It was killed, most likely because memory ran out.",
    "SIGXCPU": "It exceeded the limit of processor time.",
    "SIGSEGV": "It crashed.",
    "SIGABRT": "It crashed.",
    "SIGBUS": "It crashed.",
}
# In what bubblewrap prints, paths with these prefixes are paths of the sandbox.
_HOST_PATH: Final = re.compile(r"(?<![\w.:/-])/(?!(?:newroot|usr|proc|dev|tmp|mnt/data|opt)(?:/|\b))[^\s:,;'\"]+")


def without_host_paths(text: str) -> str:
    """The text without paths of this machine, for clients."""
    return _HOST_PATH.sub("[path]", text)


def describe_timeout(seconds: float) -> str:
    return f"The code ran for more than {seconds:g} seconds and was stopped."


def describe_stop(stopped: str) -> str:
    return f"{stopped} {STATE_PRESERVED}" if stopped else ""


def describe_restart(reason: str, how: str, stopped: str) -> str:
    """`stopped`: the sentence about a stop; `reason`: why the kernel was replaced; `how`: its exit code or signal."""
    if stopped:
        return f"{stopped} It did not respond, so the kernel was replaced. {VARIABLES_LOST}"
    return (
        f"The kernel ended and was replaced. {reason or _SIGNALS.get(how) or f'It ended with {how}.'} {VARIABLES_LOST}"
    )


def describe_end(reason: str, stopped: str) -> str:
    parts = [stopped or "The session ended while the code was running.", reason, ALL_STATE_LOST]
    return " ".join(part for part in parts if part)


def describe_new_session() -> str:
    return f"The session ended meanwhile, and this is a new one. {ALL_STATE_LOST}"


def describe_truncated_text(limit: int) -> str:
    return f"[The output exceeds the limit of {limit} bytes; the rest was dropped.]"


def describe_omitted_images(limit: int) -> str:
    return f"[The output exceeds the limit of {limit} images; the rest was dropped.]"
