"""Rows of an export: items of threads, prompts with all versions, responses, stored chats, batches and videos.

Each verb returns one page, oldest first. Numbers of items mean nothing elsewhere, so a response names items instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from understudy.store.batches import Dialect, Status
from understudy.store.database import Database, Row, Transaction
from understudy.store.response_items import NEWEST_ITEM
from understudy.store.sql import SqlArguments, compose_sql, match_metadata, padded_batches, sql_parameters
from understudy.store.video_rows import VideoFile
from understudy.wire.videos import State

_PAGE: Final = 100
_PROMPTS: Final = 10
"""A prompt has all of its versions with it."""
_STORED_RESPONSE: Final = "kept = 1 AND body IS NOT NULL"
_ITEMS: Final = compose_sql(
    "SELECT items.seq, items.id, kind, role, run_id, COALESCE(responses.created_at, 0), items.body FROM items",
    "LEFT JOIN responses ON responses.id = items.run_id",
    "WHERE items.thread_id = $1 AND items.seq > $2 AND items.body IS NOT NULL ORDER BY items.seq LIMIT $3",
)
_LAST_ITEM: Final = (
    "(SELECT items.id FROM items WHERE items.thread_id = one.thread_id AND items.seq <= {number}"
    " AND items.body IS NOT NULL ORDER BY items.seq DESC LIMIT 1)"
)
_HAS_ROOT: Final = compose_sql(
    "EXISTS (SELECT 1 FROM responses WHERE responses.id = one.thread_id AND", _STORED_RESPONSE, ")"
)
_RESPONSES: Final = compose_sql(
    "SELECT one.seq, id, created_at, thread_id,",
    _HAS_ROOT,
    ", previous_id,",
    _LAST_ITEM.format(number="one.input_seq"),
    ",",
    # A response in progress has no last item yet: it ends with the newest one.
    _LAST_ITEM.format(number=f"COALESCE(one.last_seq, {NEWEST_ITEM})"),
    ", body FROM responses AS one WHERE project_id = $1 AND one.seq > $2 AND",
    _STORED_RESPONSE,
)
_CONTEXTS: Final = compose_sql(
    "SELECT response_id, thread_id,",
    _HAS_ROOT,
    ",",
    _LAST_ITEM.format(number="one.last_seq"),
    "FROM response_contexts AS one WHERE response_id IN (",
)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item of a thread. `response_at` is when the response that it belongs to was created, else 0."""

    seq: int
    id: str
    kind: str
    role: str | None
    run_id: str | None
    response_at: int
    body: str


@dataclass(frozen=True, slots=True)
class ContextLine:
    """A thread before a response, up to an item. `has_root`: the response is stored that began the thread."""

    thread_id: str
    has_root: bool
    last_item: str | None


@dataclass(frozen=True, slots=True)
class ResponseLine:
    """A response. `input_item` and `last_item` are the last items of its input and of its context."""

    seq: int
    id: str
    created_at: int
    thread_id: str
    has_root: bool
    previous_id: str | None
    input_item: str | None
    last_item: str | None
    body: str
    context: Sequence[ContextLine] = ()


@dataclass(frozen=True, slots=True)
class PromptLine:
    """A stored prompt; `versions` are encoded, oldest first."""

    seq: int
    id: str
    body: str
    versions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A stored chat completion; `messages` is an encoded array, `tags` are what a list finds it by, each encoded."""

    seq: int
    id: str
    messages: str
    body: str
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch. `counts` are those of its lines and its tokens; `results` is a blob."""

    seq: int
    id: str
    dialect: Dialect
    status: Status
    counts: Sequence[int]
    results: str | None
    body: str


@dataclass(frozen=True, slots=True)
class VideoLine:
    """A video with its files."""

    seq: int
    id: str
    state: State
    provider: str
    upstream_id: str | None
    body: str
    files: Sequence[VideoFile] = ()


class ExportRows:
    """`pairs` narrow a page to rows with that metadata; `after` is the `seq` of the last row of the page before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, thread_id: str, after: int) -> list[ItemLine]:
        return await self._database.read(_page_items, thread_id, after)

    async def responses(
        self, project_id: str, after: int, pairs: Sequence[tuple[str, str]] = (), thread_id: str | None = None
    ) -> list[ResponseLine]:
        """`thread_id`: only those of a conversation."""
        read = self._database.scan if pairs else self._database.read
        return await read(_page_responses, self._database, project_id, after, pairs, thread_id)

    async def prompts(self, project_id: str, after: int, pairs: Sequence[tuple[str, str]] = ()) -> list[PromptLine]:
        read = self._database.scan if pairs else self._database.read
        return await read(_page_prompts, self._database, project_id, after, pairs)

    async def chats(self, project_id: str, after: int, pairs: Sequence[tuple[str, str]] = ()) -> list[ChatLine]:
        read = self._database.scan if pairs else self._database.read
        return await read(_page_chats, self._database, project_id, after, pairs)

    async def batches(self, project_id: str, after: int, pairs: Sequence[tuple[str, str]] = ()) -> list[BatchLine]:
        read = self._database.scan if pairs else self._database.read
        return await read(_page_batches, self._database, project_id, after, pairs)

    async def videos(self, project_id: str, after: int) -> list[VideoLine]:
        return await self._database.read(_page_videos, project_id, after)


def _page_items(thread_id: str, after: int) -> Transaction[list[ItemLine]]:
    return [ItemLine(*row) for row in (yield _ITEMS, (thread_id, after, _PAGE))]


def _select_page(
    database: Database,
    select: LiteralString,
    values: Sequence[Any],
    pairs: Sequence[tuple[str, str]],
    size: int = _PAGE,
) -> Transaction[list[Row]]:
    """`select` ends with a condition that binds `values`."""
    arguments = SqlArguments(values)
    conditions = [compose_sql("AND", one) for one in match_metadata(database.json_pair, pairs, arguments)]
    limit = arguments.bind(size)
    return (yield compose_sql(select, *conditions, "ORDER BY seq LIMIT", limit), arguments.values)


def _page_responses(
    database: Database, project_id: str, after: int, pairs: Sequence[tuple[str, str]], thread_id: str | None
) -> Transaction[list[ResponseLine]]:
    values: list[Any] = [project_id, after]
    select = _RESPONSES
    if thread_id is not None:
        select, values = compose_sql(select, "AND thread_id = $3"), [*values, thread_id]
    rows = yield from _select_page(database, select, values, pairs)
    contexts: dict[str, list[ContextLine]] = {}
    for batch in padded_batches([row[1] for row in rows]):
        sql = compose_sql(_CONTEXTS, sql_parameters(1, len(batch)), ") ORDER BY response_id, position")
        for response_id, thread, has_root, last_item in (yield sql, tuple(batch)):
            contexts.setdefault(response_id, []).append(ContextLine(thread, bool(has_root), last_item))
    return [ResponseLine(*(*row, contexts.get(row[1], ()))) for row in rows]


def _page_prompts(
    database: Database, project_id: str, after: int, pairs: Sequence[tuple[str, str]]
) -> Transaction[list[PromptLine]]:
    sql = "SELECT seq, id, body FROM prompts WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL"
    rows = yield from _select_page(database, sql, (project_id, after), pairs, _PROMPTS)
    versions: dict[str, list[str]] = {}
    for batch in padded_batches([row[1] for row in rows]):
        ids = sql_parameters(1, len(batch))
        order = "ORDER BY prompt_id, version"
        sql = compose_sql("SELECT prompt_id, body FROM prompt_versions WHERE prompt_id IN (", ids, ")", order)
        for prompt_id, body in (yield sql, tuple(batch)):
            versions.setdefault(prompt_id, []).append(body)
    return [PromptLine(*(*row, versions.get(row[1], ()))) for row in rows]


def _page_chats(
    database: Database, project_id: str, after: int, pairs: Sequence[tuple[str, str]]
) -> Transaction[list[ChatLine]]:
    sql = "SELECT seq, id, messages, body FROM chat_completions WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL"
    rows = yield from _select_page(database, sql, (project_id, after), pairs)
    tags: dict[str, list[str]] = {}
    for batch in padded_batches([row[1] for row in rows]):
        ids = sql_parameters(1, len(batch))
        sql = compose_sql("SELECT completion_id, tag FROM chat_completion_tags WHERE completion_id IN (", ids, ")")
        for completion_id, tag in (yield sql, tuple(batch)):
            tags.setdefault(completion_id, []).append(tag)
    return [ChatLine(*(*row, tags.get(row[1], ()))) for row in rows]


def _page_batches(
    database: Database, project_id: str, after: int, pairs: Sequence[tuple[str, str]]
) -> Transaction[list[BatchLine]]:
    sql = compose_sql(
        "SELECT seq, id, dialect, status, total, completed, failed, input_tokens, cached_tokens, output_tokens,",
        "reasoning_tokens, results, body FROM batches",
        "WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL",
    )
    rows = yield from _select_page(database, sql, (project_id, after), pairs)
    return [BatchLine(*(*row[:4], row[4:11], *row[11:])) for row in rows]


def _page_videos(project_id: str, after: int) -> Transaction[list[VideoLine]]:
    sql = (
        "SELECT seq, id, state, provider, upstream_id, body FROM generations"
        " WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL ORDER BY seq LIMIT $3"
    )
    rows = yield sql, (project_id, after, _PAGE)
    files: dict[str, list[VideoFile]] = {}
    for batch in padded_batches([row[1] for row in rows]):
        ids = sql_parameters(1, len(batch))
        sql = compose_sql(
            "SELECT generation_id, role, blob, bytes FROM generation_blobs WHERE generation_id IN (", ids, ")"
        )
        for video_id, *file in (yield sql, tuple(batch)):
            files.setdefault(video_id, []).append(VideoFile(*file))
    return [VideoLine(*(*row, files.get(row[1], ()))) for row in rows]
