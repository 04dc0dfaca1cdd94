"""The interpreter's environment: its default location and its installation.

It is separate from the server's own, since code may use whatever is in it, and the server must not depend on that.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox.preparation import Preparation, prepare, progress

LOCK: Final = Path(__file__).with_name("interpreter.txt")
_CHECKOUT_ROOT: Final = Path(__file__).resolve().parents[4]
_READY_MARKER: Final = "understudy-ready"
_PACKAGES: Final = "fetching and installing Python packages, about 650 MB"
_LIST_FONTS: Final = "import matplotlib.font_manager"


def python(settings: SandboxSettings) -> Path:
    """The configured Python, or that of the environment that `install` creates."""
    return settings.python or python_path(default_home())


def preparation_step(settings: SandboxSettings) -> str | None:
    """The progress of an installation in any process; None without one, or if another Python is configured."""
    return None if settings.python else progress(default_home())


def install_command() -> str:
    """The shell command that creates the environment at `default_home`."""
    program = "understudy" if shutil.which("understudy") else f"{shlex.quote(sys.executable)} -m understudy"
    return f"{program} sandbox install"


def default_home() -> Path:
    """For a checkout, a folder in it; otherwise the user's data directory, or for root one that everybody can read."""
    if (own := _checkout_home(_CHECKOUT_ROOT)) is not None:
        return own
    if os.geteuid() == 0:
        return Path("/var/lib/understudy/interpreter")
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "understudy" / "interpreter"


def _checkout_home(root: Path) -> Path | None:
    """The checkout's folder; None outside of a checkout, or in another user's checkout without an environment."""
    home = root / ".venv-interpreter"
    if not (root / "scripts" / "setup").is_file():
        return None
    return home if home.exists() or os.access(root, os.W_OK) else None


def python_path(home: Path) -> Path:
    return home / "bin" / "python"


def is_ready(home: Path) -> bool:
    """Whether the environment has the locked packages."""
    mark = home / _READY_MARKER
    return mark.is_file() and mark.read_text("utf-8") == _lock_digest()


def is_complete(home: Path) -> bool:
    """Whether an installation was completed, by any version: an interrupted one lacks packages."""
    return (home / _READY_MARKER).is_file()


def install(home: Path, base: str = sys.executable, report: Callable[[str], object] = print) -> None:
    """Creates the environment, replacing an existing one. Raises SandboxError with the output of a failed tool."""
    home = home.absolute()
    if home.exists() and not (home / "pyvenv.cfg").exists() and any(home.iterdir()):
        raise SandboxError(
            f"{str(home)!r} is not empty and not a Python environment; choose another folder with --into."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with prepare(home) as preparation:
        report(f"Installing the interpreter into {home}")
        (home / _READY_MARKER).unlink(missing_ok=True)
        preparation.step(1, "creating an environment")
        _build(home, base, report, preparation)
        preparation.step(3, "listing the fonts")
        _list_fonts(home)
        (home / _READY_MARKER).write_text(_lock_digest(), "utf-8")


def _build(home: Path, base: str, report: Callable[[str], object], preparation: Preparation) -> None:
    """With uv if it works; otherwise with pip, which is slower but may have a mirror configured."""
    if uv := _find_uv():
        try:
            _run_command([*uv, "venv", "--quiet", "--clear", "--python", base, str(home)])
            preparation.step(2, _PACKAGES)
            options = ["--quiet", "--compile-bytecode", "--python", str(python_path(home))]
            _run_command([*uv, "pip", "install", *options, "--require-hashes", "-r", str(LOCK)])
        except SandboxError as error:
            report(f"uv failed, trying pip: {error}")
        else:
            return
    _run_command([base, "-m", "venv", "--clear", str(home)])
    preparation.step(2, _PACKAGES)
    options = ["--quiet", "--disable-pip-version-check"]
    _run_command([str(python_path(home)), "-m", "pip", "install", *options, "--require-hashes", "-r", str(LOCK)])


def _list_fonts(home: Path) -> None:
    """Takes seconds; done in advance, since a sandbox starts with an empty home."""
    place = home / "share" / "understudy"
    place.mkdir(parents=True, exist_ok=True)
    _run_command([str(python_path(home)), "-I", "-c", _LIST_FONTS], MPLCONFIGDIR=str(place))


def _find_uv() -> list[str] | None:
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    program = shutil.which("uv")
    return [program] if program else None


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _run_command(command: list[str], **environ: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - the operator's own tools
            command, check=True, capture_output=True, text=True, env={**os.environ, **environ}, umask=0o022
        )
    except OSError as error:
        raise SandboxError(f"{command[0]!r} cannot be run: {error.strerror}.") from error
    except subprocess.CalledProcessError as error:
        raise SandboxError(
            f"`{' '.join(command[:6])} …` failed: {error.stderr.strip() or error.stdout.strip()}"
        ) from error
