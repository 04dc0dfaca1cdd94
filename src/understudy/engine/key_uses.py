"""When each key was last used: collected in memory, and stored in the background, so that no request waits."""

from understudy.store import Store
from understudy.store.principals import KeyUse, Principal


class KeyUses:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._uses: dict[KeyUse, int] = {}

    def note(self, principal: Principal, now: int) -> None:
        """`now` is in Unix seconds."""
        self._uses[KeyUse(principal.key_id, principal.is_old)] = now

    async def flush(self) -> None:
        """Stores the uses since the last call; those that cannot be stored are kept for the next one."""
        uses, self._uses = self._uses, {}
        try:
            await self._store.keys.record_uses(uses)
        except BaseException:
            self._uses = {**uses, **self._uses}
            raise
