"""Clients of the realtime endpoint over bare WebSocket."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from serving import KEY, Server


class RealtimeClient:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, kind: str, **members: Any) -> None:
        self.connection.send(json.dumps({"type": kind, **members}))

    def receive(self) -> Any:
        return json.loads(self.connection.recv(timeout=20))

    def until(self, kind: str) -> list[Any]:
        """The events up to one of this type."""
        events = [self.receive()]
        while events[-1]["type"] != kind:
            events.append(self.receive())
        return events

    def say(self, text: str) -> list[Any]:
        """The events of one turn."""
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")
        return self.until("response.done")

    def end(self) -> tuple[list[Any], int, str]:
        """The events until the server closes, the close code and the reason."""
        events = []
        try:
            while True:
                events.append(self.receive())
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return events, 1006 if frame is None else frame.code, "" if frame is None else frame.reason


def socket_url(server: Server, path: str) -> str:
    # The proxy in front of two nodes knows no WebSocket.
    root: str = getattr(server, "second", server).url.removesuffix("/v1").replace("http", "ws", 1)
    return root + path


@contextlib.contextmanager
def open_realtime(
    server: Server, query: str = "model=gpt-4o", key: str | None = KEY, path: str = "/v1/realtime", **options: Any
) -> Iterator[RealtimeClient]:
    headers = ({"authorization": f"Bearer {key}"} if key else {}) | options.pop("headers", {})
    url = socket_url(server, f"{path}?{query}")
    with connect(url, additional_headers=headers, open_timeout=20, max_size=None, **options) as connection:
        yield RealtimeClient(connection)


def refusal(server: Server, query: str = "model=gpt-4o", key: str | None = KEY, **options: Any) -> tuple[int, Any]:
    """The status of a handshake that is refused, and the error in its body."""
    try:
        with open_realtime(server, query, key, **options):
            raise AssertionError("the handshake was not refused")
    except InvalidStatus as refused:
        return refused.response.status_code, json.loads(refused.response.body or b"{}").get("error")
