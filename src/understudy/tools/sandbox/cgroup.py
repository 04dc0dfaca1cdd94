"""Limits by cgroup v2, if a subtree was delegated to this server; otherwise other limits apply.

The server's own processes move into a leaf of the subtree, since a group with processes cannot have subgroups.
"""

import asyncio
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_LEAF: Final = "server"
_PREFIX: Final = "sandbox-"
_CONTROLLERS: Final = frozenset({"memory", "pids"})
_EMPTY_TRIES: Final = 50


class Group:
    """The group of one sandbox."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, *pids: int) -> None:
        for pid in pids:
            (self._path / "cgroup.procs").write_text(str(pid))

    async def remove(self) -> None:
        """Kills all processes in the group and removes it."""
        with suppress(OSError):
            (self._path / "cgroup.kill").write_text("1")
        for _ in range(_EMPTY_TRIES):
            try:
                self._path.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # its processes are still exiting
                await asyncio.sleep(0.02)
            else:
                return


class Groups:
    """`path` is delegated to this process, with the memory and pids controllers enabled."""

    def __init__(self, path: Path, memory: int, processes: int) -> None:
        self._path = path
        self._memory = memory
        self._processes = processes

    def make(self) -> Group:
        path = self._path / f"{_PREFIX}{secrets.token_hex(6)}"
        path.mkdir()
        (path / "memory.max").write_text(str(self._memory))
        (path / "pids.max").write_text(str(self._processes))
        with suppress(OSError):  # only on a machine with swap
            (path / "memory.swap.max").write_text("0")
        return Group(path)


def open_delegated(
    memory: int, processes: int, root: Path = _ROOT, own: Path = Path("/proc/self/cgroup")
) -> Groups | None:
    """Prepares the delegated subtree; None if nothing was delegated. `root` is the mount point of cgroup v2."""
    path = _own_group(root, own)
    if path is None:
        return None
    with suppress(OSError):
        for candidate in (path, path.parent) if path.name == _LEAF else (path,):
            if _has_subgroups(candidate) or _enable_subgroups(candidate):
                return Groups(candidate, memory, processes)
    return None


def is_delegated(root: Path = _ROOT, own: Path = Path("/proc/self/cgroup")) -> bool:
    """Whether `delegated` would succeed; changes nothing."""
    path = _own_group(root, own)
    with suppress(OSError):
        return path is not None and (
            _has_subgroups(path) or _can_have_subgroups(path) or (path.name == _LEAF and _has_subgroups(path.parent))
        )
    return False


def _own_group(root: Path, own: Path) -> Path | None:
    """The cgroup of this process if v2 is in use and it is not the root."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            number, _, name = line.split(":", 2)
            if number == "0" and name != "/" and (root / "cgroup.controllers").exists():
                return root / name.lstrip("/")
    return None


def _has_subgroups(path: Path) -> bool:
    handed_on = set((path / "cgroup.subtree_control").read_text().split())
    return handed_on >= _CONTROLLERS and os.access(path, os.W_OK) and os.access(path / "cgroup.procs", os.W_OK)


def _can_have_subgroups(path: Path) -> bool:
    has = set((path / "cgroup.controllers").read_text().split())
    if (
        not has >= _CONTROLLERS
        or not os.access(path, os.W_OK)
        or not os.access(path / "cgroup.subtree_control", os.W_OK)
    ):
        return False
    inside = {int(pid) for pid in (path / "cgroup.procs").read_text().split()}
    return not inside - {os.getpid()}


def _enable_subgroups(path: Path) -> bool:
    if not _can_have_subgroups(path):
        return False
    leaf = path / _LEAF
    leaf.mkdir(exist_ok=True)
    (leaf / "cgroup.procs").write_text(str(os.getpid()))
    controllers = " ".join(f"+{name}" for name in sorted(_CONTROLLERS))
    (path / "cgroup.subtree_control").write_text(controllers)
    return True
