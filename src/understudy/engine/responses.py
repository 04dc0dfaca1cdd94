"""What clients do with responses: create them, wait for them, follow them, cancel them, delete them. Knows no HTTP.

A response is a run on a thread, seen through another view.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from understudy import correlation, ids
from understudy.clock import Clock
from understudy.engine.hosted_tools import HostedTools
from understudy.engine.input_items import have_many_parts, to_stored_aside
from understudy.engine.item_data import ItemData, may_have_data
from understudy.engine.item_images import ItemImages
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.new_responses import AdmittedRequest, InitialResponse, ResponseDraft
from understudy.engine.response_approvals import list_approved_calls
from understudy.engine.response_request import NOTHING_SERVED, conversation_thread_id, new_response
from understudy.engine.response_streams import CreatedResponse, ResponseStreamTail, lost_event_error
from understudy.engine.run.log import RunLog
from understudy.engine.run.logs import Logs
from understudy.engine.run.prompt import build_request
from understudy.engine.run.truncation import PromptBudget, count_prompt_tokens
from understudy.engine.run_specs import build_spec
from understudy.engine.tools.code_interpreter import offer_code_interpreter
from understudy.engine.tools.file_search import offer_file_search
from understudy.engine.tools.image_generation import offer_image_generation
from understudy.engine.tools.tool_search import offer_tool_search
from understudy.engine.tools.web_search import offer_web_search
from understudy.engine.unstored_responses import UnstoredResponses
from understudy.engine.views.projections import new_encoder
from understudy.engine.views.response_rebuild import ended_log
from understudy.engine.views.response_replay import ResponseReplay, is_behind
from understudy.engine.views.resumption import is_lost
from understudy.errors import InvalidRequest, NotFound, StoreError
from understudy.store import Store
from understudy.store.item_data import NO_DATA, SavedData
from understudy.store.messages import Item
from understudy.store.pages import Page, PageRequest
from understudy.store.response_items import ItemRow
from understudy.store.response_lists import ResponseFilter
from understudy.store.response_placement import ResponsePlacement
from understudy.store.responses import NewResponse, ResponseInsert
from understudy.store.run_state import Checkpoint, ContextPart, Plan, Progress, StoredRun
from understudy.wire.input_items import InputItem
from understudy.wire.response_items import encode_items
from understudy.wire.response_tools import CodeInterpreterTool
from understudy.wire.responses import (
    TERMINAL_STATUSES,
    CreateResponseRequest,
    InputTokensDetails,
    OutputTokensDetails,
    ResponseContext,
    ResponseObject,
    ResponseUsage,
)

# A thread that is not there, and a number that no item has.
_HYPOTHETICAL_ID = "resp_"
_MAX_ITEM_NUMBER = 1 << 61
_decode = msgspec.json.Decoder(ResponseObject).decode


@dataclass(frozen=True, slots=True)
class FinishedResponse:
    """A response that has ended; `retry_after`: a failed one may succeed after so many seconds, None if unknown."""

    response: ResponseObject
    retry_after: float | None

    @property
    def has_failed(self) -> bool:
        return self.response.status == "failed" and self.response.error is not None


class Responses:
    def __init__(
        self,
        store: Store,
        worker: RunWorker,
        logs: Logs,
        clock: Clock,
        seconds: float,
        limiter: RateLimiter,
        hosted: HostedTools,
        images: ItemImages,
        data: ItemData,
    ) -> None:
        self._store = store
        self._worker = worker
        self._logs = logs
        self._clock = clock
        self._limiter = limiter
        self.hosted = hosted
        self.unstored = UnstoredResponses(store, worker.discard_log)
        self._images = images
        self._data = data
        self.seconds = seconds

    async def create(self, project_id: str, request: AdmittedRequest) -> CreatedResponse:
        """Raises NotFound and InvalidRequest; nothing is stored then."""
        if not request.stores_items or not may_have_data(request.items):
            return await self._create(project_id, request, NO_DATA)
        async with self._data.saving(project_id, request.items, "input") as (marked, saved):
            return await self._create(project_id, msgspec.structs.replace(request, items=marked), saved)

    async def _create(self, project_id: str, request: AdmittedRequest, data: SavedData) -> CreatedResponse:
        """`data` is what the markers in the items stand for."""
        self._worker.require_running()
        params, response_id = request.params, ids.response()
        if request.hold is not None:
            request.hold.bind(response_id)
        correlation.set_run(response_id)
        draft = ResponseDraft(
            id=response_id,
            request=request,
            served=await self.hosted.find_served(params.tools) if params.tools else NOTHING_SERVED,
            calls=await list_approved_calls(self._store, project_id, request.items),
            now=self._clock.now(),
            seconds=self.seconds,
            origin=correlation.origin(),
            rows=await to_stored_aside(request.items, "", int(self._clock.now()))
            if have_many_parts(request.items)
            else None,
        )
        reserved_for = await self._find_container_worker(project_id, params) if params.tools else None
        creation = _Creation(project_id, draft, self._worker, self._logs, reserved_for)
        with self._worker.claiming(response_id):
            try:
                insert = ResponseInsert(
                    project_id=project_id,
                    response_id=response_id,
                    owner=self._worker.id if creation.at_once else None,
                    previous_id=params.previous_response_id,
                    conversation_thread=conversation_thread_id(params.conversation),
                    is_stored=request.is_stored,
                    reserved_for=reserved_for,
                    limits=await self._limiter.run_limits(project_id, "" if request.in_batch else request.key_id),
                    follows_unstored=request.follows_unstored,
                    data=data,
                )
                await self._store.responses.create(insert, creation.begin, creation.start)
            except StoreError:
                self._worker.withdraw(response_id)
                raise
        return creation.result()

    def render_warm_up(self, params: CreateResponseRequest) -> ResponseObject:
        """The completed response, without output, to a request that only prepares the next one; it is not stored."""
        now, response_id = int(self._clock.now()), ids.response()
        new = new_response(params, (), response_id, now, ResponsePlacement(response_id), seconds=self.seconds)
        usage = ResponseUsage(0, InputTokensDetails(), 0, OutputTokensDetails(), 0)
        return msgspec.structs.replace(new.response, status="completed", completed_at=now, usage=usage)

    async def get(self, project_id: str, response_id: str) -> str:
        """The encoded response as it is stored, with its images. Raises NotFound."""
        return await self._images.fill_body(await self._store.responses.get(project_id, response_id))

    async def page(self, project_id: str, request: PageRequest, chosen: ResponseFilter) -> Page:
        """Those that are stored, with their images. Raises InvalidRequest for the cursor of another list."""
        page = await self._store.responses.page(project_id, request, chosen)
        return Page([(one, await self._images.fill_body(body)) for one, body in page.rows], page.has_more)

    async def _wait_finished(self, response_id: str, created: CreatedResponse | None = None) -> ResponseObject:
        """Waits for the end of a response, of which this process may have `created` the run.

        Raises NotFound where it was deleted meanwhile.
        """
        while True:
            with self._worker.next_change(response_id) as change:
                # One that is executed here is over when its job is.
                if self._worker.active(response_id) is None:
                    if created is not None and (ended := created.find_end()) is not None:
                        return ended
                    body = await self._store.responses.current(response_id)
                    if body is None:
                        raise NotFound(f"Response with id '{response_id}' was deleted before it was over.")
                    response = _decode(body)
                    if response.status in TERMINAL_STATUSES:
                        return await self._images.fill_response(response)
                self._worker.require_running()
                await self._worker.wait_ended(response_id, change)

    async def finish(self, created: CreatedResponse, *, kept: bool) -> FinishedResponse:
        """Waits for the end, and erases the response where it is not to be stored.

        Raises NotFound where it was deleted meanwhile.
        """
        response = await self._wait_finished(created.id, created)
        retry_after = await self._read_retry_after(created.id) if response.status == "failed" else None
        if not kept:
            self.unstored.erase_soon(created.id)
        return FinishedResponse(response, retry_after)

    def abandon(self, created: CreatedResponse) -> None:
        """Erases a response with `store: false` once it ends, after its client has disconnected."""
        self.unstored.erase_after(created.id, self._wait_finished(created.id, created))

    async def _read_retry_after(self, response_id: str) -> float | None:
        progress = await self._store.runs.progress(response_id)
        return None if progress is None or not progress.retry_at else max(0.0, progress.retry_at - self._clock.now())

    async def cancel(self, project_id: str, response_id: str) -> bytes:
        """Only what runs in the background can be cancelled; doing so twice does nothing more."""
        response = _decode(await self.get(project_id, response_id))
        if not response.background:
            raise InvalidRequest("Cannot cancel a synchronous response.", param="response_id")
        if response.status == "cancelled":
            return encode_items(response)
        if response.status in TERMINAL_STATUSES:
            raise _already_ended_error(response)

        def request(stored: StoredRun) -> Checkpoint:
            if stored.run.status not in {"queued", "in_progress"}:
                return Checkpoint(response_id)
            return Checkpoint(response_id, run=msgspec.structs.replace(stored.run, status="cancelling"))

        with self._worker.claiming(response_id):
            stored = await self._store.runs.transition(project_id, None, response_id, self._worker.id, request)
            active = self._worker.active(response_id)
            if active is not None:
                active.interrupt("cancel")
            elif stored.run.status in {"queued", "in_progress"} and stored.owner in {None, self._worker.id}:
                stored.run.status = "cancelling"
                await self._worker.load_images(stored)
                past = await self._worker.load_past(project_id, stored.run.thread_id, response_id, stored.epoch - 1)
                if (active := self._worker.active(response_id)) is not None:
                    active.interrupt("cancel")
                else:
                    self._worker.launch(self._worker.restore(stored, past))
            else:
                await self._worker.interrupt_elsewhere(stored.owner, response_id, "cancel")
        response = await self._wait_finished(response_id)
        if response.status != "cancelled":
            raise _already_ended_error(response)
        return encode_items(response)

    async def delete(self, project_id: str, response_id: str) -> None:
        await self._store.responses.delete(project_id, response_id)
        await self._worker.delete(response_id)

    async def follow(self, project_id: str, response_id: str, after: int | None) -> "ResponseStreamTail":
        """The stream of a response after the event with that number, live or over.

        That of a response which another server executes ends with what is stored of it so far. Raises NotFound, and
        InvalidRequest if the numbers of the events that the client has are not stored any more.
        """
        response = _decode(await self._store.responses.get(project_id, response_id))
        known = -1 if after is None else after
        log = await self._logs.find(response_id)
        if log is None and response.status not in TERMINAL_STATUSES:
            log = await self._worker.wait_log(response_id)
            response = _decode(await self._store.responses.get(project_id, response_id))
        progress = None
        if log is None:
            progress = await self._store.runs.progress(response_id)
            await self._images.fill_response(response)
            log = None if progress is None else await self._find_remote_log(response, progress)
            if log is None and progress is not None and response.status in TERMINAL_STATUSES:
                log = ended_log(response, progress.plan or Plan())
        if log is None:
            return self._replay(response, known, None if progress is None else progress.plan)
        if is_lost(log, known) or is_behind(log, known):
            raise lost_event_error(known, "from the start, or retrieve the response")
        return ResponseStreamTail(known, log)

    def _replay(self, response: ResponseObject, after: int, plan: Plan | None) -> ResponseStreamTail:
        """What the store has of a response whose log is gone, or of one that nobody executes yet."""
        is_over = response.status in TERMINAL_STATUSES
        if not is_over and after >= 0:
            # The log of its next owner has the numbers of the events.
            return ResponseStreamTail(after, whole=False)
        replay = ResponseReplay(response, after, plan if is_over else None)
        if not replay.is_exact:
            raise lost_event_error(after, "from the start, or retrieve the response")
        return ResponseStreamTail(after, replay=replay, whole=is_over)

    async def _find_remote_log(self, response: ResponseObject, progress: Progress) -> RunLog | None:
        """The log of a response that another node executes or has executed; None where only the store has it."""
        remote = self._worker.remote
        if remote is None:
            return None
        if response.status in TERMINAL_STATUSES:
            return await remote.load_closed(response.id, new_encoder(progress), response.status)
        return await remote.follow(response.id, new_encoder(progress))

    async def count_tokens(self, project_id: str, params: ResponseContext, items: Sequence[InputItem]) -> int:
        """The number of tokens in the model's prompt, estimated. Raises what `create` raises."""
        place = await self._store.responses.locate(
            project_id, params.previous_response_id, conversation_thread_id(params.conversation)
        )
        request = _to_create_request(params)
        here = ResponsePlacement(_HYPOTHETICAL_ID, [*place.context, ContextPart(place.thread_id, _MAX_ITEM_NUMBER)])
        now = int(self._clock.now())
        served = await self.hosted.find_served(params.tools or ())
        new = new_response(request, items, _HYPOTHETICAL_ID, now, here, seconds=self.seconds, served=served)
        stored_items = _HypotheticalItems(self._store, new.items)
        spec = build_spec(new.run, new.progress.plan)
        opens_pages = self.hosted.web.settings.open_pages
        web = offer_web_search(spec, opens_pages=opens_pages)
        hosted = [*web, *offer_image_generation(spec), *offer_tool_search(spec)]
        offered = [*offer_code_interpreter(spec), *offer_file_search(spec), *hosted]
        budget = PromptBudget(_MAX_ITEM_NUMBER)
        prompt = await build_request(stored_items, spec, 0, budget, offered=offered)
        return await asyncio.to_thread(count_prompt_tokens, prompt.messages, prompt.body.get("tools"))

    async def sweep(self) -> bool:
        """Erases what was not to be stored, and whose client went away before it was over."""
        return await self._store.responses.sweep(self._clock.now() - 2 * self.seconds)

    async def _find_container_worker(self, project_id: str, params: CreateResponseRequest) -> str | None:
        """The worker of the other node that has the container of the response. Raises what `create` raises."""
        tool = next((tool for tool in params.tools or () if isinstance(tool, CodeInterpreterTool)), None)
        conversation = conversation_thread_id(params.conversation)
        if tool is None or not self._worker.reservations.is_shared:
            return None
        if isinstance(tool.container, str):
            return await self._worker.reservations.find_worker(tool.container, "")
        if params.previous_response_id is None and conversation is None:
            return None
        place = await self._store.responses.locate(project_id, params.previous_response_id, conversation)
        return await self._worker.reservations.find_worker(None, place.thread_id)


class _Creation:
    """A response on its way into the store, and its run. Its transaction may be tried again."""

    def __init__(
        self, project_id: str, draft: ResponseDraft, worker: RunWorker, logs: Logs, reserved_for: str | None
    ) -> None:
        self._project_id = project_id
        self._draft = draft
        self._worker = worker
        self._logs = logs
        self._reserved_for = reserved_for
        self.at_once = reserved_for is None and worker.has_capacity()
        self._initial: InitialResponse | None = None
        self._log: RunLog | None = None

    def begin(self, place: ResponsePlacement) -> NewResponse:
        """What the store gets; made anew for each attempt."""
        self._initial = self._draft.begin(place, at_once=self.at_once)
        return self._initial.stored

    def start(self, newest: Sequence[Item] | None) -> None:
        """Starts the run of the last attempt, as `Begun` describes it."""
        initial = self._initial
        assert initial is not None
        self._log = log = self._logs.create(self._draft.id, new_encoder(initial.stored.progress))
        log.is_resumable = log.is_followable = initial.response.background
        self._worker.begin_run(
            self._project_id,
            initial,
            log,
            initial.stored.progress,
            self._reserved_for,
            newest,
            at_once=self.at_once,
        )

    def result(self) -> CreatedResponse:
        """Once the run has been started."""
        assert self._initial is not None
        assert self._log is not None
        return CreatedResponse(self._initial.response, self._log, self._initial.projection)


def _already_ended_error(response: ResponseObject) -> InvalidRequest:
    return InvalidRequest(f"Cannot cancel a completed response (its status is '{response.status}').")


class _HypotheticalItems:
    """The stored messages followed by items that are not stored: the input of a response."""

    def __init__(self, store: Store, items: Sequence[ItemRow]) -> None:
        self._messages = store.messages
        self._items = [
            Item(number, item.kind, None, _HYPOTHETICAL_ID, item.body or msgspec.json.encode(item.message).decode())
            for number, item in enumerate(items)
        ]

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]:
        if thread_id != _HYPOTHETICAL_ID:
            return await self._messages.newest(thread_id, before, limit)
        return [item for item in reversed(self._items) if item.seq < before][:limit]


def _to_create_request(params: ResponseContext) -> CreateResponseRequest:
    given = {name: getattr(params, name) for name in ResponseContext.__struct_fields__}
    return CreateResponseRequest(**given)
