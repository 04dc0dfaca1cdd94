"""Base64 that clients send within items, messages and stored chats: its bytes are a blob, and a marker stands for it.

The rows are those of `item_images`, each with the marker as the name of its image: the same triggers remove a row with
its owner, release its blob, and count its bytes to the project. A copy of an item has the markers of the item.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store.database import Database, Transaction
from understudy.store.item_images import MARKER_START, StoredImage, add_image
from understudy.store.project_sizes import check_stored_bytes
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

MARKER_PATTERN: Final = MARKER_START + "[0-9a-f]{32}"


@dataclass(frozen=True, slots=True)
class SavedData:
    """Blobs with a hold, for the transaction that stores the rows with their markers.

    `limit` is how many bytes the project may store; None without a limit. `param` is the member of the request that
    had them.
    """

    blobs: Sequence[StoredImage] = ()
    limit: int | None = None
    param: str = "file"


NO_DATA: Final = SavedData()


class ItemData:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, markers: Sequence[str]) -> dict[str, str]:
        """The blobs by their markers. A marker that a client made up has none."""
        return await self._database.read(_find_blobs, markers)


def new_marker() -> str:
    """A random marker, so that clients cannot forge one: only rows that this server wrote contain it."""
    return MARKER_START + secrets.token_hex(16)


def add_data(project_id: str, data: SavedData, owners: Iterable[tuple[str, str]]) -> Transaction[None]:
    """Adds the blobs to what names them: `owners` are ids of rows, each with the text that may have markers.

    Raises InvalidRequest if the project would store more bytes than it may, and StoreError as `retain` does.
    """
    if not data.blobs:
        return
    if data.limit is not None:
        yield from check_stored_bytes(project_id, sum(one.bytes for one in data.blobs), data.limit, data.param)
    for owner_id, text in owners:
        if MARKER_START in text:
            for blob in data.blobs:
                if blob.item_id in text:
                    yield from add_image(project_id, (owner_id,), blob)


def _find_blobs(markers: Sequence[str]) -> Transaction[dict[str, str]]:
    found: dict[str, str] = {}
    for batch in padded_batches(list(markers)):
        parameters = sql_parameters(1, len(batch))
        sql = compose_sql("SELECT item_id, blob FROM item_images WHERE item_id IN (", parameters, ")")
        found.update((row[0], row[1]) for row in (yield sql, tuple(batch)))
    return found
