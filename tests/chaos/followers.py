"""Clients that follow a run or a response to its end, over as many connections to any node as that needs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import aiohttp

from chaos.http import Client, Uncertain
from chaos.journal import FollowedLog, Frame, Journal, StartedResponse, StartedRun

_PATIENCE_SECONDS: Final = 150.0
_LOST: Final = "was lost with the server that sent it"
"""In the refusal to resume a stream; it begins again then."""
_RUN_ENDS: Final = {f"thread.run.{end}" for end in ("completed", "failed", "cancelled", "expired", "incomplete")}
_RESPONSE_ENDS: Final = {f"response.{end}" for end in ("completed", "failed", "cancelled", "incomplete")}


async def follow_run(client: Client, journal: Journal, run: StartedRun) -> None:
    """Follows all events, also those after the run has waited for its client."""
    path = f"/v1/threads/{run.thread_id}/runs/{run.id}/events"
    with journal.following(FollowedLog("run", run.id)) as log:
        await _follow(client, log, path, _RUN_ENDS, lambda: run.waits_for_client)


async def follow_response(client: Client, journal: Journal, response: StartedResponse) -> None:
    with journal.following(FollowedLog("response", response.id)) as log:
        await _follow(client, log, f"/v1/responses/{response.id}?stream=true", _RESPONSE_ENDS, lambda: False)


async def _follow(
    client: Client, log: FollowedLog, path: str, ends: set[str], is_abandoned: Callable[[], bool]
) -> None:
    """`is_abandoned`: its client will never let the run continue."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (log.has_ended or is_abandoned()) and time.monotonic() < deadline:
        after = max((frame.number for frame in log.frames if frame.number is not None), default=None)
        resumed = "" if after is None else f"{'&' if '?' in path else '?'}starting_after={after}"
        try:
            # Comments keep a stream open that gets no events.
            async with asyncio.timeout(deadline - time.monotonic()):
                url = client.pick()
                log.connections.append((-1 if after is None else after, url))
                async with client.stream("GET", path + resumed, url=url) as response:
                    await _receive(log, response, ends)
        except TimeoutError:
            pass
        except Uncertain as error:
            if _LOST in str(error):
                log.errors.append(_LOST)
                log.frames.clear()
        if not log.has_ended:
            await asyncio.sleep(client.random.uniform(0, 1))


async def _receive(log: FollowedLog, response: aiohttp.ClientResponse, ends: set[str]) -> None:
    """Frames count once the last one of their event has arrived, whose id is the number to resume with."""
    pending: list[Frame] = []
    async for frame in read_frames(response):
        if frame.name == "error":
            log.errors.append(str(frame.data)[:200])
            return
        if frame.name == "done":
            return
        pending.append(frame)
        number = frame.number
        if number is None and log.kind == "response":
            number = frame.data["sequence_number"]
        if number is not None:
            pending[-1] = Frame(number, frame.name, frame.data)
            log.frames += pending
            log.has_ended = any(one.name in ends for one in pending)
            pending.clear()


async def read_frames(response: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    """The events of a stream; what has no end was cut."""
    name, data, number = "", "", None
    async for raw in response.content:
        line = raw.decode().removesuffix("\n")
        field, _, value = line.partition(": ")
        match field:
            case "event":
                name = value
            case "data":
                data = value
            case "id":
                number = int(value)
            case "" if name and not line:
                yield Frame(number, name, _parse(data))
                name, data, number = "", "", None


def _parse(data: str) -> Any:
    return data if data == "[DONE]" else json.loads(data)
