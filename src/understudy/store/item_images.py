"""The images of items of image generation: blobs, each named by the item and by the response that made it.

Triggers of the database remove a row with its item or response, release its blob, and count its bytes to the project.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store.blobs import retain
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

MARKER_START: Final = "understudy-data:"
"""Begins the names of data that clients have sent (`item_data`); the triggers of the database know it."""
_PAGE = 100


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The image of one item: a blob that has a hold or a use, and its size in bytes.

    `item_id` is the marker of data that a client has sent. That of an item has no qualifier: a response and its item
    name an image alike in all projects that have imported them.
    """

    item_id: str
    blob: str
    bytes: int


@dataclass(frozen=True, slots=True)
class OwnedImage:
    """An image with its owner, which is its item or a response."""

    seq: int
    owner_id: str
    item_id: str
    blob: str


class ItemImages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The blobs of the owners' images, by the ids of the owners and of the items."""
        return await self._database.read(_find_blobs, owner_ids)

    async def find_of_items(self, item_ids: Sequence[str]) -> dict[str, str]:
        """The blobs of the images that belong to items themselves, by the ids of the items."""
        found = await self.find(item_ids)
        return {item_id: blob for item_id, blobs in found.items() for blob in blobs.values()}

    async def page(self, project_id: str, after: int) -> list[OwnedImage]:
        """The images that responses of a project made, after the number `after`, oldest first."""
        return await self._database.read(_page, project_id, after)


def add_image(project_id: str, owner_ids: Iterable[str], image: StoredImage) -> Transaction[None]:
    """Raises StoreError if the blob was erased because it had no use for too long."""
    blob = image.blob
    for owner_id in owner_ids:
        # The first use may be of another blob with the same bytes, which then takes the place of this one.
        blob = yield from retain(blob)
        sql = "INSERT INTO item_images (project_id, owner_id, item_id, blob, bytes) VALUES ($1, $2, $3, $4, $5)"
        yield sql, (project_id, owner_id, image.item_id, blob, image.bytes)


def copy_images(project_id: str, item_id: str, copy_id: str) -> Transaction[None]:
    """Gives the copy of an item its image, and the data that the markers in it stand for."""
    sql = "SELECT item_id, blob, bytes FROM item_images WHERE owner_id = $1"
    for named, blob, size in (yield sql, (item_id,)):
        name = named if named.startswith(MARKER_START) else copy_id
        yield from add_image(project_id, (copy_id,), StoredImage(name, blob, int(size)))


def list_items(owner_id: str) -> Transaction[set[str]]:
    """The ids of the items whose images the owner has."""
    rows = yield "SELECT item_id FROM item_images WHERE owner_id = $1", (owner_id,)
    return {str(row[0]) for row in rows}


def _find_blobs(owner_ids: Sequence[str]) -> Transaction[dict[str, dict[str, str]]]:
    found: dict[str, dict[str, str]] = {}
    for batch in padded_batches(list(owner_ids)):
        sql = compose_sql(
            "SELECT owner_id, item_id, blob FROM item_images WHERE owner_id IN (", sql_parameters(1, len(batch)), ")"
        )
        for owner_id, item_id, blob in (yield sql, tuple(batch)):
            found.setdefault(owner_id, {})[item_id] = blob
    return found


def _page(project_id: str, after: int) -> Transaction[list[OwnedImage]]:
    sql = (
        "SELECT seq, owner_id, item_id, blob FROM item_images"
        " WHERE project_id = $1 AND seq > $2 AND item_id NOT LIKE $3 ORDER BY seq LIMIT $4"
    )
    return [OwnedImage(*row) for row in (yield sql, (project_id, after, f"{MARKER_START}%", _PAGE))]
