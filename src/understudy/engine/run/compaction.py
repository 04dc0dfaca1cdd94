"""Compacts the context of a response before the model is called. Ends no run and knows no HTTP.

The model writes the summary. It is an item of the response and of its conversation, stored with its cost
before anything follows, so that a resumed run does not repeat it.
"""

from collections.abc import Sequence
from contextlib import aclosing

import msgspec

from understudy import ids
from understudy.engine.accounting import Accounting
from understudy.engine.run import events, summaries
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.prompt import Prompt
from understudy.engine.run.spec import CompactionRule
from understudy.engine.run.truncation import count_prompt_tokens
from understudy.engine.run.turn import Turn
from understudy.errors import UpstreamError
from understudy.llm import chunks
from understudy.llm.messages import Message
from understudy.llm.prices import Tokens
from understudy.llm.provider import ChatBody
from understudy.llm.router import Models
from understudy.store.run_state import NewItem
from understudy.wire.run_outcome import RunCompletionUsage


class ContextCompaction:
    def __init__(
        self,
        writer: RunWriter,
        interruption: Interruption,
        models: Models,
        accounting: Accounting,
        rule: CompactionRule,
    ) -> None:
        self._writer = writer
        self._interruption = interruption
        self._models = models
        self._accounting = accounting
        self._rule = rule

    def is_due(self, prompt: Prompt, window: int) -> bool:
        """Whether the prompt exceeds the client's threshold, by default four fifths of the model's window."""
        threshold = self._rule.threshold or window * 4 // 5
        return self._rule.automatic and summaries.is_longer(prompt.messages, threshold)

    async def compact(self, prompt: Prompt) -> None:
        """Summarises the conversation in `prompt`.

        Raises Interrupted, RunLost, and UpstreamError if the model fails or returns no text.
        """
        messages = summaries.summary_messages(prompt.messages)
        request = summaries.summary_request(prompt.body, messages)
        self._accounting.prefetch_price(request["model"])
        text, turn = await self._request_summary(request)
        if not text.strip():
            raise UpstreamError("server_error", "The model returned no summary of the conversation.")
        usage = turn.usage() or _estimate_usage(messages, request, turn)
        await self._record_usage(usage)
        packed = summaries.pack(summaries.Summary(text, summaries.last_question(prompt.messages)))
        item = {"id": ids.compaction(), "type": "compaction", "encrypted_content": packed}
        self._writer.counters.compacted = True
        event = events.ContextCompacted(item["id"], packed)
        call = NewItem(item["id"], "compaction", msgspec.json.encode(item).decode())
        await self._writer.commit(event, calls=[call], checkpoint=True)

    async def _request_summary(self, request: ChatBody) -> tuple[str, Turn]:
        turn, pieces = Turn(), list[str]()
        async with aclosing(self._models.stream(request)) as stream:
            with self._interruption.waiting():
                async for together in stream:
                    pieces += [turn.add_chunk(chunks.decode(payload)).text for payload in together]
        self._interruption.check()
        return "".join(pieces), turn

    async def _record_usage(self, usage: RunCompletionUsage) -> None:
        writer, run = self._writer, self._writer.spec
        tokens = Tokens(usage.prompt_tokens, usage.completion_tokens, usage.prompt_token_details.cached_tokens)
        reference, progress = f"{run.id}/compaction", writer.progress
        used = await self._accounting.usage(
            reference, "completion", run.model, tokens, key_id=progress.key_id, batch=progress.in_batch
        )
        writer.add_usage(used)
        writer.progress.used += usage
        # The tokens of a summary do not count towards the answer's limit.
        writer.counters.summary_tokens += usage.completion_tokens


def _estimate_usage(messages: Sequence[Message], request: ChatBody, turn: Turn) -> RunCompletionUsage:
    prompt = count_prompt_tokens(messages, request.get("tools"))
    return RunCompletionUsage(prompt, turn.deltas, prompt + turn.deltas)
