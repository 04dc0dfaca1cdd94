"""The key of a first start: created once, printed on a terminal, else written to a file that only its owner can read.

Without a terminal, output ends up in a journal or in a container's log, which others read.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy import ids
from understudy.cli.access import add_key, existing_store
from understudy.errors import StoreError
from understudy.settings import Settings

FILE_NAME: Final = "first-api-key"


@dataclass(frozen=True, slots=True)
class FirstKey:
    """`file` has the key; None if the key may be printed."""

    key: str
    file: Path | None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys at a start: `first` is that of a first start, `active` whether any key is active."""

    first: FirstKey | None
    active: bool


async def prepare_keys(settings: Settings) -> Keyring:
    """Creates the first key if there never was one; the application itself adds the key of the settings."""
    async with existing_store(settings) as store:
        records = await store.keys.list()
        if records or settings.api_key is not None:
            return Keyring(first=None, active=any(record.revoked_at is None for record in records))
        key = ids.api_key()
        # The file first: only its hash is stored, so a key without a file would be lost.
        file = None if sys.stdout.isatty() else _write_key(settings.data / FILE_NAME, key)
        await add_key(store, key, "first start")
        return Keyring(first=FirstKey(key, file), active=True)


def _write_key(path: Path, key: str) -> Path:
    """Writes a new file, 0600, in place of one from an interrupted start. Raises StoreError."""
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"The first API key cannot be written to {str(path)!r}: {error.strerror}.") from None
    return path
