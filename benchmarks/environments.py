"""Environments of Python packages in a cache directory: other servers, and test suites of others. Measures nothing."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_WAIT: Final = 1800
"""Seconds for a clone or the packages of an environment."""


class UnavailableError(Exception):
    """Something cannot be had here; the text is the reason."""


def default_cache(name: str) -> Path:
    """The user's cache directory for environments of this kind."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy" / name


def create(home: Path, packages: Sequence[str], python: str | None = None) -> Path:
    """The folder of programs of an environment with these packages; quick if it is there. Raises UnavailableError.

    `python` is a version or a path; None is this checkout's interpreter.
    """
    if not is_ready(home, packages):
        chosen = python or str(ROOT / ".venv" / "bin" / "python")
        run(["scripts/uv", "venv", "--quiet", "--clear", "--python", chosen, str(home)], ROOT)
        run(["scripts/uv", "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *packages], ROOT)
        mark_ready(home, packages)
    return home / "bin"


def is_ready(home: Path, packages: Sequence[str]) -> bool:
    """Whether the folder has what `mark_ready` noted for the same packages."""
    mark = home / "packages.txt"
    return mark.exists() and mark.read_text() == "\n".join(packages)


def mark_ready(home: Path, packages: Sequence[str]) -> None:
    """Notes that the folder has all of the packages."""
    (home / "packages.txt").write_text("\n".join(packages))


def run(command: Sequence[str], folder: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Raises UnavailableError with the last line that the command printed, if it fails."""
    try:
        done = capture(command, folder, environ or {}, _WAIT)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise UnavailableError(f"{command[0]}: {fault}") from fault
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command[:4])} …: {last_line(done)}")


def capture(
    command: Sequence[str], folder: Path | None, environ: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """What the command printed, and its exit code. `environ` adds to that of this process; there is no input.

    Raises OSError, or TimeoutExpired after so many seconds.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def last_line(failed: subprocess.CompletedProcess[str]) -> str:
    """The last line of the errors, else of the output, else the exit code."""
    lines = (failed.stderr or failed.stdout).strip().splitlines() or [f"exit code {failed.returncode}"]
    return lines[-1]
