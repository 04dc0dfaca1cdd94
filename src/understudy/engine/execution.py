"""One run being worked on: ask the model, use its tools, rest where a client must act, end. Knows no HTTP, no SQL."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from understudy.engine import events
from understudy.engine.accounting import Accounting
from understudy.engine.compaction import Compaction
from understudy.engine.hearing import FREE, Hearing
from understudy.engine.interruption import Interrupted, Interruption, Reason
from understudy.engine.log import RunLog
from understudy.engine.prompt import BudgetSpent, LoadImage, Prompt, Room, TooLong, build_request
from understudy.engine.run_view import RunView
from understudy.engine.stage import LostRun, Stage
from understudy.engine.tool_use import Tools, ToolUse
from understudy.engine.turn import Turn
from understudy.errors import ApiError, StoreError, UpstreamError
from understudy.llm.prices import Tokens
from understudy.llm.router import Models
from understudy.store.ledger import Usage
from understudy.store.run_state import Plan
from understudy.wire.runs import LastError, RunIncompleteDetails, RunStatus

logger = logging.getLogger(__name__)
# A model that calls tools for ever is stopped long before it fills the disk.
_MOST_TURNS: Final = 200
_TOO_MANY_TURNS = LastError("server_error", f"The model called tools {_MOST_TURNS} times without coming to an answer.")


class Execution:
    """Works on one run until it rests or ends."""

    def __init__(self, stage: Stage, models: Models, tools: Tools, accounting: Accounting) -> None:
        self._stage = stage
        self._accounting = accounting
        self._models = models
        self._interruption = Interruption()
        self._tool_use = ToolUse(stage, self._interruption, tools)
        self._load_image: LoadImage = partial(tools.load_image, stage.project_id)
        self._tools = tools
        self._hearing: Hearing | None = None
        self._interruptions: int | None = None
        self.stranded = False

    @property
    def run_id(self) -> str:
        return self.view.run.id

    @property
    def view(self) -> RunView:
        return self._stage.view

    @property
    def log(self) -> RunLog:
        return self._stage.log

    @property
    def task(self) -> asyncio.Task[None] | None:
        return self._interruption.task

    def launch(self, task: asyncio.Task[None]) -> None:
        """`task` is what awaits `work`."""
        self._interruption.task = task

    def interrupt(self, reason: Reason) -> None:
        """Makes the run stop at once where it waits for a model or a tool, and else as soon as its write is done."""
        self._interruption.request(reason)

    def give_up(self, interruptions: int) -> None:
        """Lets the run fail instead of being executed: so many servers died over it, and it made no progress."""
        self._interruptions = interruptions

    async def work(self) -> None:
        """Never raises: whatever goes wrong becomes the run's end."""
        try:
            await self._work()
        except (LostRun, asyncio.CancelledError, Interrupted) as cause:
            await self._settle(cause)
        except UpstreamError as error:
            await self._fail(_last_error(error))
        except TooLong:
            await self._fail(_too_long(self.view.run.model), code="context_length_exceeded")
        except ApiError as error:
            await self._fail(LastError("invalid_prompt", error.message))
        except Exception:
            logger.exception("run %s failed", self.run_id)
            await self._fail(LastError("server_error", "Sorry, something went wrong."))

    async def _work(self) -> None:
        if self.view.run.status == "cancelling":
            self._interruption.request("cancel")
        self._interruption.check()
        if self._interruptions is not None:
            await self._end("failed", cut="run_failed", error=_interrupted(self._interruptions))
            return
        if self.view.run.status == "queued":
            await self._stage.commit(events.RunStarted(self._stage.now()))
        await self._tool_use.prepare()
        try:
            await self._take_turns()
        except BudgetSpent as spent:
            await self._end("incomplete", incomplete=RunIncompleteDetails(spent.reason))

    async def _take_turns(self) -> None:
        """Turn after turn, until the model answers, or calls what only the client can do."""
        progress = self._stage.progress
        await self._tool_use.reopen()
        if progress.calls and not await self._tool_use.finish():
            return
        if progress.plan is not None and await self._compact(progress.plan):
            await self._end("completed")
            return
        while progress.turns < _MOST_TURNS:
            turn = await self._ask()
            progress.turns += 1
            if turn.is_cut:
                await self._end_cut(turn)
                return
            if not turn.calls:
                await self._complete()
                return
            if not await self._use_tools(turn):
                return
        await self._end("failed", cut="run_failed", error=_TOO_MANY_TURNS)

    async def _compact(self, plan: Plan) -> bool:
        """Makes the context shorter where that is due; whether nothing else was asked for."""
        if (plan.compacts or plan.compacts_only) and not plan.compacted and not self._stage.progress.turns:
            room = self._room()
            compaction = Compaction(self._stage, self._interruption, self._models, self._accounting, plan)
            try:
                prompt = await self._prompt(room)
                due = plan.compacts_only or compaction.is_due(prompt.body, room.window)
            except TooLong:
                # What does not fit has no part in the summary either.
                prompt = await self._prompt(room, cuts=True)
                due = True
            if due:
                await compaction.compact(prompt.body)
        return plan.compacts_only

    async def _ask(self) -> Turn:
        stage, room = self._stage, self._room()
        prompt = await self._prompt(room)
        self._interruption.check()
        self._accounting.expect(self.view.run.model)
        self._hearing = Hearing(stage, self._interruption, prompt, stage.progress.figures)
        return await self._hearing.listen(self._models, room)

    async def _prompt(self, room: Room, *, cuts: bool = False) -> Prompt:
        """`cuts`: what does not fit is left out, whatever the client said of it."""
        stage, plan = self._stage, self._stage.progress.plan
        if cuts and plan is not None:
            plan = msgspec.structs.replace(plan, cuts=True)
        files = [(file.id, file.filename) for file in self._tool_use.files]
        return await build_request(
            stage.store.messages,
            self.view.run,
            stage.progress.turns,
            room,
            self._load_image,
            files,
            self._tool_use.remote,
            plan=plan,
            load_document=self._load_document,
        )

    async def _load_document(self, part: Mapping[str, Any]) -> list[dict[str, Any]]:
        sees = self._models.sees(self.view.run.model)
        return await self._tools.load_document(self._stage.project_id, part, sees=sees)

    async def _use_tools(self, turn: Turn) -> bool:
        """False where the client has to act now."""
        hearing = self._heard()
        await self._spend(hearing)
        self._hearing = None
        await self._tool_use.begin(turn.calls, hearing.built_in, hearing.usage(), hearing.reasoned)
        return await self._tool_use.finish()

    # -- how a run ends ----------------------------------------------------------------------------------------

    async def _complete(self) -> None:
        hearing, stage = self._heard(), self._stage
        await hearing.open_message()
        hearing.end_text()
        await self._spend(hearing)
        usage = hearing.usage()
        stage.progress.used += usage
        now = stage.now()
        await stage.commit(events.MessageClosed(now, usage), events.RunEnded("completed", now, stage.progress.used))

    async def _end_cut(self, turn: Turn) -> None:
        self._heard().end_text()
        if turn.finish_reason == "content_filter":
            await self._end("incomplete", cut="content_filter")
        else:
            await self._end("incomplete", cut="max_tokens", incomplete=RunIncompleteDetails("max_completion_tokens"))

    async def _fail(self, error: LastError, code: str | None = None) -> None:
        try:
            await self._end("failed", cut="run_failed", error=error, code=code)
        except LostRun as cause:
            await self._settle(cause)
        except StoreError as failure:
            self._strand(failure)
        except Exception as failure:
            logger.exception("run %s: its end could not be stored, discarding its last changes", self.run_id)
            await self._fail_plainly(error, failure)

    async def _fail_plainly(self, error: LastError, failure: Exception) -> None:
        """Ends a run without the turn that cannot be stored: a worker that takes it up would ask the model again."""
        self._hearing = None
        self._stage.drop_usage()
        try:
            await self._end("failed", cut="run_failed", error=error)
        except LostRun as cause:
            await self._settle(cause)
        except Exception:  # noqa: BLE001 - the first failure is the one to log
            self._strand(failure)

    def _strand(self, failure: Exception) -> None:
        """Leaves the run as it is where the store fails: its worker takes it up again later."""
        logger.error("run %s could not be ended", self.run_id, exc_info=failure)
        self.stranded = True
        self.log.close(handed_back=True)

    async def _settle(self, cause: BaseException) -> None:
        """Ends or lets go of a run that was stopped from outside."""
        reason = self._interruption.reason
        if isinstance(cause, asyncio.CancelledError) and reason is None:
            raise cause
        if isinstance(cause, asyncio.CancelledError) and self.task is not None:
            self.task.uncancel()
        deleted = reason == "gone"
        if isinstance(cause, LostRun) and reason is None:
            status = await self._stage.store.runs.status(self.run_id)
            reason = "cancel" if status == "cancelling" else "gone"
            deleted = status is None
        try:
            await self._stop_for(reason or "gone")
            if deleted:
                await self._pay_for_deleted()
        except LostRun:
            self.log.close(handed_back=True)

    async def _stop_for(self, reason: Reason) -> None:
        match reason:
            case "cancel":
                self._stage.publish(events.CancelRequested(self._stage.now()))
                await self._end("cancelled", cut="run_cancelled")
            case "expire":
                await self._end("expired", cut="run_expired")
            case "stop" | "gone":
                self._stage.publish(events.RunReleased())
                self.log.close(handed_back=True)

    async def _end(
        self,
        status: RunStatus,
        *,
        cut: str | None = None,
        error: LastError | None = None,
        incomplete: RunIncompleteDetails | None = None,
        code: str | None = None,
    ) -> None:
        progress, now = self._stage.progress, self._stage.now()
        if self._hearing is not None:
            await self._spend(self._hearing)
        usage = self._hearing.usage() if self._hearing is not None else progress.pending
        progress.pending = None
        progress.used += usage or FREE
        await self._stage.commit(events.RunEnded(status, now, progress.used, usage, error, incomplete, cut, code))

    # -- what it costs -----------------------------------------------------------------------------------------

    async def _spend(self, hearing: Hearing) -> None:
        """Has the turn debited with what is stored next, and only once."""
        if hearing.charged:
            return
        usage = await self._cost(hearing, f"{self.run_id}/{hearing.number}")
        hearing.charged = True
        self._stage.spend(usage)

    async def _cost(self, hearing: Hearing, reference: str) -> Usage:
        used = hearing.usage()
        cached = min(used.prompt_token_details.cached_tokens, used.prompt_tokens)
        tokens = Tokens(used.prompt_tokens, used.completion_tokens, cached)
        key_id = self._stage.progress.key_id
        return await self._accounting.usage(reference, "completion", self.view.run.model, tokens, key_id=key_id)

    async def _pay_for_deleted(self) -> None:
        """A client that deletes a thread while its run is at work pays for what the model has said until then."""
        hearing = self._hearing
        unspent = self._stage.unspent()
        if hearing is not None and not hearing.charged and hearing.usage() != FREE:
            unspent.append(await self._cost(hearing, f"{self.run_id}/{hearing.number}"))
        for usage in unspent:
            await self._accounting.record(self._stage.project_id, usage)

    # -- budgets -----------------------------------------------------------------------------------------------

    def _heard(self) -> Hearing:
        assert self._hearing is not None
        return self._hearing

    def _room(self) -> Room:
        """Raises BudgetSpent."""
        run, used = self.view.run, self._stage.progress.used
        prompt, completion = run.max_prompt_tokens, run.max_completion_tokens
        prompt_left = None if prompt is None else prompt - used.prompt_tokens
        plan = self._stage.progress.plan
        summary = 0 if plan is None else plan.summary_tokens
        completion_left = None if completion is None else completion + summary - used.completion_tokens
        if prompt_left is not None and prompt_left <= 0:
            raise BudgetSpent("max_prompt_tokens")
        if completion_left is not None and completion_left <= 0:
            raise BudgetSpent("max_completion_tokens")
        return Room(self._models.window(run.model), prompt_left, completion_left)


def _too_long(model: str) -> LastError:
    said = f"Your input exceeds the context window of the model {model!r}."
    return LastError(
        "invalid_prompt", f"{said} Shorten it, or send 'truncation': 'auto' to leave out the oldest items."
    )


def _interrupted(times: int) -> LastError:
    return LastError(
        "server_error",
        f"The server stopped unexpectedly {times} times while it executed this run, which made no progress in between."
        " Start a new one.",
    )


def _last_error(error: UpstreamError) -> LastError:
    match error.kind:
        case "rate_limited" | "quota":
            return LastError("rate_limit_exceeded", error.message)
        case "invalid_request":
            return LastError("invalid_prompt", error.message)
        case _:
            return LastError("server_error", error.message)
