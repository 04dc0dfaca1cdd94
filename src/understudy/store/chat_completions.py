"""Stored chat completions: the row's body is the encoded object; its messages have a column of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.errors.objects import completion_not_found
from understudy.store.database import Database, Transaction
from understudy.store.item_data import NO_DATA, SavedData, add_data
from understudy.store.pages import Page, PageRequest, PageSource, read_page

_SELECT = "SELECT body, messages FROM chat_completions WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_HAS_TAG = "id IN (SELECT completion_id FROM chat_completion_tags WHERE project_id = $1 AND tag = ${number})"


@dataclass(frozen=True, slots=True)
class StoredChat:
    """`body` is the completion, `messages` those of the request; `models` are the names of its model.

    `data` is what the markers in both stand for.
    """

    body: dict[str, Any]
    messages: Sequence[dict[str, Any]]
    models: Sequence[str]
    data: SavedData = NO_DATA


@dataclass(frozen=True, slots=True)
class ChatFilter:
    model: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()


class ChatCompletions:
    """Every method on one completion raises NotFound if the project has no completion of that id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, stored: StoredChat) -> None:
        await self._database.write(_insert_completion, project_id, stored)

    async def get(self, project_id: str, completion_id: str) -> str:
        body, _ = await self._database.read(_select_completion, project_id, completion_id)
        return body

    async def messages(self, project_id: str, completion_id: str) -> str:
        """All messages of the request, oldest first, as an encoded array."""
        _, messages = await self._database.read(_select_completion, project_id, completion_id)
        return messages

    async def page(self, project_id: str, request: PageRequest, condition: ChatFilter) -> Page:
        source, args = _filter_source(project_id, condition)
        return await self._database.read(read_page, source, args, request)

    async def set_metadata(self, project_id: str, completion_id: str, metadata: dict[str, str]) -> str:
        """Returns the encoded object."""
        return await self._database.write(_set_metadata, project_id, completion_id, metadata)

    async def delete(self, project_id: str, completion_id: str) -> None:
        await self._database.write(_delete_completion, project_id, completion_id)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _insert_completion(project_id: str, stored: StoredChat) -> Transaction[None]:
    sql = "INSERT INTO chat_completions (id, project_id, messages, body) VALUES ($1, $2, $3, $4)"
    completion_id = stored.body["id"]
    messages, body = _to_json(stored.messages), _to_json(stored.body)
    yield sql, (completion_id, project_id, messages, body)
    yield from add_data(project_id, stored.data, [(completion_id, messages + body)])
    tags = [*dict.fromkeys((model,) for model in stored.models), *stored.body["metadata"].items()]
    yield from _insert_tags(project_id, completion_id, tags)


def _insert_tags(project_id: str, completion_id: str, tags: Sequence[tuple[str, ...]]) -> Transaction[None]:
    sql = "INSERT INTO chat_completion_tags (completion_id, project_id, tag) VALUES ($1, $2, $3)"
    for tag in tags:
        yield sql, (completion_id, project_id, _to_json(tag))


def _select_completion(project_id: str, completion_id: str, suffix: str = "") -> Transaction[tuple[str, str]]:
    rows = yield _SELECT + suffix, (completion_id, project_id)
    if not rows:
        raise completion_not_found(completion_id)
    return rows[0][0], rows[0][1]


def _filter_source(project_id: str, condition: ChatFilter) -> tuple[PageSource, tuple[str, ...]]:
    args, filters = [project_id], ["body IS NOT NULL"]
    tags: list[tuple[str, ...]] = [*condition.metadata]
    if condition.model is not None:
        tags.append((condition.model,))
    for tag in tags:
        args.append(_to_json(tag))
        filters.append(_HAS_TAG.format(number=len(args)))
    return PageSource("chat_completions", "project_id = $1", " AND ".join(filters), len(args)), tuple(args)


def _set_metadata(project_id: str, completion_id: str, metadata: dict[str, str]) -> Transaction[str]:
    body, _ = yield from _select_completion(project_id, completion_id, " FOR UPDATE")
    completion = msgspec.json.decode(body)
    sql = "DELETE FROM chat_completion_tags WHERE completion_id = $1 AND tag = $2"
    for pair in completion["metadata"].items():
        yield sql, (completion_id, _to_json(pair))
    completion["metadata"] = metadata
    changed = _to_json(completion)
    yield "UPDATE chat_completions SET body = $2 WHERE id = $1", (completion_id, changed)
    yield from _insert_tags(project_id, completion_id, list(metadata.items()))
    return changed


def _delete_completion(project_id: str, completion_id: str) -> Transaction[None]:
    yield from _select_completion(project_id, completion_id, " FOR UPDATE")
    yield "UPDATE chat_completions SET body = NULL, messages = NULL WHERE id = $1", (completion_id,)
    yield "DELETE FROM chat_completion_tags WHERE completion_id = $1", (completion_id,)
