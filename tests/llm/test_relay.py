"""Responses of providers that are relayed: read whole, or in chunks as they arrive."""

import asyncio
import math

from understudy.llm.relay import JsonBody
from upstream import HANG, raw, reply, text

BODY = JsonBody({"model": "gpt-4o", "prompt": "A cat", "stream": True})
UNENDED = text(raw(b": one\n\n"), HANG, finish=None, done=False).but(opens=False)


async def test_a_response_whose_chunks_nobody_reads_is_closed(openai, upstream):
    upstream.answer(UNENDED)
    relayed = await openai().relay("images/generations", "gpt-4o", BODY, math.inf)
    assert (relayed.whole, relayed.is_event_stream) == (None, True)
    relayed.close()
    assert await asyncio.to_thread(upstream.requests[0].gone.wait, 10)


async def test_a_response_of_json_is_read_whole(openai, upstream):
    upstream.answer(reply({"created": 1}))
    relayed = await openai().relay("images/generations", "gpt-4o", BODY, math.inf)
    assert relayed.whole == b'{"created": 1}'
    assert [chunk async for chunk in relayed.chunks] == []
    relayed.close()
