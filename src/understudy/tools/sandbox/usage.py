"""Measures the resources of a sandbox from outside: memory and CPU time from its /proc, inodes from its file systems.

Limits of processes do not add up over processes, and none counts inodes; this does. See `watch` for the consequences.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from understudy.tools.sandbox.shared_fd import SharedFd

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW
_READ_BYTES: Final = 4096
# Fields after the program's name, which may contain anything: utime, stime, cutime, cstime.
_TIME_FIELDS: Final = slice(11, 15)
# CPU time of its children, former kernels, is not charged to the current kernel.
_RELAY_PID: Final = "2"
_SOCKETS: Final = "1/net/sockstat"


@dataclass(frozen=True, slots=True)
class Usage:
    """`resident` counts memory that processes share once for each of them; `shared_fairly` is exact."""

    processes: int
    resident: int
    cpu_seconds: float
    inodes: int
    sockets: int


def used(proc: SharedFd, places: Sequence[SharedFd]) -> Usage:
    """`proc` is the sandbox's /proc, `places` are its file systems. Raises OSError if they are gone."""
    with proc.use() as processes:
        return _sum_processes(processes, places)


def measure_shared_memory(proc: SharedFd) -> int:
    """Bytes of memory and swap, each page divided by the number of its users. Slow: milliseconds a process."""
    with proc.use() as processes:
        return sum(_shared_memory_of(name, processes) for name in _numbers(processes))


def _shared_memory_of(process: str, processes: int) -> int:
    """Bytes; 0 for a process that has exited meanwhile."""
    try:
        lines = _read_bytes(f"{process}/smaps_rollup", processes).splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith((b"Pss:", b"SwapPss:")))
    except (OSError, ValueError):
        return 0


def _sum_processes(processes: int, places: Sequence[SharedFd]) -> Usage:
    count = resident = ticks = 0
    for name in _numbers(processes):
        with suppress(OSError, ValueError, IndexError):  # it exited meanwhile
            resident += int(_read_bytes(f"{name}/statm", processes).split()[1])
            times = _read_bytes(f"{name}/stat", processes).rpartition(b")")[2].split()[_TIME_FIELDS]
            ticks += sum(map(int, times[:2] if name == _RELAY_PID else times))
            count += 1
    return Usage(count, resident * _PAGE, ticks / _TICKS, sum(map(_inodes, places)), _sockets(processes))


def _sockets(processes: int) -> int:
    """All sockets of its network: the first line reads `sockets: used 20`."""
    return int(_read_bytes(_SOCKETS, processes).split(None, 3)[2])


def _numbers(processes: int) -> Iterator[str]:
    return (name for name in os.listdir(processes) if name.isdigit())


def _read_bytes(path: str, folder: int) -> bytes:
    opened = os.open(path, _READ, dir_fd=folder)
    try:
        return os.read(opened, _READ_BYTES)
    finally:
        os.close(opened)


def _inodes(place: SharedFd) -> int:
    with place.use() as folder:
        status = os.statvfs(folder)
    return status.f_files - status.f_ffree
