"""The interpreter's paths inside, which reveal nothing of the host, since clients read tracebacks.

An environment is at /opt/interpreter and its installation at /opt/python, unless that is part of the system. Links and
settings of an environment that name folders of the host are rewritten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.tools.sandbox.interpreter import Interpreter, folders

_ENVIRONMENT: Final = Path("/opt/interpreter")
_INSTALLATION: Final = Path("/opt/python")
_SYSTEM: Final = Path("/usr")
_CONFIG: Final = "pyvenv.cfg"
_NAMES: Final = ("python", "python3")


@dataclass(frozen=True, slots=True)
class Layout:
    """`mounts` are folders of the host with their paths inside; `links` are paths inside with their targets.

    `config` is a path and the content of the file there. `libraries` is a folder for the loader.
    """

    python: Path
    mounts: tuple[tuple[Path, Path], ...]
    links: tuple[tuple[Path, Path], ...] = ()
    config: tuple[Path, bytes] | None = None
    libraries: Path | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        return tuple(source for source, _ in self.mounts)


def build_layout(python: Path, interpreter: Interpreter) -> Layout:
    """The same paths as on the host for an interpreter with an unusual layout."""
    prefix, exec_prefix, base, exec_base = (Path(folder).resolve() for folder in interpreter.folders)
    program = python.resolve()
    has_one_place = prefix == exec_prefix and base == exec_base and program.is_relative_to(base)
    if not has_one_place or (prefix != base and not (prefix / _CONFIG).is_file()):
        return Layout(python, tuple((folder, folder) for folder in folders(python, interpreter)))
    return _standard_layout(prefix, base, program, interpreter)


def _standard_layout(prefix: Path, base: Path, program: Path, interpreter: Interpreter) -> Layout:
    inside = base if _is_system(base) else _INSTALLATION
    mounts = [] if _is_system(base) else [(base, inside)]
    libraries = inside / "lib" if mounts and interpreter.shared else None
    program = inside / program.relative_to(base)
    if prefix == base:
        return Layout(program, tuple(mounts), libraries=libraries)
    programs = _ENVIRONMENT / "bin"
    return Layout(
        python=programs / _NAMES[0],
        mounts=(*mounts, (prefix, _ENVIRONMENT)),
        links=tuple((programs / name, program) for name in {*_NAMES, program.name}),
        config=(_ENVIRONMENT / _CONFIG, _config(prefix / _CONFIG, program.parent)),
        libraries=libraries,
    )


def find_hidden_paths(layout: Layout, system: Sequence[Path], private: Sequence[Path]) -> Iterator[Path]:
    """The paths inside of private folders, if they are part of what is mounted."""
    named = {path for folder in private for path in (folder.absolute(), folder.resolve()) if path.is_dir()}
    mounts = [*((folder, folder) for folder in system), *layout.mounts]
    inside = {at / path.relative_to(source) for path in named for source, at in mounts if path.is_relative_to(source)}
    yield from sorted(inside)


def _is_system(folder: Path) -> bool:
    return folder.is_relative_to(_SYSTEM)


def _config(file: Path, home: Path) -> bytes:
    """The settings with the new home, without other settings that name folders of the host."""
    lines = []
    for line in file.read_text("utf-8").splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        if name.lower() in {"include-system-site-packages", "version", "version_info"}:
            lines.append(f"{name} = {value}")
    return "\n".join([f"home = {home}", *lines, ""]).encode()
