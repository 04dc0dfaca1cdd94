"""Inserts imported objects with their own ids and times: one transaction a batch, with the progress of the job."""

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, LiteralString, cast

import msgspec

from understudy.store.blobs import release, retain
from understudy.store.database import Database, Transaction
from understudy.store.import_details import (
    add_members,
    add_outputs,
    add_parts,
    add_uploads,
    number_stores,
    place_containers,
)
from understudy.store.import_lookups import (
    IMPORT_TABLES,
    FoundIds,
    ImportTable,
    find_active_runs,
    find_attached,
    find_ids,
    find_indexed,
    find_without_content,
    has_objects,
    load_unknown,
)
from understudy.store.import_rows import Batch, ImportOwner, NewResponseLinks, NewRow, NewStoreFile
from understudy.store.item_images import add_image
from understudy.store.references import delete_references, replace_references
from understudy.store.sql import compose_sql, insert_rows, padded_batches, split_batches, sql_parameters
from understudy.store.transfers import TransferRecord, record_progress
from understudy.store.vector_store_counts import Counts, count, find_store, lock_store
from understudy.store.vector_store_files import (
    NewFile,
    add_files,
    count_free,
    find_file,
    find_files,
    lock_names,
    move,
    restart_indexing,
)
from understudy.store.video_rows import insert_files
from understudy.wire.files import FileObject

_SHARED_PREFIX: Final = "resp_"
"""Begins the ids of threads without a row, which only responses have."""


class Imports:
    """Every write returns whether the job was still the worker's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, project_id: str, kind: str, public_ids: Collection[str], *, only_imported: bool = False
    ) -> FoundIds:
        """The project's objects with these public ids. `only_imported`: the project has no objects of its own."""
        return await self._database.read(find_ids, project_id, kind, sorted(public_ids), only_imported)

    async def has_objects(self, project_id: str) -> bool:
        """Whether the project has or had a file, vector store, assistant, thread or run."""
        return await self._database.read(has_objects, project_id)

    async def find_active_runs(self, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs, by their stored ids, that have not ended."""
        return await self._database.read(find_active_runs, run_ids)

    async def find_indexed(self, file_ids: Sequence[str], besides: Container[str]) -> set[str]:
        """Those of the files, by their stored ids, that are in a vector store; the stores `besides` do not count."""
        return await self._database.read(find_indexed, file_ids, besides)

    async def load_unknown(self, stored_ids: Sequence[str]) -> dict[str, str]:
        """The encoded members that an import set aside, by the stored ids of their objects."""
        return await self._database.read(load_unknown, stored_ids)

    async def find_without_content(self, file_ids: Sequence[str]) -> set[str]:
        """Those of the files, by their stored ids, that have no content."""
        return await self._database.read(find_without_content, file_ids)

    async def add(self, owner: ImportOwner, record: TransferRecord, batch: Batch) -> bool:
        return await self._database.write(_add_batch, self._database, owner, record, batch)

    async def find_attached(self, project_id: str, store_id: str, file_ids: Sequence[str]) -> set[str]:
        """Those of the files that are in the vector store."""
        return await self._database.read(find_attached, project_id, store_id, file_ids)

    async def count_free(self, project_id: str, store_id: str) -> int:
        """How many more files a vector store may have. Raises NotFound."""
        return await self._database.read(count_free, project_id, store_id)

    async def attach(
        self, owner: ImportOwner, record: TransferRecord, store_id: str, files: Sequence[NewStoreFile], now: int
    ) -> bool:
        """Adds files to a vector store of the project. Raises NotFound for a file that the project does not have."""
        return await self._database.write(_attach_files, owner, record, store_id, files, now)


def _add_batch(database: Database, owner: ImportOwner, record: TransferRecord, batch: Batch) -> Transaction[bool]:
    if not (yield from record_progress(owner.seq, owner.worker, record)):
        return False
    table = IMPORT_TABLES[batch.kind]
    for stored_ids in split_batches(sorted(batch.deleted)):
        yield from _free_tombstones(table, stored_ids)
    for rows in split_batches(batch.inserted):
        values = yield from _prepare_values(owner.project_id, batch.kind, rows)
        added = yield from insert_rows(table.name, table.columns, values, "RETURNING id, seq")
        if batch.kind == "message":
            yield from _index_texts(database, rows, dict(added))
        if batch.kind in {"file_batch", "container"}:
            yield from add_members(batch.kind, rows, dict(added))
    for row in batch.replaced:
        yield from _replace(database, table, batch.kind, row)
    if batch.kind == "message":
        yield from _record_activity(batch.inserted)
    yield from _add_details(owner.project_id, batch)
    return True


def _add_details(project_id: str, batch: Batch) -> Transaction[None]:
    """What other tables have of the objects."""
    pairs = [(row.id, project_id, pair) for row in (*batch.inserted, *batch.replaced) for pair in row.pairs]
    for some in split_batches(pairs):
        if batch.kind == "thread":
            yield from insert_rows("thread_metadata", "thread_id, project_id, pair", some)
        else:
            yield from insert_rows("chat_completion_tags", "completion_id, project_id, tag", some)
    for row in batch.inserted:
        if row.files:
            yield from insert_files(row.id, row.files)
        yield from add_parts(row.id, row.parts)
        yield from add_uploads(row)
        yield from add_outputs(project_id, row.outputs)
    yield from _write_images(project_id, [row for row in (*batch.inserted, *batch.replaced) if row.images])
    if batch.kind == "prompt":
        yield from _write_versions(batch)
    for row in (*batch.inserted, *batch.replaced):
        if row.unknown:
            yield from _keep_unknown(row.id, row.unknown)
    if batch.kind in {"assistant", "thread"}:
        yield from _record_references(cast("Literal['assistant', 'thread']", batch.kind), batch)


def _write_images(project_id: str, rows: Sequence[NewRow]) -> Transaction[None]:
    for row in rows:
        yield "DELETE FROM item_images WHERE owner_id = $1", (row.id,)
        for image in row.images:
            yield from add_image(project_id, (row.id,), image)


def _record_references(kind: Literal["assistant", "thread"], batch: Batch) -> Transaction[None]:
    for row in batch.replaced:
        yield from delete_references(row.id)
    for row in (*batch.inserted, *batch.replaced):
        if row.resources is not None:
            yield from replace_references(kind, row.id, (), row.resources)


def _write_versions(batch: Batch) -> Transaction[None]:
    for row in batch.replaced:
        yield "DELETE FROM prompt_versions WHERE prompt_id = $1", (row.id,)
    versions = [(row.id, *version) for row in (*batch.inserted, *batch.replaced) for version in row.versions]
    for some in split_batches(versions):
        yield from insert_rows("prompt_versions", "prompt_id, version, body", some)


def _free_tombstones(table: ImportTable, stored_ids: Sequence[str]) -> Transaction[None]:
    """Renames the rows of deleted objects, which keep their place in lists, so that their ids can be used again."""
    ids = sql_parameters(1, len(stored_ids))
    sql = compose_sql("UPDATE", table.name, "SET id = id || '/' || seq WHERE id IN (", ids, ") AND body IS NULL")
    yield sql, tuple(stored_ids)


def _prepare_values(project_id: str, kind: str, rows: Sequence[NewRow]) -> Transaction[list[tuple[Any, ...]]]:
    """The values of the rows, with what only the transaction knows."""
    if kind == "response":
        return (yield from _number_items(rows))
    if kind == "file_batch":
        return (yield from number_stores(project_id, rows))
    if kind == "container":
        return (yield from place_containers(project_id, rows))
    blob_columns = {"file": 3, "batch": 4}
    if kind in blob_columns:
        return (yield from _retain_blobs(rows, blob_columns[kind]))
    return [row.values for row in rows]


def _retain_blobs(rows: Sequence[NewRow], column: int) -> Transaction[list[tuple[Any, ...]]]:
    """The values with the names of the blobs that the rows use from now on."""
    retained = []
    for row in rows:
        blob = row.values[column] and (yield from retain(row.values[column]))
        retained.append((*row.values[:column], blob, *row.values[column + 1 :]))
    return retained


def _number_items(rows: Sequence[NewRow]) -> Transaction[list[tuple[Any, ...]]]:
    """The values of responses with the numbers of the items that they name, whose contexts are stored."""
    named = {item for row in rows if row.links is not None for item in _named_items(row.links)}
    numbers: dict[str | None, int] = {}
    for batch in padded_batches(sorted(named)):
        sql = compose_sql("SELECT id, seq FROM items WHERE id IN (", sql_parameters(1, len(batch)), ")")
        numbers.update((row[0], int(row[1])) for row in (yield sql, tuple(batch)))
    values = []
    contexts: list[tuple[Any, ...]] = []
    for row in rows:
        links = cast("NewResponseLinks", row.links)
        last = (numbers.get(links.input_item, 0), numbers.get(links.last_item, 0))
        values.append((*row.values[:4], *last, *row.values[6:]))
        for position, (thread_id, item) in enumerate(links.context):
            contexts.append((row.id, position, thread_id, numbers.get(item, 0)))
    for some in split_batches(contexts):
        yield from insert_rows("response_contexts", "response_id, position, thread_id, last_seq", some)
    return values


def _named_items(links: NewResponseLinks) -> Iterator[str]:
    for item in (links.input_item, links.last_item, *(item for _, item in links.context)):
        if item is not None:
            yield item


def _index_texts(database: Database, rows: Sequence[NewRow], numbers: Mapping[str, int]) -> Transaction[None]:
    texts = [(numbers[row.id], row.text.replace("\x00", " ")) for row in rows if row.text]
    for batch in split_batches(texts):
        values = ", ".join(
            [
                f"(${2 * place + 1}, {database.text_words.format(text=f'${2 * place + 2}')})"
                for place in range(len(batch))
            ]
        )
        sql = compose_sql("INSERT INTO item_text (", database.text_columns, ") VALUES", values)
        yield sql, tuple(value for row in batch for value in row)


def _record_activity(messages: Sequence[NewRow]) -> Transaction[None]:
    """Threads were active when their last message was created."""
    newest: dict[str, int] = {}
    for row in messages:
        thread_id = str(row.values[1])
        if thread_id.startswith(_SHARED_PREFIX):
            continue
        newest[thread_id] = max(newest.get(thread_id, 0), row.created_at * 1000)
    for thread_id in sorted(newest):
        sql = "UPDATE threads SET last_active_at = $2 WHERE id = $1 AND last_active_at < $2"
        yield sql, (thread_id, newest[thread_id])


def _replace(database: Database, table: ImportTable, kind: str, row: NewRow) -> Transaction[None]:
    columns: list[LiteralString] = list(table.columns.split(", "))[1:]
    values = list(row.values[1:])
    if kind == "file":
        blobs = yield "SELECT blob, body FROM files WHERE id = $1 FOR UPDATE", (row.id,)
        if not values[2]:
            # Without new bytes, the file keeps those that it has.
            values[2] = blobs[0][0] if blobs else ""
            values[4] = _keep_size(values[4], blobs[0][1]) if values[2] and blobs[0][1] else values[4]
        else:
            values[2] = yield from retain(values[2])
            if blobs and blobs[0][0]:
                yield from release(blobs[0][0])
            else:
                yield from _index_again(row.id)
    if kind == "thread":
        columns, values = ["project_id", "branched_from", "body"], [values[0], *values[-2:]]
    if kind == "vector_store":
        columns, values = ["project_id", "last_active_at", "expires_at", "body"], [*values[:3], values[-1]]
    sets = ", ".join([f"{column} = ${place}" for place, column in enumerate(columns, 2)])
    rows = yield compose_sql("UPDATE", table.name, "SET", sets, "WHERE id = $1 RETURNING seq"), (row.id, *values)
    if kind == "thread":
        yield "DELETE FROM thread_metadata WHERE thread_id = $1", (row.id,)
    if kind == "message":
        yield "DELETE FROM item_images WHERE owner_id = $1", (row.id,)
        for (seq,) in rows:
            yield database.text_delete, (seq,)
            yield from _index_texts(database, [row], {row.id: seq})


def _keep_size(body: str, before: str) -> str:
    """The encoded file with the size of the bytes that it keeps."""
    file = msgspec.json.decode(body, type=FileObject)
    file.bytes = msgspec.json.decode(before, type=FileObject).bytes
    return msgspec.json.encode(file).decode()


def _index_again(file_id: str) -> Transaction[None]:
    """Queues a file in all vector stores where indexing failed, as it did without the content."""
    sql = "SELECT store FROM store_files WHERE id = $1 AND status = 'failed' AND body IS NOT NULL ORDER BY store"
    for (store,) in (yield sql, (file_id,)):
        yield from lock_store(store)
        change = Counts()
        for row in (yield from find_files("store = $1 AND id = $2 AND status = 'failed'", store, file_id)):
            yield from restart_indexing(row, change)
        yield from count(store, change)


def _keep_unknown(stored_id: str, members: str) -> Transaction[None]:
    sql = (
        "INSERT INTO unknown_members (id, members) VALUES ($1, $2)"
        " ON CONFLICT (id) DO UPDATE SET members = excluded.members"
    )
    yield sql, (stored_id, members)


def _attach_files(
    owner: ImportOwner, record: TransferRecord, store_id: str, files: Sequence[NewStoreFile], now: int
) -> Transaction[bool]:
    if not (yield from record_progress(owner.seq, owner.worker, record)):
        return False
    names = yield from lock_names(owner.project_id, [one.file.id for one in files], now)
    for one in files:
        file = one.file
        store = yield from find_store(owner.project_id, store_id, lock=True)
        new = NewFile(file.id, file.chunking_strategy, file.attributes or {})
        yield from add_files(owner.project_id, store_id, store, [new], names, file.created_at)
        if file.status in {"failed", "cancelled"}:
            change = Counts()
            row = yield from find_file(store.seq, file.id, store_id, lock=True)
            yield from move(row, file.status, change, error=file.last_error)
            yield from count(store.seq, change)
        if one.unknown:
            yield from _keep_unknown(f"{store_id}/{file.id}", one.unknown)
    return True


def encode_pair(pair: tuple[str, str]) -> str:
    """A pair of a thread's metadata, as the index of threads has it."""
    return msgspec.json.encode(pair).decode()
