"""Ends a child process when its server ends, in whatever way. Called by the child at its start."""

import ctypes
import os
import signal
import sys
from typing import Any, Final

_SET_PDEATHSIG: Final = 1  # of prctl(2)


def die_with_parent(parent: int) -> None:
    """Arranges SIGKILL at the death of `parent`, a process id from the parent itself; exits if it has died already.

    The kernel sends the signal when the thread that started this process ends, so that thread must outlive it.
    """
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # After prctl: from here on the kernel reports the parent's death.
    if os.getppid() != parent:
        os._exit(1)
