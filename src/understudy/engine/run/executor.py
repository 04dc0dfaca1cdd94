"""Executes one run: calls the model, executes its tools, waits where a client must act, ends. Knows no HTTP, no SQL."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from understudy import telemetry, tracing
from understudy.correlation import Origin
from understudy.engine.accounting import Accounting
from understudy.engine.run import events, reports
from understudy.engine.run.cancellation import Interrupted, Interruption, Reason
from understudy.engine.run.checkpoint import RunLost, RunWriter
from understudy.engine.run.compaction import ContextCompaction
from understudy.engine.run.log import RunLog
from understudy.engine.run.model_turn import NO_USAGE, ModelTurn
from understudy.engine.run.moderation import ResponseModerator
from understudy.engine.run.outcome import (
    UNEXPECTED,
    Ending,
    InterruptionLimitExceeded,
    Outcome,
    TurnLimitExceeded,
    outcome_of,
)
from understudy.engine.run.prompt_loader import PromptLoader
from understudy.engine.run.spans import begin_execution
from understudy.engine.run.spec import CompactionRule
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import NextStep, Tools, ToolUse
from understudy.engine.run.truncation import BudgetExceeded, ContextTooLong, ItemSource
from understudy.engine.run.turn import Turn
from understudy.engine.run.turn_charges import TurnCharges
from understudy.errors import StoreError, StoreUnavailable
from understudy.llm.router import Models
from understudy.store.run_state import Span
from understudy.wire.moderations import ResponseModeration

logger = logging.getLogger(__name__)
# Stops a model that calls tools forever, long before it fills the disk.
_MAX_TURNS: Final = 200
_ANSWERED: Final = ("completed", "incomplete")


class RunExecutor:
    """Executes one run until it waits or ends."""

    def __init__(
        self, writer: RunWriter, models: Models, tools: Tools, accounting: Accounting, items: ItemSource
    ) -> None:
        """`items` are those of the threads that the run's prompts have."""
        self._writer = writer
        self.run_id = writer.spec.id
        self._accounting = accounting
        self._charges = TurnCharges(writer, accounting)
        self._models = models
        self._interruption = Interruption()
        self._tool_use = ToolUse(writer, self._interruption, tools, models, accounting)
        self._prompts = PromptLoader(writer, models, tools, self._tool_use, items)
        self._moderator = self._create_moderator()
        if self._moderator is not None:
            self._tool_use.moderate = self._moderator.finish
        self._model_turn: ModelTurn | None = None
        self._interruptions: int | None = None
        self._began_at = 0.0
        self._failure_code = ""
        self.is_abandoned = False
        self.is_lost = False
        """Whether another worker executes the run, or has ended it."""

    def _create_moderator(self) -> ResponseModerator | None:
        rule = self._writer.spec.moderation
        if rule is None:
            return None
        contents = self._prompts.contents
        return ResponseModerator(self._writer, self._interruption, self._models, self._accounting, rule, contents)

    @property
    def project_id(self) -> str:
        return self._writer.project_id

    @property
    def origin(self) -> Origin:
        """The origin of the request that created the run, or resumed it last."""
        return self._writer.progress.origin

    @property
    def accepted_at(self) -> float | None:
        """The time of the run's request, in Unix seconds; None if it is unknown, or once a turn has ended."""
        progress = self._writer.progress
        return None if progress.turns else progress.accepted_at or None

    @property
    def epoch(self) -> int:
        """The number of the claim under which it writes."""
        return self._writer.epoch

    @property
    def state(self) -> RunState:
        return self._writer.state

    @property
    def spans(self) -> Sequence[Span]:
        """How long each part of the run took, the latest last."""
        return tuple(self._writer.progress.spans)

    @property
    def log(self) -> RunLog:
        return self._writer.log

    @property
    def task(self) -> asyncio.Task[None] | None:
        return self._interruption.task

    def launch(self, task: asyncio.Task[None]) -> None:
        """`task` is what awaits `work`."""
        self._interruption.task = task

    def interrupt(self, reason: Reason) -> None:
        """Stops the run at once while it waits for a model or a tool, and otherwise after its current write."""
        self._interruption.request(reason)

    def give_up(self, interruptions: int) -> None:
        """Fails the run instead of executing it, after so many servers died over it without progress."""
        self._interruptions = interruptions

    async def work(self) -> None:
        """Executes the run. Never raises: every failure becomes the run's end."""
        started, kind = time.perf_counter(), self._writer.spec.label
        self._began_at = self._writer.time()
        telemetry.emit(telemetry.RunStarted, run_id=self.run_id, project_id=self._writer.project_id, kind=kind)
        if tracing.is_enabled():
            await reports.run_in_span(self._writer, self._execute_or_abandon, lambda: self._failure_code)
        else:
            await self._execute_or_abandon()
        self._writer.discard_opening()
        telemetry.publish(
            telemetry.RunStopped(
                run_id=self.run_id,
                project_id=self._writer.project_id,
                kind=kind,
                status=self.state.status,
                duration=telemetry.elapsed(started),
            )
        )

    async def _execute_or_abandon(self) -> None:
        try:
            await self._execute_to_end()
        except StoreUnavailable as failure:
            # Its end could be stored now, where the outage was short; the turn can be as well, later.
            self._abandon(failure)

    async def _execute_to_end(self) -> None:
        try:
            await self._begin_or_resume()
        except (RunLost, asyncio.CancelledError, Interrupted) as cause:
            await self._handle_stop(cause)
        except StoreUnavailable:
            raise
        except Exception as cause:
            outcome = self._outcome_of(cause)
            if outcome is UNEXPECTED:
                extra = reports.log_extra("server_error", "", is_content=False)
                logger.exception("%s %s failed", self._writer.spec.label, self.run_id, extra=extra)
            await self._fail_run(outcome)

    async def _begin_or_resume(self) -> None:
        if self.state.status == "cancelling":
            self._interruption.request("cancel")
        self._interruption.check()
        begin_execution(self._writer.progress, self._writer.time())
        if self._interruptions is not None:
            await self._end_run(self._outcome_of(InterruptionLimitExceeded(self._interruptions)))
            return
        if self.state.status == "queued":
            await self._writer.commit(events.RunStarted(self._writer.now()))
        await self._tool_use.prepare()
        try:
            await self._run_turns()
        except BudgetExceeded as exceeded:
            await self._end_run(self._outcome_of(exceeded))

    async def _run_turns(self) -> None:
        """Runs turn after turn, until the model has answered, or calls what only the client can execute."""
        progress = self._writer.progress
        if self._moderator is not None:
            await self._moderator.check_input()
        await self._tool_use.open_approved_calls()
        if progress.calls and await self._tool_use.execute_calls() == "wait":
            return
        compaction = self._writer.spec.compaction
        if compaction is not None and not progress.turns:
            await self._compact(compaction)
            if compaction.only:
                await self._end_run(self._outcome_of("completed"))
                return
        while progress.turns < _MAX_TURNS:
            turn = await self._run_model_turn()
            if turn.truncation is not None:
                self._require_model_turn().finish_text()
                await self._end_run(self._outcome_of(turn.truncation))
                return
            if not turn.calls:
                await self._complete()
                return
            if await self._use_tools(turn) == "wait":
                return
        await self._end_run(self._outcome_of(TurnLimitExceeded(_MAX_TURNS)))

    async def _compact(self, rule: CompactionRule) -> None:
        """Compacts the context where that is due."""
        if self._writer.counters.compacted:
            return
        budget = self._prompts.find_budget()
        compaction = ContextCompaction(self._writer, self._interruption, self._models, self._accounting, rule)
        try:
            prompt = await self._prompts.load(self._writer.spec, budget)
            due = rule.only or compaction.is_due(prompt, budget.window)
        except ContextTooLong:
            # The summary has to do without the items that do not fit.
            prompt = await self._prompts.load(msgspec.structs.replace(self._writer.spec, overflow="cut"), budget)
            due = True
        if due:
            await compaction.compact(prompt)

    async def _run_model_turn(self) -> Turn:
        started, writer, budget = time.perf_counter(), self._writer, self._prompts.find_budget()
        prompt = await self._prompts.load(writer.spec, budget)
        self._interruption.check()
        if writer.tokens is not None:
            await writer.tokens.admit(prompt)
        await self._charges.begin(prompt)
        self._accounting.prefetch_price(writer.spec.model)
        self._tool_use.observe(prompt)
        self._model_turn = ModelTurn(writer, self._interruption, self._tool_use, prompt)
        turn = await self._model_turn.consume_stream(self._models, budget, self._moderator)
        self._model_turn.end_span("completed")
        if writer.progress.turns == 0:
            reports.emit_first_delta(writer, self._model_turn.span, self._began_at)
        writer.progress.turns += 1
        telemetry.emit(
            telemetry.RunTurnFinished,
            run_id=self.run_id,
            turn=writer.progress.turns,
            calls=len(turn.calls),
            duration=telemetry.elapsed(started),
        )
        return turn

    async def _use_tools(self, turn: Turn) -> NextStep:
        model_turn = self._require_model_turn()
        await self._charges.record(model_turn)
        if self._moderator is not None:
            self._moderator.record()
        self._model_turn = None
        await self._tool_use.store_calls(turn.calls, model_turn.usage(), model_turn.reasoning_items)
        self._charges.mark_recorded()
        return await self._tool_use.execute_calls()

    # -- how a run ends ----------------------------------------------------------------------------------------

    def _outcome_of(self, cause: Ending | Exception) -> Outcome:
        return outcome_of(cause, self._writer.spec.model)

    async def _complete(self) -> None:
        model_turn, writer = self._require_model_turn(), self._writer
        await model_turn.open_message()
        model_turn.finish_text()
        await self._charges.record(model_turn)
        moderation = None if self._moderator is None else await self._moderator.finish()
        usage = model_turn.usage()
        writer.progress.used += usage
        now = writer.now()
        ended = events.RunEnded("completed", now, writer.progress.used, moderation=moderation)
        await writer.commit(events.MessageClosed(now, usage), ended)

    async def _fail_run(self, outcome: Outcome) -> None:
        try:
            await self._end_run(outcome)
        except RunLost as cause:
            await self._handle_stop(cause)
        except StoreError as failure:
            self._abandon(failure)
        except Exception as failure:
            logger.exception("run %s: its end could not be stored, discarding its last changes", self.run_id)
            await self._fail_without_turn(outcome, failure)

    async def _fail_without_turn(self, outcome: Outcome, failure: Exception) -> None:
        """Ends a run without the turn that cannot be stored: a worker that claims it would call the model again."""
        self._model_turn = None
        self._writer.drop_usage()
        try:
            await self._end_run(replace(outcome, code=None))
        except RunLost as cause:
            await self._handle_stop(cause)
        except Exception:  # noqa: BLE001 - the first failure is the one to log
            self._abandon(failure)

    def _abandon(self, failure: Exception) -> None:
        """Leaves the run as it is where the store fails: its worker claims it again later."""
        if isinstance(failure, StoreUnavailable):
            logger.debug("run %s: store unavailable, backing off: %s", self.run_id, failure)
        else:
            logger.error("run %s could not be ended", self.run_id, exc_info=failure)
        self.is_abandoned = True
        self.log.close(is_handed_over=True)

    async def _handle_stop(self, cause: BaseException) -> None:
        """Ends or releases a run that was stopped from outside."""
        reason = self._interruption.reason
        if isinstance(cause, asyncio.CancelledError) and reason is None:
            raise cause
        if isinstance(cause, asyncio.CancelledError) and self.task is not None:
            self.task.uncancel()
        deleted = reason == "gone"
        if isinstance(cause, RunLost) and reason is None:
            status = await self._writer.store.runs.status(self.run_id)
            reason = "gone" if status is None else "cancel" if status == "cancelling" else "lost"
            deleted = status is None
        try:
            await self._stop(reason or "gone")
            if deleted:
                if self._moderator is not None:
                    self._moderator.record()
                await self._charges.record_deleted(self._model_turn)
        except RunLost:
            self.is_lost = True

    async def _stop(self, reason: Reason) -> None:
        match reason:
            case "cancel":
                self._writer.publish(events.CancelRequested(self._writer.now()))
                await self._end_run(self._outcome_of(reason))
            case "expire":
                await self._end_run(self._outcome_of(reason))
            case "lost":
                self.is_lost = True
            case "stop" | "gone":
                self._writer.publish(events.RunReleased())
                self.log.close(is_handed_over=True)

    async def _end_run(self, outcome: Outcome) -> None:
        moderation = None if self._moderator is None else await self._end_moderation(self._moderator, outcome)
        progress, now = self._writer.progress, self._writer.now()
        if self._model_turn is not None:
            self._model_turn.end_span("failed")
            await self._charges.record(self._model_turn)
        if self._writer.tokens is not None:
            self._writer.tokens.release()
        usage = self._model_turn.usage() if self._model_turn is not None else progress.pending
        progress.pending = None
        progress.used += usage or NO_USAGE
        if outcome.retry_after is not None:
            progress.retry_at = self._writer.time() + outcome.retry_after
        ended = events.RunEnded(
            outcome.status,
            now,
            progress.used,
            usage,
            outcome.error,
            outcome.incomplete,
            outcome.cut,
            outcome.code,
            moderation,
        )
        await self._writer.commit(ended)
        self._failure_code = "" if outcome.error is None else outcome.error.code
        if outcome.status in {"failed", "expired"} and outcome.error != UNEXPECTED.error:
            reports.log_failure(self._writer, outcome)

    async def _end_moderation(self, moderator: ResponseModerator, outcome: Outcome) -> ResponseModeration | None:
        if outcome.status in _ANSWERED:
            return await moderator.finish()
        moderator.record()
        return None

    def _require_model_turn(self) -> ModelTurn:
        assert self._model_turn is not None
        return self._model_turn
