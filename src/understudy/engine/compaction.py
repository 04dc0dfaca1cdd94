"""The context of a response made shorter before its model is asked. Ends no run and knows no HTTP.

The model itself writes the summary. It is an item of the response and of its conversation, stored with what it cost
before anything follows, so that a run that is taken up again does not make it anew.
"""

from contextlib import aclosing

import msgspec

from understudy import ids
from understudy.engine import events, summaries
from understudy.engine.accounting import Accounting
from understudy.engine.interruption import Interruption
from understudy.engine.prompt import cost_of
from understudy.engine.stage import Stage
from understudy.engine.turn import Turn
from understudy.errors import UpstreamError
from understudy.llm import chunks
from understudy.llm.prices import Tokens
from understudy.llm.provider import ChatBody
from understudy.llm.router import Models
from understudy.store.run_state import Call, Plan
from understudy.wire.runs import RunCompletionUsage


class Compaction:
    """`plan` has the threshold, and records that the context was compacted."""

    def __init__(
        self, stage: Stage, interruption: Interruption, models: Models, accounting: Accounting, plan: Plan
    ) -> None:
        self._stage = stage
        self._interruption = interruption
        self._models = models
        self._accounting = accounting
        self._plan = plan

    def is_due(self, body: ChatBody, window: int) -> bool:
        """Without a threshold of the client's, four fifths of the model's window are one."""
        threshold = self._plan.compact_above or window * 4 // 5
        return self._plan.compacts and summaries.is_longer(body, threshold)

    async def compact(self, body: ChatBody) -> None:
        """Summarises the conversation in `body`.

        Raises Interrupted, LostRun, and UpstreamError where the model fails or returns no text.
        """
        request = summaries.summary_request(body)
        self._accounting.expect(request["model"])
        text, turn = await self._request_summary(request)
        if not text.strip():
            raise UpstreamError("server_error", "The model returned no summary of the conversation.")
        usage = turn.usage() or _estimate(request, turn)
        await self._charge(usage)
        packed = summaries.pack(summaries.Summary(text, summaries.last_question(body)))
        item = {"id": ids.compaction(), "type": "compaction", "encrypted_content": packed}
        self._plan.compacted = True
        event = events.ContextCompacted(item["id"], packed)
        call = Call(item["id"], "compaction", msgspec.json.encode(item).decode())
        await self._stage.commit(event, calls=[call], checkpoint=True)

    async def _request_summary(self, request: ChatBody) -> tuple[str, Turn]:
        turn, pieces = Turn(), list[str]()
        async with aclosing(self._models.stream(request)) as stream:
            with self._interruption.waiting():
                async for together in stream:
                    pieces += [turn.take(chunks.decode(payload)).text for payload in together]
        self._interruption.check()
        return "".join(pieces), turn

    async def _charge(self, usage: RunCompletionUsage) -> None:
        stage, run = self._stage, self._stage.view.run
        tokens = Tokens(usage.prompt_tokens, usage.completion_tokens, usage.prompt_token_details.cached_tokens)
        reference, key_id = f"{run.id}/compaction", stage.progress.key_id
        stage.spend(await self._accounting.usage(reference, "completion", run.model, tokens, key_id=key_id))
        stage.progress.used += usage
        # What a summary takes is no part of what the answer may take.
        self._plan.summary_tokens += usage.completion_tokens


def _estimate(request: ChatBody, turn: Turn) -> RunCompletionUsage:
    prompt = cost_of(request)
    return RunCompletionUsage(prompt, turn.deltas, prompt + turn.deltas)
