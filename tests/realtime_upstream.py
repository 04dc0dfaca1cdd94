"""The realtime endpoint of the scripted provider: one `Session` for each connection, and what it does with events.

upstream.realtime.behave(conversation)       # an async function of the session; this one is the default
session = upstream.realtime.wait_for(1)      # blocks until the connection; it is the first
session.wait_for("session.update")           # an event that it has received
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import WSMsgType, web

WAIT = 10.0
USAGE = {
    "total_tokens": 180,
    "input_tokens": 130,
    "output_tokens": 50,
    "input_token_details": {
        "cached_tokens": 30,
        "text_tokens": 60,
        "audio_tokens": 70,
        "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 10},
    },
    "output_token_details": {"text_tokens": 10, "audio_tokens": 40},
}


class Left(Exception):
    """The server has closed the connection."""


class Session:
    """One connection. `closed` is the server's close code once it has closed."""

    def __init__(self, http: web.Request, socket: web.WebSocketResponse, loop: asyncio.AbstractEventLoop) -> None:
        self.query: Mapping[str, str] = dict(http.query)
        self.path = http.path
        self.headers = http.headers.copy()
        self.received: list[Any] = []
        self.raw: list[str] = []
        self.closed: int | None = None
        self.socket = socket
        self.state: dict[str, Any] = {"model": http.query.get("model", ""), "type": "realtime", "id": "sess_up"}
        self._loop = loop
        self._changed = threading.Condition()
        self._numbers = 0

    async def send(self, kind: str, **members: Any) -> None:
        self._numbers += 1
        await self.socket.send_str(json.dumps({"type": kind, "event_id": f"event_{self._numbers}", **members}))

    async def receive(self) -> Any:
        """The next event. Raises Left."""
        message = await self.socket.receive()
        if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
            self.leave()
            raise Left
        event = json.loads(message.data)
        with self._changed:
            self.raw.append(message.data)
            self.received.append(event)
            self._changed.notify_all()
        return event

    def leave(self) -> None:
        with self._changed:
            self.closed = self.socket.close_code or 1006
            self._changed.notify_all()

    def wait_for(self, kind: str) -> Any:
        """Blocks until an event of this type has arrived; returns it."""

        def find() -> Any:
            return next((one for one in self.received if one["type"] == kind), None)

        with self._changed:
            assert self._changed.wait_for(find, WAIT), f"no {kind}: {self.received}"
            return find()

    def wait_closed(self) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: self.closed is not None, WAIT), "the connection stayed open"
            assert self.closed is not None
            return self.closed

    def perform(self, work: Awaitable[Any]) -> Any:
        """Runs a coroutine of the session from the test."""

        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(WAIT)


Behaviour = Callable[[Session], Awaitable[None]]


class Realtime:
    """The endpoint: its sessions, oldest first."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.handshakes = 0
        self.refusal: tuple[int, Any] | None = None
        """Status and body of a handshake that is refused."""
        self.location: str | None = None
        """Where a handshake is redirected to."""
        self._behaviour: Behaviour = conversation
        self._arrived = threading.Condition()

    def reset(self) -> None:
        self.sessions, self.handshakes, self._behaviour = [], 0, conversation
        self.refusal = self.location = None

    def behave(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def wait_for(self, count: int) -> Session:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.sessions) >= count, WAIT), "no session was opened"
            return self.sessions[count - 1]

    async def serve(self, http: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if self.location is not None:
            return web.Response(status=307, headers={"location": self.location})
        if self.refusal is not None:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        socket = web.WebSocketResponse(max_msg_size=2**28)
        await socket.prepare(http)
        session = Session(http, socket, asyncio.get_running_loop())
        with self._arrived:
            self.sessions.append(session)
            self._arrived.notify_all()
        try:
            await self._behaviour(session)
        except (Left, ConnectionError):
            pass
        finally:
            session.leave()
        return socket


async def conversation(session: Session) -> None:
    """Configures the session, and says as text what was said last."""
    kind = "transcription_session" if _is_beta_transcription(session) else "session"
    await session.send(f"{kind}.created", session=session.state)
    said = ""
    while True:
        event = await session.receive()
        match event["type"]:
            case "session.update" | "transcription_session.update":
                session.state |= event["session"]
                await session.send(f"{kind}.updated", session=session.state)
            case "conversation.item.create":
                said = event["item"]["content"][0].get("text", "")
                await session.send("conversation.item.added", item=event["item"], previous_item_id=None)
            case "input_audio_buffer.commit":
                await session.send(
                    "conversation.item.input_audio_transcription.completed",
                    item_id="item_1",
                    content_index=0,
                    transcript="Hello",
                    usage={"type": "duration", "seconds": 2.4},
                )
            case "response.create":
                await respond(session, f"You said: {said}")


def _is_beta_transcription(session: Session) -> bool:
    return session.query.get("intent") == "transcription" and "openai-beta" in session.headers


async def begin(session: Session, response_id: str = "resp_1") -> None:
    response = {"id": response_id, "object": "realtime.response", "status": "in_progress", "output": []}
    await session.send("response.created", response=response)


async def end(session: Session, response_id: str = "resp_1", **members: Any) -> None:
    response = {"id": response_id, "object": "realtime.response", "status": "completed", "output": [], "usage": USAGE}
    await session.send("response.done", response=response | members)


async def respond(session: Session, text: str) -> None:
    await begin(session)
    place = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    for word in text.split(" "):
        await session.send("response.output_text.delta", delta=f"{word} ", **place)
    await session.send("response.output_text.done", text=text, **place)
    await end(session)
