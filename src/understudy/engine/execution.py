"""One run being worked on: ask the model, show what it says, rest where a client must act, end.

Every event goes the same way: into the view, into the store where it is a boundary, then into the log. So whatever a
stream shows is already kept, and the thread's lock is off before the end is announced. Knows no HTTP and no SQL.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from understudy import ids
from understudy.clock import Clock
from understudy.engine import events
from understudy.engine.log import RunLog
from understudy.engine.prompt import BudgetSpent, Room, build_request, cost_of
from understudy.engine.run_view import RunView
from understudy.engine.turn import Piece, ToolCall, Turn
from understudy.errors import UpstreamError
from understudy.llm import chunks
from understudy.llm.provider import ChatBody
from understudy.llm.router import Models
from understudy.store import Store
from understudy.store.runs import Boundary, Call, Progress
from understudy.wire.runs import LastError, RunCompletionUsage, RunIncompleteDetails, RunStatus

Interruption = Literal["cancel", "expire", "stop", "gone"]

logger = logging.getLogger(__name__)
_FREE = RunCompletionUsage()
_INTERRUPTED_TOO_OFTEN = LastError("server_error", "The run was interrupted too often. Start a new one.")
_RESTING = frozenset({"requires_action"})


class LostRun(Exception):
    """The run is no longer this worker's: it was ended, deleted or taken over."""


class _Interrupted(Exception):
    pass


class Execution:
    """Works on one run until it rests or ends. `owner` is the worker that the store knows it by."""

    def __init__(
        self, owner: str, store: Store, models: Models, clock: Clock, view: RunView, log: RunLog, progress: Progress
    ) -> None:
        self.view = view
        self.log = log
        self.task: asyncio.Task[None] | None = None
        self._owner = owner
        self._store = store
        self._models = models
        self._clock = clock
        self._progress = progress
        self._turn: Turn | None = None
        self._prompt: ChatBody = {}
        self._late_text = ""
        self._interruption: Interruption | None = None
        self._listening = False
        self._given_up = False
        self.stranded = False

    @property
    def run_id(self) -> str:
        return self.view.run.id

    def interrupt(self, reason: Interruption) -> None:
        """Makes the run stop at once where it waits for the model, and else as soon as its write is done."""
        self._interruption = self._interruption or reason
        if self._listening and self.task is not None:
            self.task.cancel()

    def give_up(self) -> None:
        """Lets the run fail instead of being worked on: it has been taken up too often and never ended."""
        self._given_up = True

    async def work(self) -> None:
        """Never raises: whatever goes wrong becomes the run's end."""
        try:
            await self._work()
        except (LostRun, asyncio.CancelledError, _Interrupted) as cause:
            await self._settle(cause)
        except UpstreamError as error:
            await self._fail(_last_error(error))
        except Exception:
            logger.exception("run %s failed", self.run_id)
            await self._fail(LastError("server_error", "Sorry, something went wrong."))

    async def _work(self) -> None:
        if self.view.run.status == "cancelling":
            self._interruption = "cancel"
        self._check_interruption()
        if self._given_up:
            await self._end("failed", cut="run_failed", error=_INTERRUPTED_TOO_OFTEN)
            return
        if self.view.run.status == "queued":
            await self._commit(events.RunStarted(self._now()))
        try:
            turn = await self._ask()
        except BudgetSpent as spent:
            await self._end("incomplete", incomplete=RunIncompleteDetails(spent.reason))
            return
        self._progress.turns += 1
        if _was_cut(turn):
            await self._end_cut(turn)
        elif turn.calls:
            await self._require_action(turn)
        else:
            await self._complete()

    # -- the model's turn --------------------------------------------------------------------------------------

    async def _ask(self) -> Turn:
        run = self.view.run
        room = self._room()
        self._prompt = await build_request(self._store.messages, run, self._progress.turns, room)
        self._check_interruption()
        self._turn = turn = Turn()
        async with aclosing(self._models.stream(self._prompt)) as stream:
            try:
                self._listening = True
                async for together in stream:
                    self._listening = False
                    if not await self._hear(turn, together, room):
                        break
                    self._listening = True
            finally:
                self._listening = False
        await self._finish_pieces(turn)
        return turn

    async def _hear(self, turn: Turn, payloads: Sequence[bytes], room: Room) -> bool:
        """Takes in chunks; False once the answer is as long as the run's budget allows, whatever the model thinks."""
        for payload in payloads:
            await self._show(turn.take(chunks.decode(payload)))
            self._check_interruption()
            if turn.deltas >= room.answer and not turn.finish_reason:
                turn.finish_reason = "length"
                return False
        return True

    async def _show(self, piece: Piece) -> None:
        if piece.text:
            await self._say(piece.text)
        if piece.refusal:
            await self._open_message()
            self._publish(events.RefusalDelta(piece.refusal))
        for call, arguments in piece.calls:
            if arguments:
                await self._open_call(call)
                self._publish(events.ArgumentsDelta(call.index, arguments))

    async def _say(self, text: str) -> None:
        if self._turn is not None and self._turn.calls:
            # The model speaks again after it began to call; said when the calls are complete.
            self._late_text += text
            return
        await self._open_message()
        self._publish(events.TextDelta(text))

    async def _open_message(self) -> None:
        if self.view.message is None:
            await self._commit(events.MessageOpened(ids.step(), ids.message(), self._now()))

    async def _open_call(self, call: ToolCall) -> None:
        """Calls are opened in the order of their index, each once its name is known to be whole."""
        if call.opened:
            return
        if self.view.message is not None:
            await self._close_message()
        if not self.view.steps:
            await self._commit(events.CallsOpened(ids.step(), self._now()))
        assert self._turn is not None
        for other in self._turn.calls[: call.index + 1]:
            if not other.opened:
                other.opened = True
                self._publish(events.CallOpened(other.index, other.id, other.name))

    async def _finish_pieces(self, turn: Turn) -> None:
        for call in turn.calls:
            await self._open_call(call)
            if not call.arguments:
                # Clients parse the arguments as JSON; a model that gave none meant an empty object.
                call.arguments.append("{}")
                self._publish(events.ArgumentsDelta(call.index, "{}"))
        if self._late_text:
            await self._open_message()
            self._publish(events.TextDelta(self._late_text))
            await self._close_message()

    async def _close_message(self) -> None:
        """Ends a message whose turn goes on; the turn's cost is counted where the turn ends."""
        self._say_something()
        await self._commit(events.MessageClosed(self._now(), _FREE))

    def _say_something(self) -> None:
        # Stream helpers of the SDKs fail on a completed message without content.
        if self.view.is_silent:
            self._publish(events.TextDelta(""))

    # -- how a turn ends ---------------------------------------------------------------------------------------

    async def _complete(self) -> None:
        await self._open_message()
        self._say_something()
        usage = self._turn_usage()
        self._progress.used += usage
        now = self._now()
        await self._commit(events.MessageClosed(now, usage), events.RunEnded("completed", now, self._progress.used))

    async def _require_action(self, turn: Turn) -> None:
        self._progress.pending = self._turn_usage()
        calls = [
            Call(item_id := ids.function_call_item(), "function_call", _call_body(item_id, call)) for call in turn.calls
        ]
        await self._commit(events.ActionRequired(), calls=calls, release=True)

    async def _end_cut(self, turn: Turn) -> None:
        if turn.finish_reason == "content_filter":
            await self._end("incomplete", cut="content_filter")
        else:
            await self._end("incomplete", cut="max_tokens", incomplete=RunIncompleteDetails("max_completion_tokens"))

    async def _fail(self, error: LastError) -> None:
        try:
            await self._end("failed", cut="run_failed", error=error)
        except LostRun as cause:
            await self._settle(cause)
        except Exception:
            # The store itself fails: the run stays as it is, and its worker takes it up again later.
            logger.exception("run %s could not be ended", self.run_id)
            self.stranded = True
            self.log.close(handed_back=True)

    async def _settle(self, cause: BaseException) -> None:
        """Ends or lets go of a run that was stopped from outside."""
        reason = self._interruption
        if isinstance(cause, asyncio.CancelledError) and reason is None:
            raise cause
        if isinstance(cause, asyncio.CancelledError) and self.task is not None:
            self.task.uncancel()
        if isinstance(cause, LostRun) and reason is None:
            status = await self._store.runs.status(self.run_id)
            reason = "cancel" if status == "cancelling" else "gone"
        try:
            await self._stop_for(reason or "gone")
        except LostRun:
            self.log.close(handed_back=True)

    async def _stop_for(self, reason: Interruption) -> None:
        match reason:
            case "cancel":
                self._publish(events.CancelRequested(self._now()))
                await self._end("cancelled", cut="run_cancelled")
            case "expire":
                await self._end("expired", cut="run_expired")
            case "stop" | "gone":
                self._publish(events.RunReleased())
                self.log.close(handed_back=True)

    async def _end(
        self,
        status: RunStatus,
        *,
        cut: str | None = None,
        error: LastError | None = None,
        incomplete: RunIncompleteDetails | None = None,
    ) -> None:
        usage = self._turn_usage() if self._turn is not None else self._progress.pending
        self._progress.pending = None
        self._progress.used += usage or _FREE
        await self._commit(events.RunEnded(status, self._now(), self._progress.used, usage, error, incomplete, cut))

    # -- events ------------------------------------------------------------------------------------------------

    def _publish(self, event: events.Event) -> None:
        self.log.append(event, self.view.apply(event))

    async def _commit(self, *happened: events.Event, calls: Sequence[Call] = (), release: bool = False) -> None:
        """Takes events in, stores what they changed, and then shows them. Raises LostRun, having shown nothing."""
        view = self.view
        status, steps, message = view.run.status, list(view.steps), view.message
        frames = [view.apply(event) for event in happened]
        boundary = Boundary(
            run_id=view.run.id,
            # A copy: the store keeps the run as it is at this event.
            run=msgspec.structs.replace(view.run) if view.run.status != status else None,
            progress=self._progress,
            new_steps=[step for step in view.steps if all(step is not known for known in steps)],
            changed_steps=steps,
            new_messages=[view.message] if view.message is not None and view.message is not message else [],
            changed_messages=[message] if message is not None else [],
            calls=calls,
            release=release,
        )
        if not await self._store.runs.advance(self._owner, boundary):
            raise LostRun
        for event, frame in zip(happened, frames, strict=True):
            self.log.append(event, frame)
        if view.ended or view.run.status in _RESTING:
            self.log.close()

    def _check_interruption(self) -> None:
        if self._interruption is not None:
            raise _Interrupted

    def _now(self) -> int:
        return int(self._clock.now())

    # -- budgets -----------------------------------------------------------------------------------------------

    def _room(self) -> Room:
        """Raises BudgetSpent."""
        run, used = self.view.run, self._progress.used
        prompt, completion = run.max_prompt_tokens, run.max_completion_tokens
        prompt_left = None if prompt is None else prompt - used.prompt_tokens
        completion_left = None if completion is None else completion - used.completion_tokens
        if prompt_left is not None and prompt_left <= 0:
            raise BudgetSpent("max_prompt_tokens")
        if completion_left is not None and completion_left <= 0:
            raise BudgetSpent("max_completion_tokens")
        return Room(self._models.window(run.model), prompt_left, completion_left)

    def _turn_usage(self) -> RunCompletionUsage:
        """What the provider counted; estimated where it did not say."""
        assert self._turn is not None
        counted = self._turn.usage()
        if counted is not None:
            return counted
        if not self._turn.deltas and self._turn.finish_reason is None:
            return _FREE
        prompt = cost_of(self._prompt)
        return RunCompletionUsage(prompt, self._turn.deltas, prompt + self._turn.deltas)


def _was_cut(turn: Turn) -> bool:
    return turn.finish_reason in {"length", "content_filter"}


def _call_body(item_id: str, call: ToolCall) -> str:
    item = {
        "type": "function_call",
        "id": item_id,
        "call_id": call.id,
        "name": call.name,
        "arguments": "".join(call.arguments),
        "status": "completed",
    }
    return msgspec.json.encode(item).decode()


def _last_error(error: UpstreamError) -> LastError:
    match error.kind:
        case "rate_limited" | "quota":
            return LastError("rate_limit_exceeded", error.message)
        case "invalid_request":
            return LastError("invalid_prompt", error.message)
        case _:
            return LastError("server_error", error.message)
