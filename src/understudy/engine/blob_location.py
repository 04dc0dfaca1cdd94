"""Whether the blobs of a database are where this server looks for them: the directory or bucket carries an id.

A server that found another directory than the database was used with would acknowledge files that nobody else can read,
and answer 500 for those that are stored elsewhere. Knows no files.
"""

from typing import Final

from understudy import ids
from understudy.blobs import Blobs
from understudy.errors import BlobMissing, StoreError
from understudy.store import Store

# Enough to tell a copy of the blobs from an empty or foreign directory, and few enough for each start.
_SAMPLE_SIZE: Final = 16


async def claim_location(store: Store, blobs: Blobs, now: float) -> str:
    """Makes sure that `blobs` are those of the database, and returns the location's id. Raises StoreError.

    The first start gives the location an id. One without an id is taken where it holds the database's blobs (a copy),
    and any where the database uses no blob and no other server works on it.
    """
    found = await blobs.read_id()
    offered = found or ids.blob_location()
    recorded = await store.blobs.record_location(offered)
    if found == recorded:
        return recorded
    if found is None and (offered == recorded or await _has_sample(store, blobs)):
        await blobs.write_id(recorded)
        return recorded
    if not await store.blobs.replace_location(recorded, offered, now):
        raise _location_mismatch_error(blobs, found, recorded)
    if found is None:
        await blobs.write_id(offered)
    return offered


async def require_location(store: Store, blobs: Blobs, expected: str | None = None) -> None:
    """Raises StoreError where the database records another location than `expected`, or than the one of `blobs`.

    Without `expected`, a database that records none is fine: no server has started on it since ids exist.
    """
    recorded = await store.blobs.location_id()
    found = expected or await blobs.read_id()
    if recorded != found and (recorded is not None or expected is not None):
        raise _location_mismatch_error(blobs, found, str(recorded))


async def _has_sample(store: Store, blobs: Blobs) -> bool:
    """Whether the location holds the database's blobs, as far as a sample shows; False where it uses none."""
    names = await store.blobs.sample(_SAMPLE_SIZE)
    try:
        return bool(names) and all([await blobs.exists(name) for name in names])
    except BlobMissing:
        return False


def _location_mismatch_error(blobs: Blobs, found: str | None, recorded: str) -> StoreError:
    has = f"has the id {found!r}" if found else "has no id"
    return StoreError(
        f"The files of this database are stored elsewhere: {blobs.location} {has}, the database expects {recorded!r}. "
        "Start with the data directory (`--data`) or bucket that the database was used with; after a move, copy all "
        "of it. Servers on one database need one bucket. If those files are lost for good, write "
        f"{recorded!r} into {blobs.id_location!r}."
    )
