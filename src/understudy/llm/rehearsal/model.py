"""The rehearsal model as a provider: composes an answer, and paces its stream. Knows no network and keeps no state."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

from understudy.clock import Clock
from understudy.llm.provider import ChatBody, ModelCard
from understudy.llm.rehearsal import answer, completion, conversation, embedding
from understudy.llm.rehearsal.completion import CompletionWriter
from understudy.settings import RehearsalSettings

T = TypeVar("T")

_THREADS: Final = 2
# Chunks of a stream that are written without a pause: a few milliseconds.
_CHUNKS_PER_BATCH: Final = 1000
_CARD = ModelCard(id="rehearsal", created=1_767_225_600, owned_by="understudy")


class Rehearsal:
    """Answers the same body with the same words; only ids and `created` differ. Streams `tokens_per_second`, 0 at once.

    `complete` never waits. Raises UpstreamError(invalid_request) where the body is not a chat completion's.
    """

    name = "rehearsal"

    def __init__(self, settings: RehearsalSettings, clock: Clock) -> None:
        self._rate = settings.tokens_per_second
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "rehearsal")

    async def complete(self, body: ChatBody) -> bytes:
        return await self._run_in_thread(lambda: self._build_writer(body).encode_completion())

    async def stream(
        self,
        body: ChatBody,
        deadline: float = math.inf,  # noqa: ARG002 - its answers end by themselves
    ) -> AsyncIterator[Sequence[bytes]]:
        written = (await self._run_in_thread(lambda: self._build_writer(body))).chunks()
        if not self._rate:
            while together := [chunk for chunk, _ in islice(written, _CHUNKS_PER_BATCH)]:
                yield together
                # A long answer lets others have their turn.
                await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        start, said = loop.time(), 0
        for chunk, tokens in written:
            if tokens:
                # Each token is due at its own time from the start, so that late ones do not delay the rest.
                if (wait := start + said / self._rate - loop.time()) > 0:
                    await asyncio.sleep(wait)
                said += tokens
            yield (chunk,)

    async def embed(self, body: ChatBody) -> bytes:
        return await embedding.embed(body)

    async def models(self) -> Sequence[ModelCard]:
        return (_CARD,)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run_in_thread(self, work: Callable[[], T]) -> T:
        """The work, in a thread: what a client's schemas and texts ask for may take a second."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _build_writer(self, body: ChatBody) -> CompletionWriter:
        request = conversation.read(body)
        utterance = completion.tokenize_answer(answer.compose(request), request)
        return CompletionWriter(request, utterance, conversation.prompt_tokens(request), int(self._clock.now()))
