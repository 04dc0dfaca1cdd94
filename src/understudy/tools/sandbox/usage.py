"""What a sandbox uses, read from the outside: memory and processor time from its /proc, inodes from its file systems.

Limits of a process do not add up over processes, and none counts inodes; this does. See `watch` for what follows.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from understudy.tools.sandbox.held import Held

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW
_SMALL: Final = 4096
# Counted from after the name of the program, which may hold anything: utime, stime, cutime, cstime.
_TIMES: Final = slice(11, 15)
# Its children were kernels that are gone, and what they used is not held against the one that runs.
_RELAY: Final = "2"
_SOCKETS: Final = "1/net/sockstat"


@dataclass(frozen=True, slots=True)
class Usage:
    """`resident` counts memory that processes share once for each of them; `shared_fairly` says what it really is."""

    processes: int
    resident: int
    cpu_seconds: float
    inodes: int
    sockets: int


def used(proc: Held, places: Sequence[Held]) -> Usage:
    """`proc` is the sandbox's /proc, `places` are its file systems. Raises OSError where they are gone."""
    with proc.used() as processes:
        return _summed(processes, places)


def shared_fairly(proc: Held) -> int:
    """Bytes of memory and of swap, each page divided by the number of those who have it.

    Takes its time: milliseconds a process.
    """
    total = 0
    with proc.used() as processes:
        for name in _numbers(processes):
            with suppress(OSError, ValueError):
                for line in _read(f"{name}/smaps_rollup", processes).splitlines():
                    if line.startswith((b"Pss:", b"SwapPss:")):
                        total += int(line.split()[1]) * 1024
    return total


def _summed(processes: int, places: Sequence[Held]) -> Usage:
    count = resident = ticks = 0
    for name in _numbers(processes):
        with suppress(OSError, ValueError, IndexError):  # it ended meanwhile
            resident += int(_read(f"{name}/statm", processes).split()[1])
            times = _read(f"{name}/stat", processes).rpartition(b")")[2].split()[_TIMES]
            ticks += sum(map(int, times[:2] if name == _RELAY else times))
            count += 1
    return Usage(count, resident * _PAGE, ticks / _TICKS, sum(map(_inodes, places)), _sockets(processes))


def _sockets(processes: int) -> int:
    """All that its network has: the first line reads `sockets: used 20`."""
    return int(_read(_SOCKETS, processes).split(None, 3)[2])


def _numbers(processes: int) -> Iterator[str]:
    return (name for name in os.listdir(processes) if name.isdigit())


def _read(path: str, folder: int) -> bytes:
    opened = os.open(path, _READ, dir_fd=folder)
    try:
        return os.read(opened, _SMALL)
    finally:
        os.close(opened)


def _inodes(place: Held) -> int:
    with place.used() as folder:
        found = os.statvfs(folder)
    return found.f_files - found.f_ffree
