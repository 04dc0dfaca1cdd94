"""Fetches the export of another Understudy: all objects of its project, in one archive."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from understudy.importing.limits import Limits
from understudy.importing.live_client import FetchError, LiveClient, MissingObject

ARCHIVE: Final = "export.zip"
_UNFINISHED: Final = "export.unfinished"
_POLL_SECONDS: Final = 0.5


async def fetch_export(
    client: LiveClient,
    into: Path,
    progress: Callable[[dict[str, int]], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> dict[str, int] | None:
    """Counts by kind of what `ARCHIVE` has in the directory `into`; None from a server without exports for this key.

    `progress` is called with the counts so far. Raises FetchError. The archive exists once it is complete.
    """
    try:
        page = await client.get("/exports", limit=1)
        if page.get("object") != "list":
            return None
        job = await client.send("POST", "/exports", b"{}")
    except MissingObject:
        return None
    path = f"/exports/{job.get('id')}"
    try:
        while job.get("status") in {"queued", "in_progress"}:
            await sleep(_POLL_SECONDS)
            job = await client.get(path)
            progress(_counts(job))
        if job.get("status") != "completed":
            raise FetchError(f"The export of the server ended as {job.get('status')!s:.40}. Repeat the command.")
        part = into / _UNFINISHED
        await client.download(f"{path}/content", part, Limits().bytes)
        part.replace(into / ARCHIVE)
        await client.send("DELETE", path)
    except MissingObject as error:
        raise FetchError(f"The export of the server could not be read: {error} Repeat the command.") from None
    return _counts(job)


def _counts(job: dict[str, Any]) -> dict[str, int]:
    counts = job.get("exported")
    return dict(counts) if isinstance(counts, dict) and all(type(one) is int for one in counts.values()) else {}
