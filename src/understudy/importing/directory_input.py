"""A directory as an input. Symbolic links and devices are not followed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from understudy.importing.entries import Entry, is_ignored
from understudy.importing.found import Place, Refused
from understudy.importing.limits import UnpackBudget
from understudy.importing.streams import DamagedStream


class DirectoryInput:
    def __init__(self, root: Path, budget: UnpackBudget) -> None:
        self._root = root
        self._budget = budget

    def entries(self) -> Iterator[Entry | Refused]:
        """In the order of their names."""
        yield from self._list("")

    def open(self, reference: str) -> BinaryIO:
        try:
            descriptor = os.open(self._root / reference, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise DamagedStream(f"It cannot be opened: {error.strerror}.") from None
        return os.fdopen(descriptor, "rb")

    def close(self) -> None:
        pass

    def _list(self, folder: str) -> Iterator[Entry | Refused]:
        try:
            found = sorted(os.scandir(self._root / folder), key=lambda one: one.name)
        except OSError as error:
            yield Refused(Place(folder), f"The directory cannot be read: {error.strerror}.")
            return
        for one in found:
            name = f"{folder}/{one.name}" if folder else one.name
            if is_ignored(one.name):
                continue
            try:
                status = one.stat(follow_symlinks=False)
            except OSError as error:
                yield Refused(Place(name), f"It cannot be read: {error.strerror}.")
                continue
            if not _is_text(one.name):
                yield Refused(Place(name), "Its name is not valid UTF-8.")
            elif stat.S_ISDIR(status.st_mode):
                yield from self._list(name)
            elif stat.S_ISREG(status.st_mode):
                self._budget.add_entry()
                self._budget.add_packed(status.st_size)
                yield Entry(name, status.st_size, name)
            else:
                yield Refused(Place(name), "It is a link or a device, not a file.")


def _is_text(name: str) -> bool:
    """False for bytes that the file system's encoding cannot decode."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
