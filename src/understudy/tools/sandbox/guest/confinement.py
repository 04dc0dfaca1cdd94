"""Limits that a process sets for itself and its children. None of them can be raised again."""

import ctypes
import os
import resource
from typing import Any, Final

_SET_DUMPABLE: Final = 4
_OPEN_FILES: Final = 256
_NICE: Final = 5
_CPU_GRACE: Final = 5
_DATA_SLACK: Final = 128 << 20
_ADDRESS_SLACK: Final = 1 << 30


def confine(limits: dict[str, int]) -> None:
    """For the relay and every kernel. `memory` and `file` are in bytes.

    RLIMIT_DATA counts private writable memory; the rest of the address space is libraries and shared memory. Most of
    the slack is for stacks of the kernel's own threads, reserved and hardly used.
    """
    _limit(resource.RLIMIT_DATA, limits["memory"] + _DATA_SLACK)
    _limit(resource.RLIMIT_AS, 2 * limits["memory"] + _ADDRESS_SLACK)
    _limit(resource.RLIMIT_NPROC, limits["processes"])
    _limit(resource.RLIMIT_FSIZE, limits["file"])
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MEMLOCK, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)
    os.nice(_NICE)
    hide()


def hide() -> None:
    """Denies other processes of the same user access to this process's memory and descriptors."""
    _control(0)


def confine_kernel(cpu_seconds: int) -> None:
    """For a kernel alone: it may be inspected, is the first to be killed when memory is short, and has limited time.

    SIGXCPU comes first, which names the cause of death; SIGKILL follows if it is ignored.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + _CPU_GRACE))
    _control(1)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - no more imports than needed
        file.write("1000")


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _control(dumpable: int) -> None:
    library: Any = ctypes.CDLL(None)
    library.prctl(_SET_DUMPABLE, dumpable, 0, 0, 0)
