"""What clients do with responses: create them, wait for them, follow them, cancel them, delete them. Knows no HTTP.

A response is a run on a thread, seen through another view. Its parameters become those of a run; what no run can say
stands in its plan.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from understudy import ids
from understudy.clock import Clock
from understudy.engine import events
from understudy.engine.execution import Execution
from understudy.engine.given_items import kept
from understudy.engine.item_view import shown
from understudy.engine.log import Logs, RunLog
from understudy.engine.prompt import Room, build_request, cost_of
from understudy.engine.remote_tools import without_headers
from understudy.engine.response_log import frames_after, retold
from understudy.engine.response_view import ResponseView
from understudy.engine.run_view import RunView
from understudy.engine.worker import Worker
from understudy.errors import InvalidRequest, NotFound
from understudy.llm.families import sampling
from understudy.store import Store
from understudy.store.messages import Item
from understudy.store.responses import NewItem, NewResponse, Place
from understudy.store.runs import Boundary, ContextPart, PendingCall, Plan, Progress, StoredRun
from understudy.wire.input_items import GivenApproval, GivenApprovalRequest, GivenItem, ItemReference, whole
from understudy.wire.response_items import encoded_items
from understudy.wire.responses import (
    ENDED,
    AllowedTools,
    AutoContainer,
    ChosenCodeInterpreter,
    ChosenCustom,
    ChosenFileSearch,
    ChosenFunction,
    ChosenMcp,
    CodeInterpreterTool,
    ConversationReference,
    CreateResponseRequest,
    CustomTool,
    FileSearchTool,
    FunctionTool,
    Included,
    JsonObjectFormat,
    JsonSchemaFormat,
    McpTool,
    RankingOptions,
    Reasoning,
    ResponseContext,
    ResponseObject,
    ResponseText,
    ResponseTool,
    ToolChoice,
)
from understudy.wire.runs import RunObject
from understudy.wire.tools import (
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantsNamedToolChoiceFunction,
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    AssistantToolsMcp,
    FileSearchOptions,
    FileSearchRankingOptions,
    FunctionObject,
    ResponseFormatJsonObject,
    ResponseFormatJsonSchema,
    ResponseFormatJsonSchemaSpec,
    ToolChoiceCode,
    ToolChoiceFileSearch,
    ToolChoiceFunction,
    ToolResources,
    TruncationObject,
)

# A thread that is not there, and a number that no item has.
_THOUGHT_OF = "resp_"
_NEWEST = 1 << 61
_EVERYTHING = frozenset(get_args(Included))
_decode = msgspec.json.Decoder(ResponseObject).decode


@dataclass(frozen=True, slots=True)
class Begun:
    """A response that a client has set going: as it is answered at once, and the log of what follows."""

    id: str
    body: bytes
    log: RunLog

    def frames(self) -> AsyncGenerator[bytes, None]:
        return self.log.follow(0)


class Responses:
    def __init__(self, store: Store, worker: Worker, logs: Logs, clock: Clock, seconds: float) -> None:
        self._store = store
        self._worker = worker
        self._logs = logs
        self._clock = clock
        self._seconds = seconds

    async def create(
        self, project_id: str, asked: CreateResponseRequest, items: Sequence[GivenItem], key_id: str = ""
    ) -> Begun:
        """`key_id` is the key that asks. Raises what the store does: NotFound, InvalidRequest; nothing is kept then."""
        self._worker.require_running()
        now = int(self._clock.now())
        response_id = ids.response()
        at_once = self._worker.has_place()
        make = partial(self._make, asked, items, response_id, now)
        calls = await self._approved(project_id, items)
        conversation = thread_of(asked.conversation)
        owner = self._worker.id if at_once else None
        included = frozenset(asked.include or ())
        views: list[tuple[RunView, ResponseView]] = []
        history: list[tuple[events.Event, bytes]] = []
        initial: list[bytes] = []

        def begun(place: Place) -> NewResponse:
            new = make(place)
            new.progress.key_id = key_id
            new.progress.calls = calls
            history.clear()
            happened: list[events.Event] = [_queued(new, asked)]
            if at_once:
                happened.append(events.RunStarted(now))
            # Made anew each time: a transaction may be tried again.
            views[:] = [(RunView(), ResponseView(included))]
            view, answer = views[0]
            for event in happened:
                view.apply(event)
                history.append((event, answer.apply(event)))
            initial.append(encoded_items(new.response))
            if new.progress.plan is not None:
                new.progress.plan.sequence = answer.sequence
            run = msgspec.structs.replace(view.run)
            return NewResponse(answer.settled(), run, new.progress, new.items)

        new = await self._store.responses.create(
            project_id,
            response_id,
            begun,
            owner,
            previous_id=asked.previous_response_id,
            conversation_thread=conversation,
            kept=asked.store is not False,
        )
        view, answer = views[0]
        log = self._logs.create(response_id, partial(ResponseView, included))
        for event, frames in history:
            log.append(event, frames)
        await self._go_on(self._worker.execution(project_id, view, log, new.progress, answer), at_once=at_once)
        return Begun(response_id, initial[-1], log)

    async def finished(self, response_id: str) -> ResponseObject:
        """Waits for the end. Raises NotFound where it was deleted meanwhile."""
        while True:
            body = await self._store.responses.current(response_id)
            if body is None:
                raise NotFound(f"Response with id '{response_id}' was deleted before it was over.")
            response = _decode(body)
            if response.status in ENDED:
                return response
            self._worker.require_running()
            await self._worker.ended(response_id)

    async def cancel(self, project_id: str, response_id: str) -> bytes:
        """Only what runs in the background can be cancelled; doing so twice does nothing more."""
        response = _decode(await self._store.responses.get(project_id, response_id))
        if not response.background:
            raise InvalidRequest("Cannot cancel a synchronous response.", param="response_id")
        if response.status == "cancelled":
            return encoded_items(response)
        if response.status in ENDED:
            raise _over(response)

        def request(stored: StoredRun) -> Boundary:
            if stored.run.status not in {"queued", "in_progress"}:
                return Boundary(response_id)
            return Boundary(response_id, run=msgspec.structs.replace(stored.run, status="cancelling"))

        stored = await self._store.runs.take(project_id, None, response_id, self._worker.id, request)
        active = self._worker.active(response_id)
        if active is not None:
            active.interrupt("cancel")
        elif stored.run.status in {"queued", "in_progress"} and stored.owner in {None, self._worker.id}:
            stored.run.status = "cancelling"
            self._worker.launch(self._worker.restore(stored, None))
        response = await self.finished(response_id)
        if response.status != "cancelled":
            raise _over(response)
        return encoded_items(response)

    async def delete(self, project_id: str, response_id: str) -> None:
        ended = await self._store.responses.delete(project_id, response_id)
        active = self._worker.active(response_id)
        if ended is not None and active is not None:
            active.interrupt("gone")
        self._logs.discard(response_id)

    async def follow(self, project_id: str, response_id: str, after: int | None) -> AsyncGenerator[bytes, None]:
        """The stream of a response behind the event with that number, live or over. Raises NotFound."""
        await self._store.responses.get(project_id, response_id)
        known = -1 if after is None else after
        log = self._logs.get(response_id)
        if log is None:
            return retold(await self.finished(response_id), known)
        return frames_after(log, known)

    async def count_tokens(self, project_id: str, asked: ResponseContext, items: Sequence[GivenItem]) -> int:
        """How many tokens the model would be given, as far as we can count. Raises what `create` does."""
        place = await self._store.responses.place(project_id, asked.previous_response_id, thread_of(asked.conversation))
        request = _as_request(asked)
        here = Place(_THOUGHT_OF, [*place.context, ContextPart(place.thread_id, _NEWEST)])
        new = self._make(request, items, _THOUGHT_OF, int(self._clock.now()), here)
        told = _Told(self._store, new.items)
        prompt = await build_request(told, new.run, 0, Room(_NEWEST), plan=new.progress.plan)
        return cost_of(prompt.body)

    async def resolved(self, project_id: str, items: Sequence[GivenItem]) -> list[GivenItem]:
        """The items with what they refer to in the place of the references. Raises NotFound."""
        found: list[GivenItem] = []
        for item in items:
            if isinstance(item, ItemReference):
                stored = await self._store.responses.item(project_id, item.id)
                found += whole([shown(stored, _EVERYTHING)])
            else:
                found.append(item)
        return found

    async def _approved(self, project_id: str, items: Sequence[GivenItem]) -> list[PendingCall]:
        """The calls that the client has decided about: they come before the model is asked. Raises InvalidRequest."""
        calls: list[PendingCall] = []
        given = {item.id: item for item in items if isinstance(item, GivenApprovalRequest)}
        for item in items:
            if not isinstance(item, GivenApproval):
                continue
            asked = _as_request_item(given.get(item.approval_request_id))
            if asked is None:
                asked = await self._approval_request(project_id, item.approval_request_id)
            calls.append(
                PendingCall(
                    len(calls),
                    asked["call_id"],
                    asked["function"],
                    asked["arguments"],
                    "mcp",
                    item_id=ids.mcp_call(),
                    approved=item.approve,
                    approval_id=item.approval_request_id,
                    server_label=asked["server_label"],
                )
            )
        return calls

    async def _approval_request(self, project_id: str, item_id: str) -> dict[str, str]:
        try:
            found = await self._store.responses.item(project_id, item_id)
        except NotFound:
            found = None
        if found is None or found.kind != "mcp_approval_request":
            raise InvalidRequest(f"No approval request found with id '{item_id}'.", param="input")
        made: dict[str, str] = msgspec.json.decode(found.body)
        made.setdefault("call_id", ids.tool_call())
        made.setdefault("function", made["name"])
        return made

    async def forget(self, response_id: str) -> None:
        """What was not to be stored is answered, and goes."""
        await self._store.responses.forget(response_id)
        self._logs.discard(response_id)

    async def sweep(self) -> bool:
        """Erases what was not to be stored, and whose client went away before it was over."""
        return await self._store.responses.sweep(self._clock.now() - 2 * self._seconds)

    async def _go_on(self, execution: Execution, *, at_once: bool) -> None:
        if at_once:
            self._worker.launch(execution)
        else:
            await self._worker.announce(execution.run_id)

    def _make(
        self, asked: CreateResponseRequest, items: Sequence[GivenItem], response_id: str, now: int, place: Place
    ) -> NewResponse:
        model = asked.model or ""
        plan = _plan(asked)
        plan.context = place.context
        run = RunObject(
            id=response_id,
            created_at=now,
            assistant_id="",
            thread_id=place.thread_id,
            status="queued",
            expires_at=now + int(self._seconds),
            model=model,
            instructions=asked.instructions,
            tools=[as_assistants_tool(tool) for tool in asked.tools or ()],
            tool_resources=ToolResources(),
            metadata=asked.metadata or {},
            temperature=sampling(model, asked.temperature),
            top_p=sampling(model, asked.top_p),
            reasoning_effort=asked.reasoning.effort if asked.reasoning is not None else None,
            max_completion_tokens=asked.max_output_tokens,
            max_prompt_tokens=None,
            truncation_strategy=TruncationObject("auto"),
            response_format=_format(asked.text),
            tool_choice=_choice(asked.tool_choice),
            parallel_tool_calls=asked.parallel_tool_calls is not False,
        )
        run, headers = without_headers(run)
        progress = Progress(plan=plan, headers=headers)
        return NewResponse(_shown(asked, run), run, progress, kept(items, place.thread_id, now))


def _as_request_item(given: GivenApprovalRequest | None) -> dict[str, str] | None:
    """One that the client carries itself, as one that is stored."""
    if given is None:
        return None
    return {
        "call_id": ids.tool_call(),
        "function": given.name,
        "arguments": given.arguments,
        "server_label": given.server_label,
    }


def _over(response: ResponseObject) -> InvalidRequest:
    return InvalidRequest(f"Cannot cancel a completed response (its status is '{response.status}').")


def thread_of(conversation: str | ConversationReference | None) -> str | None:
    """The thread that a conversation is another name of."""
    if conversation is None:
        return None
    conversation_id = conversation if isinstance(conversation, str) else conversation.id
    return "thread_" + conversation_id.partition("_")[2]


def _queued(new: NewResponse, asked: CreateResponseRequest) -> events.Event:
    options = asked.stream_options
    hides = not asked.background and (options is None or options.include_obfuscation is not False)
    return events.RunQueued(msgspec.structs.replace(new.run), None, False, new.response, hides)


class _Told:
    """A store's messages, and behind them items that are not stored: what a response would be told."""

    def __init__(self, store: Store, items: Sequence[NewItem]) -> None:
        self._messages = store.messages
        self._items = [
            Item(number, item.kind, None, _THOUGHT_OF, item.body or msgspec.json.encode(item.message).decode())
            for number, item in enumerate(items)
        ]

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]:
        if thread_id != _THOUGHT_OF:
            return await self._messages.newest(thread_id, before, limit)
        return [item for item in reversed(self._items) if item.seq < before][:limit]


def _as_request(asked: ResponseContext) -> CreateResponseRequest:
    given = {name: getattr(asked, name) for name in ResponseContext.__struct_fields__}
    return CreateResponseRequest(**given)


# -- from a request to a run -------------------------------------------------------------------------------------


def _plan(asked: CreateResponseRequest) -> Plan:
    plan = Plan(included=list(asked.include or ()), max_tool_calls=asked.max_tool_calls)
    for tool in asked.tools or ():
        match tool:
            case FileSearchTool():
                plan.vector_store_ids = tool.vector_store_ids
                plan.filters = msgspec.to_builtins(tool.filters)
            case CodeInterpreterTool(container=str(container)):
                plan.container, plan.owned = container, False
            case CodeInterpreterTool(container=AutoContainer(file_ids=file_ids)):
                plan.file_ids = file_ids
            case CustomTool():
                plan.custom.append(tool.name)
            case FunctionTool() | McpTool():
                pass
    if isinstance(asked.tool_choice, AllowedTools):
        plan.allowed = [str(tool.get("name") or tool.get("type")) for tool in asked.tool_choice.tools]
    plan.cuts = asked.truncation == "auto"
    plan.verbosity = asked.text.verbosity if asked.text is not None else None
    return plan


def as_assistants_tool(tool: ResponseTool) -> AssistantTool:
    match tool:
        case FunctionTool():
            function = FunctionObject(tool.name, tool.description, tool.parameters, tool.strict)
            return AssistantToolsFunction(function)
        case FileSearchTool():
            ranking = tool.ranking_options or RankingOptions()
            options = FileSearchRankingOptions(ranker="auto", score_threshold=ranking.score_threshold)
            return AssistantToolsFileSearch(FileSearchOptions(tool.max_num_results, options))
        case CodeInterpreterTool():
            return AssistantToolsCode()
        case CustomTool():
            text = {"type": "string", "description": _grammar(tool)}
            schema = {"type": "object", "properties": {"input": text}, "required": ["input"]}
            return AssistantToolsFunction(FunctionObject(tool.name, tool.description, schema, False))
        case McpTool():
            return AssistantToolsMcp(
                server_label=tool.server_label,
                server_url=tool.server_url,
                server_description=tool.server_description,
                allowed_tools=tool.allowed_tools,
                require_approval=tool.require_approval or "always",
                headers=_headers(tool),
            )


def _headers(tool: McpTool) -> dict[str, str] | None:
    bearer = {"Authorization": f"Bearer {tool.authorization}"} if tool.authorization else {}
    return {**(tool.headers or {}), **bearer} or None


def _grammar(tool: CustomTool) -> str:
    """What the text is to be like; a grammar is told, since not every provider can hold a model to one."""
    if not tool.format or tool.format.get("type") != "grammar":
        return "The whole input."
    return f"The whole input, by this {tool.format.get('syntax')} grammar:\n{tool.format.get('definition')}"


def _choice(choice: ToolChoice | None) -> AssistantsApiToolChoiceOption:
    match choice:
        case ChosenFunction() | ChosenCustom():
            return ToolChoiceFunction(AssistantsNamedToolChoiceFunction(choice.name))
        case ChosenFileSearch():
            return ToolChoiceFileSearch()
        case ChosenCodeInterpreter():
            return ToolChoiceCode()
        case AllowedTools():
            return choice.mode
        case ChosenMcp():
            return "required"
        case _:
            return choice or "auto"


def _format(text: ResponseText | None) -> AssistantsApiResponseFormatOption:
    match text.format if text is not None else None:
        case JsonObjectFormat():
            return ResponseFormatJsonObject()
        case JsonSchemaFormat(description=description, name=name, schema=schema, strict=strict):
            said = description if description is not None else msgspec.UNSET
            return ResponseFormatJsonSchema(ResponseFormatJsonSchemaSpec(name, said, schema, strict))
        case _:
            return "auto"


# -- from a request to what the response shows of it -------------------------------------------------------------


def _shown(asked: CreateResponseRequest, run: RunObject) -> ResponseObject:
    thread_id = thread_of(asked.conversation)
    conversation = ConversationReference("conv_" + thread_id.partition("_")[2]) if thread_id else msgspec.UNSET
    text = asked.text or ResponseText()
    return ResponseObject(
        id=run.id,
        created_at=run.created_at,
        status="queued" if asked.background else "in_progress",
        background=bool(asked.background),
        conversation=conversation,
        instructions=asked.instructions,
        max_output_tokens=asked.max_output_tokens,
        max_tool_calls=asked.max_tool_calls,
        model=run.model,
        output=[],
        parallel_tool_calls=run.parallel_tool_calls,
        previous_response_id=asked.previous_response_id,
        prompt_cache_key=asked.prompt_cache_key,
        prompt_cache_retention=asked.prompt_cache_retention,
        reasoning=asked.reasoning or Reasoning(),
        safety_identifier=asked.safety_identifier,
        service_tier=asked.service_tier or "auto",
        store=asked.store is not False,
        temperature=run.temperature,
        text=msgspec.structs.replace(text, verbosity=text.verbosity or "medium"),
        tool_choice=asked.tool_choice or "auto",
        tools=[_shown_tool(tool) for tool in asked.tools or ()],
        top_logprobs=asked.top_logprobs or 0,
        top_p=run.top_p,
        truncation=asked.truncation or "disabled",
        user=asked.user,
        metadata=asked.metadata or {},
    )


def _shown_tool(tool: ResponseTool) -> dict[str, Any]:
    match tool:
        case FunctionTool():
            return {
                "type": "function",
                "description": tool.description,
                "name": tool.name,
                "parameters": tool.parameters,
                "strict": tool.strict is not False,
            }
        case McpTool():
            return _shown_mcp(tool)
        case FileSearchTool():
            return {
                "type": "file_search",
                "filters": msgspec.to_builtins(tool.filters),
                "max_num_results": tool.max_num_results,
                "ranking_options": (tool.ranking_options or RankingOptions()).shown(),
                "vector_store_ids": tool.vector_store_ids,
            }
        case _:
            made: dict[str, Any] = msgspec.to_builtins(tool)
            return made


def _shown_mcp(tool: McpTool) -> dict[str, Any]:
    """Nothing of what is told to the server alone, and of its address only where it is."""
    parts = urlsplit(tool.server_url)
    path = "<redacted>" if parts.path.strip("/") or parts.query else ""
    return {
        "type": "mcp",
        "allowed_tools": msgspec.to_builtins(tool.allowed_tools),
        "headers": None,
        "require_approval": msgspec.to_builtins(tool.require_approval or "always"),
        "server_description": tool.server_description,
        "server_label": tool.server_label,
        "server_url": f"{parts.scheme}://{parts.netloc}/{path}",
    }
