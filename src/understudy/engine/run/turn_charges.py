"""What the model turns of a run cost: debited with the next checkpoint, or alone where the run is deleted."""

from understudy.engine.accounting import Accounting, Work
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.model_turn import NO_USAGE, ModelTurn
from understudy.engine.run.prompt import Prompt
from understudy.engine.run.run_tokens import measure_prompt
from understudy.llm.prices import Tokens
from understudy.store.charges import Usage


class TurnCharges:
    def __init__(self, writer: RunWriter, accounting: Accounting) -> None:
        self._writer = writer
        self._accounting = accounting

    async def begin(self, prompt: Prompt) -> None:
        """Holds what the next turn may cost, for a run with limited funds that this process has admitted."""
        spec = self._writer.spec
        if (hold := self._accounting.holds.bound.get(spec.id)) is None:
            return
        measure = await measure_prompt(prompt, spec.max_completion_tokens)
        work = Work(spec.model, measure=measure, batch=self._writer.progress.in_batch)
        await self._accounting.update_hold(hold, work)

    async def record(self, turn: ModelTurn) -> None:
        """Adds the usage of the turn to the next checkpoint, once."""
        if turn.charged:
            return
        usage = await self._usage(turn)
        turn.charged = True
        turn.span.credits = usage.credits if usage.priced else None
        self._writer.add_usage(usage)
        if (hold := self._accounting.holds.bound.get(self._writer.spec.id)) is not None:
            self._accounting.settle_hold(hold, usage)

    def mark_recorded(self) -> None:
        """Ends the hold of a turn that a checkpoint has charged, before its tools are executed."""
        hold = self._accounting.holds.bound.get(self._writer.spec.id)
        if hold is not None and not self._writer.unrecorded_usage():
            hold.mark_recorded()

    async def record_deleted(self, turn: ModelTurn | None) -> None:
        """A client that deletes a thread during its run pays for the output of the model up to then."""
        unrecorded = self._writer.unrecorded_usage()
        if turn is not None and not turn.charged and turn.usage() != NO_USAGE:
            unrecorded.append(await self._usage(turn))
        for usage in unrecorded:
            await self._accounting.record(self._writer.project_id, usage)

    async def _usage(self, turn: ModelTurn) -> Usage:
        used = turn.usage()
        cached = min(used.prompt_token_details.cached_tokens, used.prompt_tokens)
        tokens = Tokens(used.prompt_tokens, used.completion_tokens, cached)
        progress, spec = self._writer.progress, self._writer.spec
        reference = f"{spec.id}/{turn.number}"
        return await self._accounting.usage(
            reference, "completion", spec.model, tokens, key_id=progress.key_id, batch=progress.in_batch
        )
