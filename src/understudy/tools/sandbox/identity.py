"""The user that the sandbox runs as on the host. A root server drops its privileges for the processes it starts.

Limits do not bind root, and an escape must not make files readable that only root can read.
"""

import ctypes
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

UNPRIVILEGED: Final = 65500
"""User and group instead of root: above those of people and systems, below `nobody`, which others use too."""

# Binds what the unprivileged user could not reach into a folder of a mount namespace of its own; then gives up root.
_STAGING_SCRIPT: Final = """set -e
stage=$1 number=0; shift
mount -t tmpfs -o mode=0755,size=64k tmpfs "$stage"
while [ "$1" != -- ]; do
    mkdir "$stage/$number"; mount --bind "$1" "$stage/$number"; number=$((number + 1)); shift
done
shift
unset PATH
exec "$@"
"""
_SETPRIV_FLAGS: Final = (f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", "--")


class Identity:
    """How a command is started. `sources` are the folders it has to reach; `reached` are their paths inside of it."""

    def __init__(self, sources: Sequence[Path], stage: Path) -> None:
        self.is_root = os.geteuid() == 0
        self._sources = sources
        self._stage = stage
        self._staged = self.is_root and not all(map(_is_world_readable, sources))

    def missing_program(self) -> str | None:
        """The name of a required program that is missing."""
        programs = ("setpriv", "unshare", "mount") if self._staged else ("setpriv",)
        return next((name for name in programs if shutil.which(name) is None), None) if self.is_root else None

    def reachable_paths(self) -> list[Path]:
        if not self._staged:
            return list(self._sources)
        return [self._stage / str(number) for number in range(len(self._sources))]

    def prefix(self) -> list[str]:
        """The prefix of the command."""
        if not self.is_root:
            return []
        switch = [shutil.which("setpriv") or "setpriv", *_SETPRIV_FLAGS]
        if not self._staged:
            return switch
        self._stage.mkdir(mode=0o755, parents=True, exist_ok=True)
        sources = [str(source) for source in self._sources]
        unshare = [shutil.which("unshare") or "unshare", "--mount", "--propagation", "private"]
        return [*unshare, "/bin/sh", "-c", _STAGING_SCRIPT, "sh", str(self._stage), *sources, "--", *switch]

    def environment(self) -> dict[str, str]:
        """Environment variables for the command: none, or those of its first steps, which remove them."""
        return {"PATH": os.environ.get("PATH", os.defpath)} if self._staged else {}

    def assume(self) -> None:
        """For a thread that accesses the files inside: it gets the permissions of their owner for good."""
        if self.is_root:
            library: Any = ctypes.CDLL(None)
            library.setfsgid(UNPRIVILEGED)
            library.setfsuid(UNPRIVILEGED)


def _is_world_readable(path: Path) -> bool:
    """Whether every user may read below the folder, judged by it and the folders above."""
    with suppress(OSError):
        real = path.resolve(strict=True)
        return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (real, *real.parents))
    return False
