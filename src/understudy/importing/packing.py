"""Packs an input into one file, for an upload. Reads no object."""

import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from understudy.importing.directory_input import DirectoryInput
from understudy.importing.entries import Input, has_objects
from understudy.importing.found import Refused
from understudy.importing.inputs import open_input
from understudy.importing.limits import Limits, UnpackBudget
from understudy.importing.objects import Problem
from understudy.importing.streams import open_bytes

_CHUNK_BYTES: Final = 1 << 20


def pack_input(
    source: Path,
    into: Path,
    files: Path | None = None,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Path, list[Problem]]:
    """The file to upload, and what is not in it: `source` itself, or a zip archive in the directory `into`.

    `files` is a directory with the bytes of files, which are below `files/` in the archive. Blocks, in constant memory.
    Raises InvalidRequest beyond the limits, DamagedStream, ReadingCancelled.
    """
    if source.is_file() and files is None:
        return source, []
    limits = limits or Limits()
    budget = UnpackBudget(limits, source.stat().st_size if source.is_file() else 1 << 60, cancelled)
    target = into / "import.zip"
    problems: list[Problem] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with closing(open_input(source, into, limits, budget)) as objects:
            _copy_entries(objects, archive, source.name, problems)
        if files is not None:
            with closing(DirectoryInput(files, budget)) as contents:
                _copy_entries(contents, archive, "", problems, prefix="files/")
    return target, problems


def _copy_entries(
    source: Input, archive: zipfile.ZipFile, only_name: str, problems: list[Problem], prefix: str = ""
) -> None:
    """`only_name` is that of an input that is one file."""
    for entry in source.entries():
        if isinstance(entry, Refused):
            problems.append(Problem(prefix + str(entry.place), entry.reason))
            continue
        name = prefix + (entry.name or _name_by_content(only_name))
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        with open_bytes(source.open(entry.reference)) as packed, archive.open(info, "w", force_zip64=True) as target:
            shutil.copyfileobj(packed, target, _CHUNK_BYTES)


def _name_by_content(name: str) -> str:
    """A name under which the entry of an archive is read for objects."""
    return name if has_objects(name) else f"{name}.json"
