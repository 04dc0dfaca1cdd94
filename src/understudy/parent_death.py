"""How a child process dies with the server that started it, however that one ends. For the child, at its beginning."""

import ctypes
import os
import signal
import sys
from typing import Any, Final

_SET_PDEATHSIG: Final = 1  # of prctl(2)


def die_with_parent(parent: int) -> None:
    """`parent` is its process id, as the parent itself gave it. Where that one has died already, this one ends here.

    The kernel sends the signal when the thread ends that started this process, which has to be one that stays.
    """
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # After prctl: from here on the kernel reports the parent's death.
    if os.getppid() != parent:
        os._exit(1)
