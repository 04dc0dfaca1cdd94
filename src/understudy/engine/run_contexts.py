"""The context of a model turn, from the extent that its span recorded and from the items of the thread."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from understudy.engine import client_history
from understudy.engine.prompt_messages import MessageBuilder, outputs_of_calls
from understudy.engine.run.truncation import count_message_tokens
from understudy.engine.traces import Traces
from understudy.errors.objects import context_not_recorded
from understudy.llm import tokens
from understudy.llm.messages import Message, calls_of, text_of
from understudy.store import Store
from understudy.store.messages import Item
from understudy.store.pages import PageRequest
from understudy.store.run_state import PromptExtent, Span
from understudy.wire.run_contexts import ContextItem, ContextRule, RunContextObject
from understudy.wire.runs import RunObject

_MAX_TEXT = 200


class RunContexts:
    def __init__(self, store: Store, traces: Traces) -> None:
        self._store = store
        self._traces = traces

    async def get(self, project_id: str, run: RunObject, turn: int | None, request: PageRequest) -> RunContextObject:
        """A page of the context of a turn of a stored run, by default of the latest.

        Raises NotFound for a turn that has not begun, or whose context was not recorded; InvalidRequest for an unknown
        cursor.
        """
        spans = [span for span in await self._traces.spans_of(run.id) if span.kind == "model_turn"]
        number = len(spans) if turn is None else turn
        span = spans[number - 1] if 0 < number <= len(spans) else None
        if span is None or span.extent is None:
            raise context_not_recorded(run.id, number)
        extent = span.extent
        page = await self._store.conversations.page(project_id, run.thread_id, request, extent.last)
        first = max((cut.before for cut in extent.cuts), default=0)
        calls = await self._store.messages.list_kinds(run.thread_id, first, extent.last, _CALL_KINDS)
        dropped = await self._store.messages.count_before(run.thread_id, first) if first else 0
        rows = list(zip(page.ids, page.items, strict=True))
        data = await asyncio.to_thread(_render_items, run.id, extent, rows, calls)
        return RunContextObject(
            run_id=run.id,
            thread_id=run.thread_id,
            turn=number,
            turns=len(spans),
            model=span.name,
            window=extent.window,
            prompt_limit=extent.room,
            instructions_tokens=tokens.count(run.instructions or ""),
            tools_tokens=extent.fixed,
            prompt_tokens=_counted_tokens(span),
            dropped_messages=dropped,
            data=data,
            first_id=page.ids[0] if page.ids else None,
            last_id=page.ids[-1] if page.ids else None,
            has_more=page.has_more,
        )


_CALL_KINDS = (*sorted(client_history.CALLS), *sorted(client_history.OUTPUTS))


def _counted_tokens(span: Span) -> int | None:
    return None if span.ended_at is None else span.prompt_tokens


def _render_items(
    run_id: str, extent: PromptExtent, rows: Sequence[tuple[str, Item]], calls: Sequence[Item]
) -> list[ContextItem]:
    outputs = outputs_of_calls(calls)
    items = {item.seq: item for item in calls}
    # Each half of a pair is a message only together with the other.
    partners = outputs | {output.seq: items[call] for call, output in outputs.items()}
    return [_render_item(run_id, extent, item_id, item, partners) for item_id, item in rows]


def _render_item(
    run_id: str, extent: PromptExtent, item_id: str, item: Item, partners: Mapping[int, Item]
) -> ContextItem:
    messages = _build_messages(run_id, item, partners.get(item.seq))
    rule = _find_rule(run_id, extent, item, messages, partners)
    return ContextItem(
        id=item_id,
        type=item.kind,
        role=item.role,
        run_id=item.run_id,
        text=" ".join(_describe_message(message) for message in messages).strip()[:_MAX_TEXT],
        tokens=sum(count_message_tokens(message) for message in messages),
        included=rule is None,
        rule=rule,
    )


def _build_messages(run_id: str, item: Item, partner: Item | None) -> list[Message]:
    """The messages that an item alone becomes."""
    builder = MessageBuilder(run_id, {})
    if partner is None:
        return builder.messages([item])
    if item.kind in client_history.CALLS:
        return builder.messages([item, partner])[:1]
    return builder.messages([partner, item])[1:]


def _find_rule(
    run_id: str, extent: PromptExtent, item: Item, messages: Sequence[Message], answered: Collection[int]
) -> ContextRule | None:
    for cut in reversed(extent.cuts):
        if item.seq < cut.before:
            return cut.rule
    if item.kind == "file_search_call" and item.run_id != run_id:
        return "other_run"
    if item.kind in _CALL_KINDS and item.seq not in answered:
        return "unanswered_call"
    return None if messages else "no_content"


def _describe_message(message: Message) -> str:
    """The text of a message, and the calls in it."""
    calls = [f"{call.function.name}({call.function.arguments})" for call in calls_of(message)]
    return " ".join([text_of(message), *calls])
