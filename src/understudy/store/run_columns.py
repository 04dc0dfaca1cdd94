"""Fills the columns of runs that a list is narrowed by, in rows of versions that did not have them.

Each page is one small transaction and may be repeated by another process. Nodes of such a version may still add rows
while a cluster is being upgraded, so the server looks again from time to time.
"""

from typing import Final

import msgspec
from msgspec import Struct

from understudy.store.database import Database, Transaction

_PAGE_SIZE: Final = 100
_UNFILLED: Final = "SELECT seq, body FROM runs WHERE created_at = 0 AND body IS NOT NULL ORDER BY seq LIMIT $1"
_FILL: Final = "UPDATE runs SET assistant_id = $2, model = $3, created_at = $4 WHERE seq = $1"


class _Columns(Struct):
    assistant_id: str
    model: str
    created_at: int


_decode = msgspec.json.Decoder(_Columns).decode


async def fill_run_columns(database: Database) -> None:
    """Fills all rows that lack them. Raises StoreError."""
    while await database.read(_has_unfilled):
        await database.write_slowly(_fill_page)


def _has_unfilled() -> Transaction[bool]:
    return bool((yield _UNFILLED, (1,)))


def _fill_page() -> Transaction[None]:
    for seq, body in (yield _UNFILLED, (_PAGE_SIZE,)):
        run = _decode(body)
        # 0 would be read again for ever; no run is as old as this.
        yield _FILL, (seq, run.assistant_id, run.model, max(1, run.created_at))
