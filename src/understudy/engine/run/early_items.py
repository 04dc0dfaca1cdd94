"""The items of a run that begins while the transaction that creates it is being committed.

Nobody reads what that transaction adds until then, so the run has it from memory. Knows no database.
"""

from collections.abc import Sequence
from typing import Final

from understudy.engine.run.spec import RunSpec
from understudy.engine.run.truncation import ItemSource
from understudy.store.messages import LATEST, PROMPT_PAGE, Item
from understudy.wire.tools import AssistantToolsFunction

# Each takes a number of its own.
_MAX_ADDED: Final = PROMPT_PAGE


class EarlyItems:
    """`newest` are the newest items of the thread, the newest first; earlier ones, and later reads, are the store's."""

    def __init__(self, messages: ItemSource, thread_id: str, newest: Sequence[Item]) -> None:
        self._messages = messages
        self._thread_id = thread_id
        self._newest: Sequence[Item] | None = newest

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]:
        newest = self._newest
        if newest is not None and thread_id == self._thread_id and before >= LATEST:
            self._newest = None
            return list(newest[:limit])
        return await self._messages.newest(thread_id, before, limit)


def may_begin_early(spec: RunSpec, added: int) -> bool:
    """Whether the run reads nothing else of its own transaction, which adds that many items, before it writes itself.

    Built-in tools read the thread, its files and stores; compaction and moderation read the items a second time.
    Writes of the run have to follow that transaction, and do.
    """
    hosted = spec.web_search is not None or spec.image_generation is not None
    if hosted or spec.compaction is not None or spec.moderation is not None or added >= _MAX_ADDED:
        return False
    return all(isinstance(tool, AssistantToolsFunction) for tool in spec.tools)
