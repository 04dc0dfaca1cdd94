"""What an import inserts of batches of files, of uploads, of containers and of batches beside their rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

import msgspec

from understudy.store import container_uploads
from understudy.store.blobs import release, retain
from understudy.store.database import Transaction
from understudy.store.files import insert_file
from understudy.store.import_rows import NewRow
from understudy.store.sql import compose_sql, insert_rows, padded_batches, split_batches, sql_parameters
from understudy.store.uploads import StoredPart
from understudy.wire.containers import ContainerResource
from understudy.wire.files import FileObject

_PLACES: Final[tuple[LiteralString, ...]] = (
    "SELECT id FROM threads WHERE project_id = $1 AND body IS NOT NULL AND id IN (",
    "SELECT thread_id FROM responses WHERE project_id = $1 AND thread_id IN (",
)


def number_stores(project_id: str, rows: Sequence[NewRow]) -> Transaction[list[tuple[Any, ...]]]:
    """The values of batches of files, with the numbers of their vector stores."""
    numbers: dict[str, int] = {}
    for batch in padded_batches(sorted({row.values[1] for row in rows})):
        ids = sql_parameters(2, len(batch))
        sql = compose_sql("SELECT id, seq FROM vector_stores WHERE project_id = $1 AND id IN (", ids, ")")
        numbers.update({row[0]: row[1] for row in (yield sql, (project_id, *batch))})
    # A store that was deleted meanwhile has the number of none.
    return [(row.values[0], numbers.get(row.values[1], 0), *row.values[2:]) for row in rows]


def place_containers(project_id: str, rows: Sequence[NewRow]) -> Transaction[list[tuple[Any, ...]]]:
    """The values of containers: a thread that is not there, or that has a container, gets none."""
    named = sorted({row.values[2] for row in rows if row.values[2] is not None})
    free: set[str] = set()
    for batch in padded_batches(named):
        for select in _PLACES:
            sql = compose_sql(select, sql_parameters(2, len(batch)), ")")
            free.update([row[0] for row in (yield sql, (project_id, *batch))])
    for batch in padded_batches(named):
        sql = compose_sql("SELECT thread_id FROM containers WHERE thread_id IN (", sql_parameters(1, len(batch)), ")")
        free.difference_update([row[0] for row in (yield sql, tuple(batch))])
    values = []
    for row in rows:
        thread_id = row.values[2] if row.values[2] in free else None
        free.discard(row.values[2])
        values.append((*row.values[:2], thread_id, *row.values[3:]))
    return values


def add_members(kind: str, rows: Sequence[NewRow], numbers: Mapping[str, int]) -> Transaction[None]:
    """The files of batches of files and of containers; `numbers` are those of the rows by their ids."""
    for row in rows:
        if kind == "container":
            for pairs in split_batches([(row.id, file_id) for file_id in row.members]):
                yield from insert_rows("container_files", "container_id, file_id", pairs)
            continue
        files: list[tuple[int, int]] = []
        for batch in padded_batches(row.members):
            sql = compose_sql(
                "SELECT store_files.seq FROM store_files JOIN file_batches ON file_batches.store = store_files.store",
                "WHERE file_batches.seq = $1 AND store_files.body IS NOT NULL AND store_files.id IN (",
                sql_parameters(2, len(batch)),
                ")",
            )
            files += [(numbers[row.id], file) for (file,) in (yield sql, (numbers[row.id], *batch))]
        for some in split_batches(sorted(set(files))):
            yield from insert_rows("batch_files", "batch, file", some)


def add_parts(upload_id: str, parts: Sequence[StoredPart]) -> Transaction[None]:
    """The parts of an upload; one whose id is that of another upload is left out."""
    for part in parts:
        blob = yield from retain(part.blob)
        sql = (
            "INSERT INTO upload_parts (id, upload_id, blob, bytes) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (id) DO NOTHING RETURNING id"
        )
        if not (yield sql, (part.id, upload_id, blob, part.bytes)):
            yield from release(blob)


def add_uploads(container: NewRow) -> Transaction[None]:
    """What clients have uploaded into a container."""
    if container.uploads:
        lifetime = msgspec.json.decode(container.values[-1], type=ContainerResource).expires_after.minutes * 60
        for upload in container.uploads:
            yield from container_uploads.add_upload(container.id, upload, lifetime)


def add_outputs(project_id: str, outputs: Sequence[tuple[FileObject, str]]) -> Transaction[None]:
    """The files that a batch leaves."""
    for file, blob in outputs:
        yield from insert_file(project_id, file, blob)
