"""The command line of bubblewrap, which defines the sandbox. What is not listed here does not exist inside.

Inside are: the system's programs, libraries and the interpreter, all read-only; its own /proc and /dev; and memory file
systems of a fixed size, which end with the sandbox. No path inside leads to a writable file of the host.
"""

import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.settings import SandboxSettings
from understudy.tools.sandbox import seccomp
from understudy.tools.sandbox.identity import Identity
from understudy.tools.sandbox.layout import Layout, find_hidden_paths
from understudy.tools.sandbox.protocol import FOLDER

GUEST: Final = Path(__file__).parent / "guest"
WRITABLE: Final = (FOLDER, "/tmp", "/dev/shm", "/run")  # noqa: S108 - of the sandbox, not of the host
MIB: Final = 1 << 20
IMAGE_BYTES: Final = 8 * MIB
IMAGES: Final = 20
TRIAL_OUTPUT: Final = "the sandbox works"

# The numbers that descriptors have in the command. What stands on a command line can be read inside, so the options,
# which hold paths of the host, come by a descriptor; the channel is the connection between us and the inside.
STDOUT, STDERR, SECCOMP, GO, INFO, CHANNEL, OPTIONS, CONFIG = 1, 2, 3, 4, 5, 6, 7, 8

SYSTEM: Final = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")))
_USER: Final = "1000"
_MOUNTED_GUEST: Final = "/opt/understudy/guest"
_GUEST_MAIN: Final = "import sys; sys.path.insert(0, '/opt/understudy'); from guest.start import main; main()"
_STAGING_DIRECTORY: Final = Path("/run/understudy-sandbox")
# The part of a session's disk that temporary files and shared memory may have each.
_SCRATCH_PART: Final = 4
_RUN_BYTES: Final = MIB
_NAMESPACES: Final = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How sandboxes are created here; the same for all of them."""

    bwrap: str
    python: Path
    """The path on the host; `layout` has the path inside."""
    layout: Layout
    identity: Identity
    settings: SandboxSettings
    filter: bytes | None
    hides_userns: bool
    private: tuple[Path, ...] = ()
    """The server's own folders, which are hidden inside if they are below a mounted one."""

    def command(self) -> list[str]:
        """The command of a sandbox with a kernel; it reads `options` from the descriptor OPTIONS."""
        return [*self._bwrap_prefix(), *self._python(_GUEST_MAIN, self._guest_config())]

    def options(self) -> bytes:
        watched = [
            "--as-pid-1",
            *(["--seccomp", str(SECCOMP)] if self.filter is not None else []),
            *("--info-fd", str(INFO), "--block-fd", str(GO)),
        ]
        return _encode_arguments([*self._frame(), *watched])

    def trial_command(self) -> list[str]:
        """The command of a sandbox that exits at once, after it has printed TRIAL_OUTPUT."""
        return [*self._bwrap_prefix(), *self._python(f"import ipykernel, zmq; print({TRIAL_OUTPUT!r})")]

    @property
    def config(self) -> bytes | None:
        """The content for the descriptor CONFIG."""
        return self.layout.config[1] if self.layout.config is not None else None

    def trial_options(self) -> bytes:
        return _encode_arguments(self._frame())

    def _bwrap_prefix(self) -> list[str]:
        return [*self.identity.prefix(), self.bwrap, "--args", str(OPTIONS), "--"]

    def _python(self, *arguments: str) -> list[str]:
        return [str(self.layout.python), "-I", "-B", "-c", *arguments]

    def _frame(self) -> list[str]:
        return [
            *_NAMESPACES,
            *(["--disable-userns"] if self.hides_userns else []),
            *("--uid", _USER, "--gid", _USER, "--hostname", "sandbox"),
            *("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"),
            *self._mounts(),
            *self._environment(),
        ]

    def _mounts(self) -> list[str]:
        *folders, guest = self.identity.reachable_paths()
        disk = self.settings.disk_mb * MIB
        return [
            *_mount_system(),
            *(word for path in sorted((GUEST / "etc").iterdir()) for word in _mount_etc(guest, path.name)),
            *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
            *("--ro-bind-try", "/etc/localtime", "/etc/localtime"),
            *("--ro-bind-try", "/etc/fonts", "/etc/fonts"),
            *("--proc", "/proc", "--dev", "/dev"),
            # It reads as zeros too. What is mapped from the other one is shared memory that no limit would count.
            *("--dev-bind", "/dev/full", "/dev/zero"),
            *_mount_tmpfs(FOLDER, disk),
            *_mount_tmpfs("/tmp", disk // _SCRATCH_PART),  # noqa: S108 - of the sandbox, not of the host
            *_mount_tmpfs("/dev/shm", disk // _SCRATCH_PART),  # noqa: S108
            *_mount_tmpfs("/run", _RUN_BYTES),
            # After them: an environment may be below /tmp.
            *self._interpreter(folders),
            *_bind_read_only(guest, _MOUNTED_GUEST),
            *(
                word
                for folder in find_hidden_paths(self.layout, SYSTEM, self.private)
                for word in _mount_empty(str(folder))
            ),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", FOLDER),
        ]

    def _interpreter(self, reached: list[Path]) -> Iterator[str]:
        """`reached` are the paths at which the sources of the mounts are accessible."""
        for source, (_, inside) in zip(reached, self.layout.mounts, strict=True):
            yield from _bind_read_only(source, inside)
        for folder in sorted({link.parent for link, _ in self.layout.links}):
            yield from _mount_tmpfs(str(folder), _RUN_BYTES)
        for link, target in self.layout.links:
            yield from ("--symlink", str(target), str(link))
        for folder in sorted({link.parent for link, _ in self.layout.links}):
            yield from ("--chmod", "0755", str(folder), "--remount-ro", str(folder))
        if self.layout.config is not None:
            yield from ("--ro-bind-data", str(CONFIG), str(self.layout.config[0]))

    def _environment(self) -> list[str]:
        threads = str(min(2, os.cpu_count() or 1))
        variables = {
            "HOME": "/tmp",  # noqa: S108 - of the sandbox, not of the host
            "IPYTHONDIR": "/tmp/.ipython",  # noqa: S108
            "LANG": "C.UTF-8",
            # One heap for two threads: each more costs address space, which is limited.
            "MALLOC_ARENA_MAX": "2",
            "MPLCONFIGDIR": "/tmp/.config/matplotlib",  # noqa: S108
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PATH": f"{self.layout.python.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "USER": "sandbox",
        }
        if self.layout.libraries is not None:
            variables["LD_LIBRARY_PATH"] = str(self.layout.libraries)
        return [word for name, value in variables.items() for word in ("--setenv", name, value)]

    def _guest_config(self) -> str:
        limits = {
            "memory": self.settings.memory_mb * MIB,
            "processes": self.settings.processes,
            "file": self.settings.disk_mb * MIB,
            "cpu": self.settings.cpu_seconds,
            "output": self.settings.output_bytes,
            "images": IMAGES,
            "image": IMAGE_BYTES,
        }
        return json.dumps({"channel": CHANNEL, "limits": limits})


def build_plan(
    bwrap: str, python: Path, layout: Layout, settings: SandboxSettings, helps: str, private: tuple[Path, ...]
) -> Plan:
    """`helps` is bubblewrap's help text; older versions support fewer flags."""
    return Plan(
        bwrap=bwrap,
        python=python,
        layout=layout,
        identity=Identity([*layout.sources, GUEST], _STAGING_DIRECTORY),
        settings=settings,
        filter=seccomp.program(platform.machine()),
        hides_userns="--disable-userns" in helps,
        private=private,
    )


def find_bwrap() -> str | None:
    return shutil.which("bwrap")


def _encode_arguments(words: list[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def _mount_system() -> list[str]:
    """/usr, and its neighbours, which are links into it on most systems."""
    words = ["--ro-bind", "/usr", "/usr"]
    for path in SYSTEM[1:]:
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    return words


def _mount_empty(path: str) -> list[str]:
    return [*_mount_tmpfs(path, _RUN_BYTES), "--remount-ro", path]


def _bind_read_only(source: Path, target: Path | str) -> list[str]:
    return ["--ro-bind", str(source), str(target)]


def _mount_etc(guest: Path, name: str) -> list[str]:
    return ["--ro-bind", str(guest / "etc" / name), f"/etc/{name}"]


def _mount_tmpfs(target: str, size: int) -> list[str]:
    return ["--perms", "0700", "--size", str(size), "--tmpfs", target]
