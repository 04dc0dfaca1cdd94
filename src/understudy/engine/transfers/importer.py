"""Inserts the objects of a spooled import, kind by kind, in the order of their creation.

The position and the report are stored with each batch, so another worker continues exactly after the last one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import groupby
from typing import Any, Final, cast

import msgspec

from understudy.clock import Clock
from understudy.engine.files import Files
from understudy.engine.item_data import ItemData
from understudy.engine.transfers import conversion, report, row_conversion
from understudy.engine.transfers.chunks import read_chunks
from understudy.engine.transfers.contents import ContentCopier, has_content
from understudy.engine.transfers.conversion import UnusableObject
from understudy.engine.transfers.plain_messages import decode_plain, list_plain_references, replace_plain_references
from understudy.engine.transfers.references import (
    Place,
    ReferenceKind,
    find_places,
    list_references,
    read_place,
    refer,
    replace_references,
)
from understudy.engine.transfers.resolver import Resolver
from understudy.importing.objects import KINDS, Kind, RawObject, SpooledObjects
from understudy.pacing import Pace
from understudy.store import Store
from understudy.store.import_rows import Batch, ImportOwner, NewRow, NewStoreFile
from understudy.store.qualified_ids import qualifier
from understudy.store.transfers import TransferClaim
from understudy.wire.files import FileObject
from understudy.wire.messages import MessageObject
from understudy.wire.transfers import EXISTS, ImportObject
from understudy.wire.vector_stores import VectorStoreFileObject, VectorStoreObject

_CHUNK: Final = 1000
_FILE_CHUNK: Final = 100
_CONTENT_CHUNK: Final = 10
"""The chunk of batches, videos, uploads and containers, which have several contents."""
_PARENTS: Final[dict[Kind, tuple[Kind, str]]] = {
    "message": ("thread", "thread_id"),
    "run": ("thread", "thread_id"),
    "step": ("run", "run_id"),
    "file_batch": ("vector_store", "vector_store_id"),
}
_WITH_CONTENT: Final[frozenset[Kind]] = frozenset({"file", "batch", "video", "upload", "container"})
_REPLACED: Final[frozenset[Kind]] = frozenset(
    {"file", "vector_store", "assistant", "prompt", "thread", "message", "run", "step"}
)
"""The others have ended, or belong to what has them: the object that exists remains."""


class LeaseLost(Exception):
    """Another worker has the job, or it is being cancelled."""


class ConflictFound(Exception):
    """An object exists, and `on_conflict` is `fail`."""


class Importer:
    """One attempt at one import."""

    def __init__(
        self, store: Store, files: Files, data: ItemData, clock: Clock, claim: TransferClaim, worker: str
    ) -> None:
        self._store = store
        self._files = files
        self._data = data
        self._clock = clock
        self._claim = claim
        self._record = claim.record
        self._transfer = cast("ImportObject", claim.record.transfer)
        self._owner = ImportOwner(claim.project_id, claim.seq, worker)
        self._is_first_attempt = claim.attempts <= 1
        # Parts of the chunk by `id()`: where objects name others, and the messages that are decoded already.
        self._places: dict[int, list[Place]] = {}
        self._messages: dict[int, MessageObject] = {}
        # Files of the chunk that exist with their bytes, by their stored ids.
        self._with_bytes: set[str] = set()
        self._resolver = Resolver(store.imports, claim.project_id, claim.record.position)

    async def run(self, spool: SpooledObjects) -> None:
        """Imports what is left. Raises LeaseLost and ConflictFound."""
        position = self._record.position
        if not position.is_checked:
            await self._begin(spool)
        for kind in KINDS[KINDS.index(cast("Kind", position.stage)) :]:
            if position.stage != kind:
                position.stage, position.done = kind, 0
            await self._import_kind(spool, kind)

    async def _begin(self, spool: SpooledObjects) -> None:
        """Counts the objects, and checks them for conflicts where these end the import."""
        # A thread that is being erased would lose the rows that are imported into it.
        while await self._store.threads.erase():
            pass
        self._record.position.is_first = not await self._store.imports.has_objects(self._owner.project_id)
        self._transfer.progress.total = sum(spool.count(kind) for kind in KINDS)
        if self._transfer.on_conflict == "fail":
            for kind in KINDS:
                await self._check_conflicts(spool, kind)
        await report.add_problems(self._transfer.report, spool.problems())
        self._record.position.is_checked, self._record.position.stage = True, KINDS[0]
        await self._save()

    async def _check_conflicts(self, spool: SpooledObjects, kind: Kind) -> None:
        if kind == "vector_store_file":
            return
        async for chunk in read_chunks(spool.read(kind), _CHUNK):
            existing = (await self._resolver.search(kind, [raw.id for raw in chunk])).stored
            if existing:
                first = next(raw.id for raw in chunk if raw.id in existing)
                raise ConflictFound(f"The project has the {kind} '{first}', and nothing was imported.")

    async def _import_kind(self, spool: SpooledObjects, kind: Kind) -> None:
        size = _FILE_CHUNK if kind == "file" else _CONTENT_CHUNK if kind in _WITH_CONTENT else _CHUNK
        async for chunk in read_chunks(spool.read(kind, self._record.position.done), size):
            self._record.position.done += len(chunk)
            self._transfer.progress.done += len(chunk)
            if kind == "vector_store_file":
                await self._import_store_files(chunk)
            elif kind in _WITH_CONTENT:
                await self._import_with_content(kind, chunk, spool)
            else:
                await self._import_objects(kind, chunk, spool)

    # -- one chunk each ----------------------------------------------------------------------------------------

    async def _import_objects(self, kind: Kind, chunk: Sequence[RawObject], spool: SpooledObjects) -> None:
        batch = Batch(kind)
        usable = await self._select_usable(kind, chunk)
        existing = await self._find_existing(batch, usable)
        if kind == "webhook_endpoint":
            usable = await self._limit_endpoints(usable)
        async with AsyncExitStack() as stack:
            copier, pace = ContentCopier(spool, self._files, self._data, self._transfer, stack), Pace()
            for raw in usable:
                await pace.step()
                try:
                    row = self._to_row(raw, existing.get(raw.id))
                except UnusableObject as error:
                    report.add_skipped(self._transfer.report, kind, raw.id, str(error))
                    continue
                if kind in {"message", "response"}:
                    row = await copier.add_images(raw, row)
                row = await copier.add_data(kind, row)
                self._add_row(batch, raw, row, is_new=raw.id not in existing)
            await copier.commit()
            await self._store_batch(batch)

    async def _import_with_content(self, kind: Kind, chunk: Sequence[RawObject], spool: SpooledObjects) -> None:
        batch = Batch(kind)
        usable = await self._select_usable(kind, chunk)
        existing = await self._find_existing(batch, usable, spool if kind == "file" else None)
        async with AsyncExitStack() as stack:
            copier = ContentCopier(spool, self._files, self._data, self._transfer, stack)
            for raw in usable:
                try:
                    row = await self._to_row_with_content(copier, raw, existing.get(raw.id))
                except UnusableObject as error:
                    report.add_skipped(self._transfer.report, kind, raw.id, str(error))
                    continue
                self._add_row(batch, raw, row, is_new=raw.id not in existing)
            await copier.commit()
            await self._store_batch(batch)

    async def _to_row_with_content(self, copier: ContentCopier, raw: RawObject, stored_id: str | None) -> NewRow:
        if raw.kind != "file":
            return await copier.add_contents(raw, self._to_row(raw, stored_id), self._owner.project_id, self._now())
        body = {**raw.body, "id": stored_id or raw.id + self._suffix}
        subject, unknown = conversion.to_object(raw, body, self._now())
        file = cast("FileObject", subject)
        blob = await copier.copy_file(raw.id, file, has_bytes=stored_id in self._with_bytes)
        return conversion.file_row(self._owner.project_id, file, blob, unknown)

    async def _import_store_files(self, chunk: Sequence[RawObject]) -> None:
        """Files of vector stores; those of one store together."""
        if self._transfer.dry_run:
            report.count(self._transfer.report.imported, "vector_store_file", len(chunk))
            await self._save()
            return
        await self._resolver.load([pair for raw in chunk for pair in _references(raw)])
        for store_id, group in groupby(chunk, lambda raw: str(raw.body.get("vector_store_id"))):
            await self._attach(store_id, list(group))

    async def _attach(self, public_id: str, chunk: Sequence[RawObject]) -> None:
        store_id = self._resolver.find("vector_store", public_id)
        files: list[NewStoreFile] = []
        attached = set() if store_id is None else await self._find_attached(store_id, chunk)
        most = 0 if store_id is None else await self._store.imports.count_free(self._owner.project_id, store_id)
        pace = Pace()
        for raw in chunk:
            await pace.step()
            file_id = self._resolver.find("file", raw.id)
            if store_id is None or file_id is None:
                missing = "vector store" if store_id is None else "file"
                report.add_skipped(self._transfer.report, raw.kind, raw.id, f"Its {missing} was not imported.")
            elif file_id in attached:
                report.add_skipped(self._transfer.report, raw.kind, raw.id, EXISTS)
            elif len(files) >= most:
                report.add_skipped(
                    self._transfer.report, raw.kind, raw.id, "Its vector store has as many as it may have."
                )
            else:
                self._add_store_file(files, raw, {**raw.body, "id": file_id, "vector_store_id": store_id})
        report.count(self._transfer.report.imported, "vector_store_file", len(files))
        if store_id is None or not files:
            await self._save()
        elif not await self._store.imports.attach(self._owner, self._record, store_id, files, self._now()):
            raise LeaseLost

    async def _find_attached(self, store_id: str, chunk: Sequence[RawObject]) -> set[str]:
        file_ids = [file_id for raw in chunk if (file_id := self._resolver.find("file", raw.id)) is not None]
        return await self._store.imports.find_attached(self._owner.project_id, store_id, file_ids)

    def _add_store_file(self, files: list[NewStoreFile], raw: RawObject, body: dict[str, Any]) -> None:
        try:
            subject, unknown = conversion.to_object(raw, body, self._now())
        except UnusableObject as error:
            report.add_skipped(self._transfer.report, raw.kind, raw.id, str(error))
            return
        if unknown:
            report.count_unknown(self._transfer.report, raw.kind, unknown)
        files.append(NewStoreFile(cast("VectorStoreFileObject", subject), unknown))

    # -- the parts of a chunk ----------------------------------------------------------------------------------

    async def _select_usable(self, kind: Kind, chunk: Sequence[RawObject]) -> list[RawObject]:
        """The objects with an id of this kind, and whose thread or run is there."""
        usable = []
        for raw in chunk:
            try:
                if not row_conversion.is_row(raw):
                    conversion.check_id(raw)
                usable.append(raw)
            except UnusableObject as error:
                report.add_skipped(self._transfer.report, kind, raw.id, str(error))
        await self._resolver.load(await self._list_references(kind, usable))
        parent = _PARENTS.get(kind)
        if parent is None or self._transfer.dry_run:
            return usable
        noun, member = parent
        orphans = {id(raw) for raw in usable if not self._has_parent(noun, self._read_parent(raw, member))}
        for raw in [raw for raw in usable if id(raw) in orphans]:
            report.add_skipped(self._transfer.report, kind, raw.id, f"Its {noun} was not imported.")
            usable.remove(raw)
        return usable

    async def _list_references(self, kind: Kind, usable: Sequence[RawObject]) -> set[tuple[ReferenceKind, str]]:
        """What the objects name, whose decoded messages and places remain for their rows."""
        self._messages.clear()
        self._places.clear()
        if kind in {"chat_completion", "transcription"}:
            # The messages of a stored chat are what a client sent: they name nothing here.
            return set()
        named: set[tuple[ReferenceKind, str]] = set()
        pace = Pace()
        for raw in usable:
            await pace.step()
            message = decode_plain(raw)
            if message is not None:
                self._messages[id(raw)] = message
                named.update(list_plain_references(message))
            else:
                places = self._places[id(raw)] = find_places(raw.body)
                named.update(reference for place in places for reference in read_place(place))
        return named

    def _read_parent(self, raw: RawObject, member: str) -> str:
        message = self._messages.get(id(raw))
        return str(raw.body.get(member)) if message is None else message.thread_id

    def _has_parent(self, noun: Kind, public_id: str) -> bool:
        kind, _ = refer(noun, public_id)
        return kind == "response_thread" or self._resolver.find(kind, public_id) is not None

    async def _limit_endpoints(self, usable: list[RawObject]) -> list[RawObject]:
        """As many as the project may have; the others are reported."""
        room = await self._store.webhooks.count_free(self._owner.project_id)
        for raw in usable[room:]:
            report.add_skipped(self._transfer.report, raw.kind, raw.id, "The project has as many as it may have.")
        return usable[:room]

    async def _find_existing(
        self, batch: Batch, usable: list[RawObject], spool: SpooledObjects | None = None
    ) -> dict[str, str]:
        """The stored ids of objects to replace. Those to skip are removed from `usable`."""
        if self._claims_all:
            return {}
        found = await self._resolver.search(batch.kind, [raw.id for raw in usable])
        existing, batch.deleted = found.stored, found.deleted
        if not existing:
            return {}
        replaces = self._transfer.on_conflict == "replace" and batch.kind in _REPLACED
        replaced = set(existing) if replaces else set()
        if batch.kind == "run":
            active = await self._store.imports.find_active_runs(list(existing.values()))
            replaced -= {public for public, stored in existing.items() if stored in active}
        if spool is not None:
            without = await self._store.imports.find_without_content(list(existing.values()))
            self._with_bytes = {*existing.values()} - without
            replaced |= {one for one, stored in existing.items() if stored in without and has_content(spool, one)}
        for raw in [raw for raw in usable if raw.id in existing and raw.id not in replaced]:
            report.add_skipped(self._transfer.report, batch.kind, raw.id, EXISTS)
            usable.remove(raw)
        return {public: stored for public, stored in existing.items() if public in replaced}

    @property
    def _claims_all(self) -> bool:
        """Whether no object of the input can exist: the project was empty.

        Another import of the same objects at the same time fails this attempt, and the next one looks them up.
        """
        return self._record.position.is_first and self._is_first_attempt

    def _to_row(self, raw: RawObject, stored_id: str | None) -> NewRow:
        """The row of an object, whose body is changed."""
        message = self._messages.get(id(raw))
        if message is not None:
            return self._to_message_row(message, stored_id or raw.id + self._suffix)
        unknown_resources = {} if self._transfer.dry_run else self._find_missing_resources(raw)
        replace_references(self._places.get(id(raw), ()), self._resolver.stored)
        if row_conversion.is_row(raw):
            return row_conversion.to_row(raw, stored_id or raw.id + self._suffix, self._owner.project_id, self._now())
        body = raw.body
        body["id"] = stored_id or raw.id + self._suffix
        subject, unknown = conversion.to_object(raw, body, self._now())
        if unknown_resources:
            unknown = msgspec.json.encode({**(msgspec.json.decode(unknown or "{}")), **unknown_resources}).decode()
        if isinstance(subject, VectorStoreObject):
            return conversion.store_row(self._owner.project_id, subject, self._now(), unknown)
        return conversion.to_row(self._owner.project_id, subject, unknown)

    def _to_message_row(self, message: MessageObject, stored_id: str) -> NewRow:
        replace_plain_references(message, self._resolver.stored)
        message.id = stored_id
        message.created_at = message.created_at or self._now()
        return conversion.to_row(self._owner.project_id, conversion.end(message), "")

    def _find_missing_resources(self, raw: RawObject) -> dict[str, Any]:
        """Removes files and vector stores of tools that are not in the project: a run would end over them.

        Returns the member as it was, if anything was removed.
        """
        resources = raw.body.get("tool_resources")
        if raw.kind not in {"assistant", "thread"} or not isinstance(resources, dict) or not resources:
            return {}
        named = list_references(resources)
        missing = {public for kind, public in named if self._resolver.find(kind, public) is None}
        if not missing:
            return {}
        for public in sorted(missing):
            report.add_entry(self._transfer.report, raw.kind, raw.id, f"Its tools name '{public}', which is not here.")
        before = msgspec.json.encode(resources)
        for place in find_places(resources):
            owner, name, _ = place
            if isinstance(owner[name], list):
                owner[name] = [one for _, one in read_place(place) if one not in missing]
        return {"tool_resources": msgspec.json.decode(before)}

    @property
    def _suffix(self) -> str:
        return qualifier(self._owner.project_id)

    def _add_row(self, batch: Batch, raw: RawObject, row: NewRow, *, is_new: bool) -> None:
        (batch.inserted if is_new else batch.replaced).append(row)
        if batch.kind == "webhook_endpoint":
            report.add_entry(self._transfer.report, raw.kind, raw.id, "It has a new secret: rotate it to get one.")
        if row.unknown:
            report.count_unknown(self._transfer.report, raw.kind, row.unknown)

    async def _store_batch(self, batch: Batch) -> None:
        for counts, rows in (
            (self._transfer.report.imported, batch.inserted),
            (self._transfer.report.replaced, batch.replaced),
        ):
            for noun, number in Counter(row.noun or batch.kind for row in rows).items():
                report.count(counts, noun, number)
        if self._transfer.dry_run:
            await self._save()
            return
        if not await self._store.imports.add(self._owner, self._record, batch):
            raise LeaseLost
        self._resolver.forget_missing()

    async def _save(self) -> None:
        if not await self._store.transfers.record(self._owner.seq, self._owner.worker, self._record):
            raise LeaseLost

    def _now(self) -> int:
        return int(self._clock.now())


def _references(raw: RawObject) -> Iterator[tuple[ReferenceKind, str]]:
    if raw.kind == "vector_store_file":
        yield "file", raw.id
    yield from list_references(raw.body)
