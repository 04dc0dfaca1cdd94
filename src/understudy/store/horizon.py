"""Up to which number the rows of a PostgreSQL table are complete.

A transaction shares an advisory lock before it draws a number (migration 34) and holds it until it has ended. So once
the holders of now have ended, no row with a number drawn until now is missing.
"""

import asyncio
import time
from typing import Any, Final

from understudy.errors import StoreError
from understudy.store.database import Row

_MAX_WAIT_SECONDS: Final = 10.0
_MAX_DELAY_SECONDS: Final = 0.02
_HOLDERS: Final = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND classid = 1970169956 AND objid = 1"
    " AND objsubid = 2 AND mode = 'ShareLock' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def find_horizon(connection: Any, table: str) -> list[Row]:
    """One row with the number. Raises StoreError if a transaction that inserts rows does not end within 10 seconds."""
    # The name of a table in this package, and never a value.
    rows: list[Row] = await connection.fetch(f"SELECT last_value FROM {table}_numbers")  # noqa: S608
    inserting = await _list_holders(connection)
    until, delay = time.monotonic() + _MAX_WAIT_SECONDS, 0.001
    while inserting:
        if time.monotonic() > until:
            raise StoreError(f"A transaction that adds rows to {table!r} did not end within {_MAX_WAIT_SECONDS:g} s.")
        await asyncio.sleep(delay)
        delay = min(2 * delay, _MAX_DELAY_SECONDS)
        inserting &= await _list_holders(connection)
    return rows


async def _list_holders(connection: Any) -> set[str]:
    return {row[0] for row in await connection.fetch(_HOLDERS)}
