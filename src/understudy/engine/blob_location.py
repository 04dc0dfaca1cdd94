"""Checks that the blob directory or bucket belongs to the database: both store the same id.

A server with the wrong directory would accept files that no other server can read, and return 500 for files that are
stored elsewhere. Knows no files.
"""

from typing import Final

from understudy import ids
from understudy.blobs import Blobs
from understudy.errors import BlobMissing, StoreError
from understudy.store import Store

# Enough to distinguish a copy of the blobs from an empty or foreign directory, and cheap at each start.
_SAMPLE_SIZE: Final = 16


async def claim_location(store: Store, blobs: Blobs) -> str:
    """Checks that `blobs` belong to the database; returns the location's id. Raises StoreError otherwise.

    The first start assigns the id. A location without an id is accepted if it has the database's blobs (a copy), and
    any location if the database uses no blobs and no other server works on it.
    """
    actual_id = await blobs.read_id()
    candidate_id = actual_id or ids.blob_location()
    recorded_id = await store.blobs.record_location(candidate_id)
    if actual_id == recorded_id:
        return recorded_id
    if actual_id is None and (candidate_id == recorded_id or await _has_sample(store, blobs)):
        await blobs.write_id(recorded_id)
        return recorded_id
    if not await store.blobs.replace_location(recorded_id, candidate_id):
        raise _location_mismatch_error(blobs, actual_id, recorded_id)
    if actual_id is None:
        await blobs.write_id(candidate_id)
    return candidate_id


async def require_location(store: Store, blobs: Blobs, expected: str | None = None) -> None:
    """Raises StoreError if the database records another location than `expected`, or than that of `blobs`.

    Without `expected`, a database without a recorded location passes: no server has assigned an id to it.
    """
    recorded_id = await store.blobs.location_id()
    actual_id = expected or await blobs.read_id()
    if recorded_id != actual_id and (recorded_id is not None or expected is not None):
        raise _location_mismatch_error(blobs, actual_id, str(recorded_id))


async def _has_sample(store: Store, blobs: Blobs) -> bool:
    """Whether a sample of the database's blobs exists in the location; False if the database uses no blobs."""
    names = await store.blobs.sample(_SAMPLE_SIZE)
    try:
        return bool(names) and all([await blobs.exists(name) for name in names])
    except BlobMissing:
        return False


def _location_mismatch_error(blobs: Blobs, actual_id: str | None, recorded_id: str) -> StoreError:
    has = f"has the id {actual_id!r}" if actual_id else "has no id"
    return StoreError(
        f"The files of this database are stored elsewhere: {blobs.location} {has}, the database expects "
        f"{recorded_id!r}. Start with the data directory (`--data`) or bucket that the database was used with; "
        "after a move, copy all of it. Servers on one database need one bucket. If those files are lost for good, "
        f"write {recorded_id!r} into {blobs.id_location!r}."
    )
