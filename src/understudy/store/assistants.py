"""Stored assistants: the row's body is the encoded object."""

from collections.abc import Callable, Sequence

import msgspec

from understudy.errors import not_found
from understudy.store.attachments import VectorStoreUpload, attach_to_stores
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.pages import Page, PageRequest, PageSource
from understudy.store.references import add_references, delete_references, replace_references, resource_ids
from understudy.wire.assistants import AssistantObject

_PAGE = PageSource("assistants", "project_id = $1")
_SELECT = "SELECT body FROM assistants WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_decode = msgspec.json.Decoder(AssistantObject).decode


class Assistants:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, assistant: AssistantObject, store_uploads: Sequence[VectorStoreUpload] = ()
    ) -> str:
        """Returns the encoded object. `store_uploads` are the vector stores to create with it."""
        return await self._database.write(_insert_assistant, project_id, assistant, store_uploads)

    async def get(self, project_id: str, assistant_id: str) -> str:
        """Returns the encoded object. Raises NotFound, as the methods below do."""
        return await self._database.read_cached("assistants", _select_assistant, project_id, assistant_id)

    async def page(self, project_id: str, request: PageRequest, chosen: ListFilter = ALL) -> Page:
        return await read_filtered_page(self._database, _PAGE, (project_id,), request, chosen, ("name", "description"))

    async def modify(self, project_id: str, assistant_id: str, change: Callable[[AssistantObject], None]) -> str:
        """Applies `change` to the stored object and returns it encoded."""
        return await self._database.write(_modify_assistant, project_id, assistant_id, change)

    async def delete(self, project_id: str, assistant_id: str) -> None:
        await self._database.write(_delete_assistant, project_id, assistant_id)


def _insert_assistant(
    project_id: str, assistant: AssistantObject, store_uploads: Sequence[VectorStoreUpload]
) -> Transaction[str]:
    yield from attach_to_stores(project_id, store_uploads, assistant.created_at)
    body = msgspec.json.encode(assistant).decode()
    bundle = Bundle(alone=not store_uploads)
    sql = "INSERT INTO assistants (id, project_id, body) VALUES ($1, $2, $3) RETURNING seq"
    bundle.add(sql, assistant.id, project_id, body)
    add_references(bundle, "assistant", assistant.id, assistant.tool_resources)
    yield bundle
    return body


def _select_assistant(project_id: str, assistant_id: str) -> Transaction[str]:
    rows = yield _SELECT, (assistant_id, project_id)
    if not rows:
        raise not_found("assistant", assistant_id)
    return str(rows[0][0])


def _modify_assistant(
    project_id: str, assistant_id: str, change: Callable[[AssistantObject], None]
) -> Transaction[str]:
    rows = yield _SELECT + " FOR UPDATE", (assistant_id, project_id)
    if not rows:
        raise not_found("assistant", assistant_id)
    assistant = _decode(rows[0][0])
    named = resource_ids(assistant.tool_resources)
    change(assistant)
    body = msgspec.json.encode(assistant).decode()
    yield "UPDATE assistants SET body = $1 WHERE id = $2", (body, assistant_id)
    yield from replace_references("assistant", assistant_id, named, assistant.tool_resources)
    return body


def _delete_assistant(project_id: str, assistant_id: str) -> Transaction[None]:
    sql = "UPDATE assistants SET body = NULL WHERE id = $1 AND project_id = $2 AND body IS NOT NULL RETURNING seq"
    rows = yield sql, (assistant_id, project_id)
    if not rows:
        raise not_found("assistant", assistant_id)
    yield from delete_references(assistant_id)
