"""A webhook endpoint on a real socket: it records requests, and replies with scripted statuses.

with Receiver() as receiver:
    receiver.answer(500, 200)         # the statuses of the next replies; 200 after them
    delivery = receiver.next()        # blocks until a request has arrived
"""

import json
import queue
import threading
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WAIT = 15.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    def __init__(self) -> None:
        self._received: queue.Queue[Received] = queue.Queue()
        self._statuses: deque[int] = deque()
        self.unblocked = threading.Event()
        self.unblocked.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unblocked.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, *statuses: int) -> None:
        self._statuses.extend(statuses)

    def next(self, within: float = WAIT) -> Received:
        return self._received.get(timeout=within)

    def none_left(self) -> bool:
        return self._received.empty()

    def take(self, received: Received) -> int:
        self._received.put(received)
        assert self.unblocked.wait(WAIT)
        return self._statuses.popleft() if self._statuses else 200


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = receiver.take(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:  # where a redirect would lead
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
