"""Erases responses with `store: false` soon after they were sent, many in one transaction."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from understudy.errors import ApiError, StoreError
from understudy.store import Store

logger = logging.getLogger(__name__)

_GROUP_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 5.0


class UnstoredResponses:
    """Has a task only while there is something to erase. The sweep of responses erases what a crash leaves."""

    def __init__(self, store: Store, discard_log: Callable[[str], None]) -> None:
        self._store = store
        self._discard_log = discard_log
        self._ids: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        # Waits for responses whose clients have disconnected.
        self._waiting: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        """Erases what is left of responses that have ended."""
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._erase()

    def erase_soon(self, response_id: str) -> None:
        """Discards the events of the response at once, and erases its rows within a tenth of a second."""
        self._discard_log(response_id)
        self._ids.add(response_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._erase_all())

    def erase_after(self, response_id: str, ended: Coroutine[Any, Any, object]) -> None:
        """Erases a response whose client has disconnected, once it has `ended`."""
        task = asyncio.create_task(self._erase_after(response_id, ended))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _erase_after(self, response_id: str, ended: Coroutine[Any, Any, object]) -> None:
        try:
            await ended
        except (ApiError, StoreError) as error:
            # Deleted meanwhile, or this server stops before it has ended: then the sweep erases it.
            logger.debug("response %s: not erased at its end: %s", response_id, error)
            return
        self.erase_soon(response_id)

    async def _erase_all(self) -> None:
        delay = _GROUP_SECONDS
        while self._ids:
            await asyncio.sleep(delay)
            delay = _GROUP_SECONDS if await self._erase() else _RETRY_SECONDS

    async def _erase(self) -> bool:
        """Returns False if the store is unavailable; the responses stay queued then."""
        erased = sorted(self._ids)
        if not erased:
            return True
        try:
            await self._store.responses.erase(erased)
        except StoreError as error:
            logger.warning("responses with store=false are not erased yet, retrying: %s", error)
            return False
        self._ids.difference_update(erased)
        return True
