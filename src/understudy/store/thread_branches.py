"""Branches: threads that begin with copies of another thread's items.

The copies belong to no run, since the runs stay with the thread that they were made on.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from understudy import ids
from understudy.errors import not_found
from understudy.errors.objects import branch_limit_exceeded, branch_of_open_message
from understudy.store import large_writes
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.item_images import MARKER_START, copy_images
from understudy.store.references import replace_references
from understudy.store.sql import compose_sql, insert_rows, split_batches
from understudy.store.thread_activity import ACTIVITY_NOW
from understudy.store.threads import insert_metadata, select_thread
from understudy.wire.threads import BranchOrigin, ThreadObject

MAX_ITEMS: Final = 20_000
MAX_BYTES: Final = 64 * 2**20
_PAGE: Final = 100
# Items that are copied in less time than a switch to a thread is worth.
_INLINE_ITEMS: Final = 50
_INLINE_BYTES: Final = 256 * 1024
_INSERT_THREAD: Final = compose_sql(
    "INSERT INTO threads (id, project_id, body, branched_from, last_active_at) VALUES ($1, $2, $3, $4,",
    ACTIVITY_NOW,
    ")",
)
_LAST_ITEM: Final = "SELECT seq, kind, body FROM items WHERE id = $1 AND thread_id = $2 AND body IS NOT NULL"
_SIZE: Final = (
    "SELECT count(*), COALESCE(sum(octet_length(body)), 0) FROM items"
    " WHERE thread_id = $1 AND seq <= $2 AND body IS NOT NULL"
)
_ITEMS: Final = (
    "SELECT seq, id, kind, role, body FROM items"
    " WHERE thread_id = $1 AND seq > $2 AND seq <= $3 AND body IS NOT NULL ORDER BY seq LIMIT $4"
)
_decode_thread = msgspec.json.Decoder(ThreadObject).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Text(Struct):
    value: str


class _Part(Struct):
    text: _Text | UnsetType = UNSET


class _Message(Struct):
    status: str
    content: list[_Part]


_decode_message = msgspec.json.Decoder(_Message).decode


@dataclass(frozen=True, slots=True)
class _Copy:
    """A row to insert, and the text of its message for the index."""

    row: tuple[str, str, str, str | None, str]
    text: str


class ThreadBranches:
    """Every method raises NotFound for an unknown thread of the project or an unknown item of the thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, thread_id: str, after: str | None, change: Callable[[ThreadObject], None], now: int
    ) -> ThreadObject:
        """A new thread with copies of the items up to `after`, a message or another item; None: of no item.

        `change` is applied to the new thread before it is stored. Raises InvalidRequest for a message that is being
        written, and for more items than a branch may have.
        """
        last, count, size = await self._database.scan(_measure_branch, project_id, thread_id, after)
        if count > MAX_ITEMS or size > MAX_BYTES:
            raise branch_limit_exceeded(MAX_ITEMS, MAX_BYTES)
        if count > _INLINE_ITEMS or size > _INLINE_BYTES:
            large_writes.mark_expected()
        return await self._database.write(
            _insert_branch, self._database.text_insert, project_id, thread_id, after, last, change, now
        )


def _measure_branch(project_id: str, thread_id: str, after: str | None) -> Transaction[tuple[int, int, int]]:
    """The number of the last item to copy, how many there are, and their bytes."""
    yield from select_thread(project_id, thread_id)
    if after is None:
        return 0, 0, 0
    rows = yield _LAST_ITEM, (after, thread_id)
    if not rows:
        raise not_found("message", after)
    last, kind, body = rows[0]
    if kind == "message" and _decode_message(body).status == "in_progress":
        raise branch_of_open_message(after)
    count, size = (yield _SIZE, (thread_id, last))[0]
    return last, int(count), int(size)


def _insert_branch(
    text_insert: str,
    project_id: str,
    thread_id: str,
    after: str | None,
    last: int,
    change: Callable[[ThreadObject], None],
    now: int,
) -> Transaction[ThreadObject]:
    branch = _decode_thread((yield from select_thread(project_id, thread_id)))
    branch.id, branch.created_at = ids.thread(), now
    copied = yield from _copy_items(text_insert, project_id, thread_id, branch.id, last)
    branch.branched_from = BranchOrigin(thread_id, after, copied.get(after))
    change(branch)
    # Last, because a list of threads waits for the transactions that have begun to insert one.
    yield _INSERT_THREAD, (branch.id, project_id, msgspec.json.encode(branch).decode(), thread_id)
    yield from insert_metadata(project_id, branch)
    yield from replace_references("thread", branch.id, (), branch.tool_resources)
    return branch


def _copy_items(
    text_insert: str, project_id: str, thread_id: str, branch_id: str, last: int
) -> Transaction[dict[str | None, str]]:
    """Returns the id of the last item's copy, by the id of the item."""
    above, newest = 0, {}
    while rows := (yield _ITEMS, (thread_id, above, last, _PAGE)):
        above = rows[-1][0]
        copies = [_copy_item(row, branch_id) for row in rows]
        for batch in split_batches(copies):
            yield from insert_rows("items", "id, thread_id, kind, role, body", [copy.row for copy in batch])
        for row, copy in zip(rows, copies, strict=True):
            if row[2] == "image_generation" or MARKER_START in row[4]:
                yield from copy_images(project_id, row[1], copy.row[0])
        yield from _insert_texts(text_insert, [copy for copy in copies if copy.text])
        newest = {rows[-1][1]: copies[-1].row[0]}
    return newest


def _copy_item(row: Row, branch_id: str) -> _Copy:
    _, item_id, kind, role, body = row
    members = _decode_members(body)
    new_id = ids.message() if kind == "message" else f"{item_id.partition('_')[0]}_{secrets.token_hex(25)}"
    members["id"] = _encode_value(new_id)
    text = ""
    if kind == "message":
        members |= {"thread_id": _encode_value(branch_id), "run_id": _encode_value(None)}
        parts = [part.text.value for part in _decode_message(body).content if part.text is not UNSET]
        text = " ".join(parts).replace("\x00", " ")
    return _Copy((new_id, branch_id, kind, role, msgspec.json.encode(members).decode()), text)


def _encode_value(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _insert_texts(text_insert: str, copies: Sequence[_Copy]) -> Transaction[None]:
    sql = text_insert.replace("{item}", "items")
    for batch in split_batches(copies):
        bundle = Bundle()
        bundle.add("SELECT 1")
        for copy in batch:
            bundle.add(sql, copy.text, copy.row[0])
        yield bundle
