"""Compacts a conversation: its user messages, and an item that replaces the rest. Knows no HTTP.

A separate response that is not stored requests the summary from the model. The item is encoded like reasoning: it
preserves the summary on its way through clients, and is not secret.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.engine.input_items import to_stored
from understudy.engine.item_data import ItemData
from understudy.engine.new_responses import AdmittedRequest
from understudy.engine.responses import FinishedResponse, Responses
from understudy.engine.run import summaries
from understudy.engine.views.items import render_item
from understudy.store import Store
from understudy.store.messages import Item
from understudy.store.pages import PageRequest
from understudy.wire.input_items import CompactionTrigger, InputItem, InputMessage, InputText
from understudy.wire.response_items import OutputMessage, OutputText
from understudy.wire.responses import CompactionObject, CompactRequest, CreateResponseRequest, ResponseObject

_PAGE: Final = 100
_IMAGES: Final = frozenset({"message.input_image.image_url"})


class ResponseCompaction:
    def __init__(self, store: Store, responses: Responses, data: ItemData) -> None:
        self._store = store
        self._data = data
        self._responses = responses

    async def compact(
        self, project_id: str, body: CompactRequest, items: Sequence[InputItem], key_id: str, *, reserved: int = 0
    ) -> tuple[FinishedResponse, CompactionObject]:
        """The response with the summary, which may have failed, and the compaction. Raises what `create` does."""
        user_messages = await self._load_previous_messages(project_id, body.previous_response_id)
        question = InputMessage(content=[InputText(summaries.REQUEST)], role="user")
        params = CreateResponseRequest(
            model=body.model,
            instructions=f"{body.instructions}\n{summaries.INSTRUCTIONS}"
            if body.instructions
            else summaries.INSTRUCTIONS,
            previous_response_id=body.previous_response_id,
            store=False,
            truncation="auto",
        )
        input_items = [item for item in items if not isinstance(item, CompactionTrigger)]
        request = AdmittedRequest(params=params, items=[*input_items, question], key_id=key_id, reserved=reserved)
        started = await self._responses.create(project_id, request)
        finished = await self._responses.finish(started, kept=False)
        response = finished.response
        made = CompactionObject(
            id=response.id,
            created_at=response.created_at,
            output=[*user_messages, *_input_messages(items), _compaction_item(response)],
            usage=response.usage,
        )
        return finished, made

    async def _load_previous_messages(self, project_id: str, response_id: str | None) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        after = None
        while response_id is not None:
            page_request = PageRequest(order="asc", limit=_PAGE, after=after)
            page = await self._store.responses.input_items(project_id, response_id, page_request)
            messages += _user_messages(await self._data.fill_items(page.items))
            if not page.has_more:
                break
            after = page.ids[-1]
        return messages


def _input_messages(items: Sequence[InputItem]) -> list[dict[str, Any]]:
    made = to_stored(items, "", 0)
    bodies = [one.body or msgspec.json.encode(one.message).decode() for one in made]
    return _user_messages([Item(0, one.kind, None, None, body) for one, body in zip(made, bodies, strict=True)])


def _user_messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The messages of users; the summary covers the rest."""
    seen = (render_item(item, _IMAGES) for item in items if item.kind in {"message", "input"})
    return [item for item in seen if item["role"] == "user"]


def _compaction_item(response: ResponseObject) -> dict[str, Any]:
    messages = [item for item in response.output if isinstance(item, OutputMessage)]
    texts = [part.text for message in messages for part in message.content if isinstance(part, OutputText)]
    return {
        "id": ids.compaction(),
        "type": "compaction",
        "encrypted_content": summaries.pack(summaries.Summary("".join(texts))),
    }
