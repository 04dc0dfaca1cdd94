"""The stored ids of what imported objects name."""

from collections.abc import Collection, Iterable
from typing import Final

from understudy.engine.transfers.references import ReferenceKind
from understudy.store.import_lookups import FoundIds
from understudy.store.imports import Imports
from understudy.store.qualified_ids import qualifier
from understudy.store.transfers import Position

_MAX_CACHED: Final = 50_000


class Resolver:
    """`stored` has the id to store for every object that was looked up.

    It is that of the project's own object. An object that the project does not have gets the id that it would have if
    it were imported later.
    """

    def __init__(self, imports: Imports, project_id: str, position: Position) -> None:
        self._position = position
        self._imports = imports
        self._project_id = project_id
        self.stored: dict[tuple[ReferenceKind, str], str] = {}
        self._missing: set[tuple[ReferenceKind, str]] = set()

    async def load(self, references: Iterable[tuple[ReferenceKind, str]]) -> None:
        """Looks up what is not known yet."""
        if len(self.stored) > _MAX_CACHED:
            self.stored.clear()
            self._missing.clear()
        wanted: dict[ReferenceKind, set[str]] = {}
        for kind, public in references:
            if (kind, public) in self.stored or not public:
                continue
            if "\x00" in public:  # which PostgreSQL has in no text
                self.stored[kind, public] = public.replace("\x00", "") + qualifier(self._project_id)
                self._missing.add((kind, public))
            else:
                wanted.setdefault(kind, set()).add(public)
        for kind, ids in wanted.items():
            found = (await self.search(kind, ids)).stored
            for public in ids:
                self.stored[kind, public] = found.get(public, public + qualifier(self._project_id))
                if public not in found:
                    self._missing.add((kind, public))

    async def search(self, kind: str, public_ids: Collection[str]) -> FoundIds:
        """The objects that the project has now."""
        return await self._imports.find(self._project_id, kind, public_ids, only_imported=self._position.is_first)

    def find(self, kind: ReferenceKind, public_id: str) -> str | None:
        """The id of the project's object; None if it has none. It was loaded before."""
        reference = (kind, public_id)
        return None if reference in self._missing else self.stored.get(reference)

    def forget_missing(self) -> None:
        """Objects were added: what was missing may be there now."""
        for reference in self._missing:
            self.stored.pop(reference, None)
        self._missing.clear()
