"""The rehearsal model as a provider: builds a reply in a thread, and paces its stream. Knows no network."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from understudy.clock import Clock
from understudy.llm.provider import ChatBody, ModelCard
from understudy.llm.rehearsal import embedding
from understudy.llm.rehearsal.completion import CompletionWriter, tokenize_reply
from understudy.llm.rehearsal.replies import generate_reply
from understudy.llm.rehearsal.request import count_prompt_tokens, parse_request
from understudy.settings import RehearsalSettings

_THREADS: Final = 2
_CHUNKS_PER_BATCH: Final = 1000
_CARD = ModelCard(id="rehearsal", created=1_767_225_600, owned_by="understudy")


class Rehearsal:
    """Generates the same reply for the same body; only ids and `created` differ.

    `stream` sends `tokens_per_second`, everything at once where that is 0; `complete` does not pace.
    Raises UpstreamError(invalid_request) if the body is not a chat completion request.
    """

    name = "rehearsal"

    def __init__(self, settings: RehearsalSettings, clock: Clock) -> None:
        self._rate = settings.tokens_per_second
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "rehearsal")

    async def complete(self, body: ChatBody) -> bytes:
        work = lambda: self._build_writer(body).encode_completion()  # noqa: E731 - one call in the thread
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def stream(
        self,
        body: ChatBody,
        deadline: float = math.inf,  # noqa: ARG002 - its streams are short
    ) -> AsyncIterator[Sequence[bytes]]:
        loop = asyncio.get_running_loop()
        # In a thread: a client's schemas and texts may cost a second.
        chunks = (await loop.run_in_executor(self._threads, self._build_writer, body)).encode_chunks()
        if not self._rate:
            while batch := [chunk for chunk, _ in islice(chunks, _CHUNKS_PER_BATCH)]:
                yield batch
                # A long reply must not starve other tasks.
                await asyncio.sleep(0)
            return
        start, sent = loop.time(), 0
        for chunk, size in chunks:
            if size:
                # Each token is due at its own time from the start, so that a late one does not delay the rest.
                if (wait := start + sent / self._rate - loop.time()) > 0:
                    await asyncio.sleep(wait)
                sent += size
            yield (chunk,)

    async def embed(self, body: ChatBody) -> bytes:
        return await embedding.embed(body)

    async def models(self) -> Sequence[ModelCard]:
        return (_CARD,)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _build_writer(self, body: ChatBody) -> CompletionWriter:
        request = parse_request(body)
        reply = tokenize_reply(*generate_reply(request), request)
        return CompletionWriter(request, reply, count_prompt_tokens(request), int(self._clock.now()))
