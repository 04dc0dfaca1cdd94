"""One run being worked on: ask the model, use its tools, rest where a client must act, end. Knows no HTTP, no SQL."""

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from understudy import telemetry
from understudy.engine.accounting import Accounting
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interrupted, Interruption, Reason
from understudy.engine.run.checkpoint import RunLost, RunWriter
from understudy.engine.run.compaction import ContextCompaction
from understudy.engine.run.log import RunLog
from understudy.engine.run.model_turn import NO_USAGE, ModelTurn
from understudy.engine.run.prompt import BudgetExceeded, ContextTooLong, LoadImage, Prompt, PromptBudget, build_request
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import Tools, ToolUse
from understudy.engine.run.turn import Turn
from understudy.errors import ApiError, StoreError, UpstreamError
from understudy.llm.messages import Part
from understudy.llm.prices import Tokens
from understudy.llm.router import Models
from understudy.store.ledger import Usage
from understudy.store.run_state import Plan
from understudy.wire.runs import LastError, RunIncompleteDetails, RunStatus

logger = logging.getLogger(__name__)
# A model that calls tools for ever is stopped long before it fills the disk.
_MAX_TURNS: Final = 200
_TURN_LIMIT_ERROR = LastError("server_error", f"The model called tools {_MAX_TURNS} times without coming to an answer.")


class RunExecutor:
    """Works on one run until it rests or ends."""

    def __init__(self, stage: RunWriter, models: Models, tools: Tools, accounting: Accounting) -> None:
        self._stage = stage
        self._accounting = accounting
        self._models = models
        self._interruption = Interruption()
        self._tool_use = ToolUse(stage, self._interruption, tools)
        self._load_image: LoadImage = partial(tools.load_image, stage.project_id)
        self._tools = tools
        self._model_turn: ModelTurn | None = None
        self._interruptions: int | None = None
        self.is_abandoned = False

    @property
    def run_id(self) -> str:
        return self.state.spec.id

    @property
    def project_id(self) -> str:
        return self._stage.project_id

    @property
    def state(self) -> RunState:
        return self._stage.state

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
        started, kind = time.perf_counter(), self._telemetry_kind()
        telemetry.emit(telemetry.RunStarted, run_id=self.run_id, project_id=self._stage.project_id, kind=kind)
        await self._work()
        telemetry.emit(
            telemetry.RunStopped,
            run_id=self.run_id,
            project_id=self._stage.project_id,
            kind=kind,
            status=self.state.status,
            duration=telemetry.elapsed(started),
        )

    def _telemetry_kind(self) -> telemetry.RunKind:
        return "run" if self._stage.progress.plan is None else "response"

    async def _work(self) -> None:
        try:
            await self._execute()
        except (RunLost, asyncio.CancelledError, Interrupted) as cause:
            await self._handle_stop(cause)
        except UpstreamError as error:
            await self._fail(_to_last_error(error))
        except ContextTooLong:
            await self._fail(_context_length_error(self.state.spec.model), code="context_length_exceeded")
        except ApiError as error:
            await self._fail(LastError("invalid_prompt", error.message))
        except Exception:
            logger.exception("run %s failed", self.run_id)
            await self._fail(LastError("server_error", "Sorry, something went wrong."))

    async def _execute(self) -> None:
        if self.state.status == "cancelling":
            self._interruption.request("cancel")
        self._interruption.check()
        if self._interruptions is not None:
            await self._end_run("failed", cut="run_failed", error=_interruption_limit_error(self._interruptions))
            return
        if self.state.status == "queued":
            await self._stage.commit(events.RunStarted(self._stage.now()))
        await self._tool_use.prepare()
        try:
            await self._take_turns()
        except BudgetExceeded as spent:
            await self._end_run("incomplete", incomplete=RunIncompleteDetails(spent.reason))

    async def _take_turns(self) -> None:
        """Turn after turn, until the model answers, or calls what only the client can do."""
        progress = self._stage.progress
        await self._tool_use.open_approved_calls()
        if progress.calls and not await self._tool_use.execute_calls():
            return
        if progress.plan is not None and await self._compact(progress.plan):
            await self._end_run("completed")
            return
        while progress.turns < _MAX_TURNS:
            started = time.perf_counter()
            turn = await self._run_model_turn()
            progress.turns += 1
            telemetry.emit(
                telemetry.RunTurnFinished,
                run_id=self.run_id,
                turn=progress.turns,
                calls=len(turn.calls),
                duration=telemetry.elapsed(started),
            )
            if turn.is_truncated:
                await self._end_incomplete(turn)
                return
            if not turn.calls:
                await self._complete()
                return
            if not await self._use_tools(turn):
                return
        await self._end_run("failed", cut="run_failed", error=_TURN_LIMIT_ERROR)

    async def _compact(self, plan: Plan) -> bool:
        """Makes the context shorter where that is due; whether nothing else was asked for."""
        if (plan.compacts or plan.compacts_only) and not plan.compacted and not self._stage.progress.turns:
            room = self._token_budget()
            compaction = ContextCompaction(self._stage, self._interruption, self._models, self._accounting, plan)
            try:
                prompt = await self._prompt(room)
                due = plan.compacts_only or compaction.is_due(prompt, room.window)
            except ContextTooLong:
                # What does not fit has no part in the summary either.
                prompt = await self._prompt(room, cuts=True)
                due = True
            if due:
                await compaction.compact(prompt)
        return plan.compacts_only

    async def _run_model_turn(self) -> Turn:
        stage, room = self._stage, self._token_budget()
        prompt = await self._prompt(room)
        self._interruption.check()
        self._accounting.prefetch_price(self.state.spec.model)
        self._model_turn = ModelTurn(stage, self._interruption, self._tool_use, prompt)
        return await self._model_turn.consume_stream(self._models, room)

    async def _prompt(self, room: PromptBudget, *, cuts: bool = False) -> Prompt:
        """`cuts`: what does not fit is left out, whatever the client said of it."""
        stage, plan = self._stage, self._stage.progress.plan
        if cuts and plan is not None:
            plan = msgspec.structs.replace(plan, cuts=True)
        return await build_request(
            stage.store.messages,
            self.state.spec,
            stage.progress.turns,
            room,
            self._load_image,
            self._tool_use.offer(),
            plan=plan,
            load_document=self._load_document,
        )

    async def _load_document(self, part: Mapping[str, Any]) -> list[Part]:
        sees = self._models.has_vision(self.state.spec.model)
        return await self._tools.load_document(self._stage.project_id, part, sees=sees)

    async def _use_tools(self, turn: Turn) -> bool:
        """False where the client has to act now."""
        hearing = self._require_model_turn()
        await self._record_usage(hearing)
        self._model_turn = None
        await self._tool_use.store_calls(turn.calls, hearing.usage(), hearing.reasoning_items)
        return await self._tool_use.execute_calls()

    # -- how a run ends ----------------------------------------------------------------------------------------

    async def _complete(self) -> None:
        hearing, stage = self._require_model_turn(), self._stage
        await hearing.open_message()
        hearing.finish_text()
        await self._record_usage(hearing)
        usage = hearing.usage()
        stage.progress.used += usage
        now = stage.now()
        await stage.commit(events.MessageClosed(now, usage), events.RunEnded("completed", now, stage.progress.used))

    async def _end_incomplete(self, turn: Turn) -> None:
        self._require_model_turn().finish_text()
        if turn.finish_reason == "content_filter":
            await self._end_run("incomplete", cut="content_filter")
        else:
            await self._end_run(
                "incomplete", cut="max_tokens", incomplete=RunIncompleteDetails("max_completion_tokens")
            )

    async def _fail(self, error: LastError, code: str | None = None) -> None:
        try:
            await self._end_run("failed", cut="run_failed", error=error, code=code)
        except RunLost as cause:
            await self._handle_stop(cause)
        except StoreError as failure:
            self._abandon(failure)
        except Exception as failure:
            logger.exception("run %s: its end could not be stored, discarding its last changes", self.run_id)
            await self._fail_without_turn(error, failure)

    async def _fail_without_turn(self, error: LastError, failure: Exception) -> None:
        """Ends a run without the turn that cannot be stored: a worker that takes it up would ask the model again."""
        self._model_turn = None
        self._stage.drop_usage()
        try:
            await self._end_run("failed", cut="run_failed", error=error)
        except RunLost as cause:
            await self._handle_stop(cause)
        except Exception:  # noqa: BLE001 - the first failure is the one to log
            self._abandon(failure)

    def _abandon(self, failure: Exception) -> None:
        """Leaves the run as it is where the store fails: its worker takes it up again later."""
        logger.error("run %s could not be ended", self.run_id, exc_info=failure)
        self.is_abandoned = True
        self.log.close(handed_back=True)

    async def _handle_stop(self, cause: BaseException) -> None:
        """Ends or lets go of a run that was stopped from outside."""
        reason = self._interruption.reason
        if isinstance(cause, asyncio.CancelledError) and reason is None:
            raise cause
        if isinstance(cause, asyncio.CancelledError) and self.task is not None:
            self.task.uncancel()
        deleted = reason == "gone"
        if isinstance(cause, RunLost) and reason is None:
            status = await self._stage.store.runs.status(self.run_id)
            reason = "cancel" if status == "cancelling" else "gone"
            deleted = status is None
        try:
            await self._stop(reason or "gone")
            if deleted:
                await self._charge_deleted_run()
        except RunLost:
            self.log.close(handed_back=True)

    async def _stop(self, reason: Reason) -> None:
        match reason:
            case "cancel":
                self._stage.publish(events.CancelRequested(self._stage.now()))
                await self._end_run("cancelled", cut="run_cancelled")
            case "expire":
                await self._end_run("expired", cut="run_expired")
            case "stop" | "gone":
                self._stage.publish(events.RunReleased())
                self.log.close(handed_back=True)

    async def _end_run(
        self,
        status: RunStatus,
        *,
        cut: str | None = None,
        error: LastError | None = None,
        incomplete: RunIncompleteDetails | None = None,
        code: str | None = None,
    ) -> None:
        progress, now = self._stage.progress, self._stage.now()
        if self._model_turn is not None:
            await self._record_usage(self._model_turn)
        usage = self._model_turn.usage() if self._model_turn is not None else progress.pending
        progress.pending = None
        progress.used += usage or NO_USAGE
        await self._stage.commit(events.RunEnded(status, now, progress.used, usage, error, incomplete, cut, code))

    # -- what it costs -----------------------------------------------------------------------------------------

    async def _record_usage(self, hearing: ModelTurn) -> None:
        """Has the turn debited with what is stored next, and only once."""
        if hearing.charged:
            return
        usage = await self._turn_usage(hearing, f"{self.run_id}/{hearing.number}")
        hearing.charged = True
        self._stage.add_usage(usage)

    async def _turn_usage(self, hearing: ModelTurn, reference: str) -> Usage:
        used = hearing.usage()
        cached = min(used.prompt_token_details.cached_tokens, used.prompt_tokens)
        tokens = Tokens(used.prompt_tokens, used.completion_tokens, cached)
        key_id = self._stage.progress.key_id
        return await self._accounting.usage(reference, "completion", self.state.spec.model, tokens, key_id=key_id)

    async def _charge_deleted_run(self) -> None:
        """A client that deletes a thread while its run is at work pays for what the model has said until then."""
        hearing = self._model_turn
        unspent = self._stage.unrecorded_usage()
        if hearing is not None and not hearing.charged and hearing.usage() != NO_USAGE:
            unspent.append(await self._turn_usage(hearing, f"{self.run_id}/{hearing.number}"))
        for usage in unspent:
            await self._accounting.record(self._stage.project_id, usage)

    # -- budgets -----------------------------------------------------------------------------------------------

    def _require_model_turn(self) -> ModelTurn:
        assert self._model_turn is not None
        return self._model_turn

    def _token_budget(self) -> PromptBudget:
        """Raises BudgetSpent."""
        run, used = self.state.spec, self._stage.progress.used
        prompt, completion = run.max_prompt_tokens, run.max_completion_tokens
        prompt_left = None if prompt is None else prompt - used.prompt_tokens
        plan = self._stage.progress.plan
        summary = 0 if plan is None else plan.summary_tokens
        completion_left = None if completion is None else completion + summary - used.completion_tokens
        if prompt_left is not None and prompt_left <= 0:
            raise BudgetExceeded("max_prompt_tokens")
        if completion_left is not None and completion_left <= 0:
            raise BudgetExceeded("max_completion_tokens")
        return PromptBudget(self._models.window(run.model), prompt_left, completion_left)


def _context_length_error(model: str) -> LastError:
    said = f"Your input exceeds the context window of the model {model!r}."
    return LastError(
        "invalid_prompt", f"{said} Shorten it, or send 'truncation': 'auto' to leave out the oldest items."
    )


def _interruption_limit_error(times: int) -> LastError:
    return LastError(
        "server_error",
        f"The server stopped unexpectedly {times} times while it executed this run, which made no progress in between."
        " Start a new one.",
    )


def _to_last_error(error: UpstreamError) -> LastError:
    match error.kind:
        case "rate_limited" | "quota":
            return LastError("rate_limit_exceeded", error.message)
        case "invalid_request":
            return LastError("invalid_prompt", error.message)
        case _:
            return LastError("server_error", error.message)
