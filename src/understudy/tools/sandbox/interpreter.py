"""The Python that runs code: its location, the folders it needs, and its package versions."""

import subprocess
from pathlib import Path
from typing import Final

import msgspec

from understudy.errors import SandboxError

PACKAGES: Final = (
    "numpy",
    "pandas",
    "matplotlib",
    "scipy",
    "sympy",
    "pillow",
    "openpyxl",
    "scikit-learn",
    "ipykernel",
)
_TIMEOUT_SECONDS: Final = 30.0
_INSPECT_SCRIPT: Final = """
import importlib.metadata, json, platform, sys, sysconfig
versions = {}
for name in sys.argv[1:]:
    try:
        versions[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
folders = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))
print(json.dumps({"version": platform.python_version(), "folders": folders, "versions": versions, "shared": shared}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """`folders` are its own environment and the installation below that, each twice.

    `shared`: the program is little more than a loader of a shared library.
    """

    version: str
    folders: tuple[str, ...]
    versions: dict[str, str]
    shared: bool = False


def inspect_python(python: Path) -> Interpreter:
    """Runs the Python to inspect it. Raises SandboxError if it fails; clients read the text, so it has no paths."""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own Python
            [python, "-I", "-c", _INSPECT_SCRIPT, *PACKAGES], capture_output=True, timeout=_TIMEOUT_SECONDS, check=True
        )
        return msgspec.json.decode(done.stdout, type=Interpreter)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise SandboxError(f"the Python of the code interpreter does not work: {_describe_failure(error)}") from error


def _describe_failure(error: Exception) -> str:
    match error:
        case subprocess.CalledProcessError():
            return f"it ended with exit code {error.returncode}"
        case subprocess.TimeoutExpired():
            return f"it timed out after {_TIMEOUT_SECONDS:g} s"
        case OSError():
            return error.strerror or type(error).__name__
    return "its reply is malformed"


def folders(python: Path, interpreter: Interpreter) -> list[Path]:
    """All folders to mount, each once, by the paths that the Python uses and by the resolved ones."""
    named = [Path(folder) for folder in interpreter.folders]
    # A link may lead from the environment to the installation by a name of its own: .../bin/python -> .../cpython-3.12.
    link = python
    while link.is_symlink():
        link = link.parent / link.readlink()
        if link.parent.name == "bin":
            named.append(link.parent.parent)
    named += [folder.resolve() for folder in named]
    outermost: list[Path] = []
    for folder in sorted(set(named)):
        if folder != Path("/") and not any(folder.is_relative_to(other) for other in (Path("/usr"), *outermost)):
            outermost.append(folder)
    return outermost
