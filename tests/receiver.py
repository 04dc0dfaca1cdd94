"""An endpoint of webhooks over a real socket: it keeps what it was sent, and answers as it is told to.

with Receiver() as receiver:
    receiver.answer(500, 200)         # the next requests; after them, and without any, 200
    delivery = receiver.next()        # blocks until one has come
"""

import json
import queue
import threading
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT = 15.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def json(self):
        return json.loads(self.body)


class Receiver:
    def __init__(self):
        self._received = queue.Queue()
        self._answers = deque()
        self.held = threading.Event()
        self.held.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, *statuses):
        self._answers.extend(statuses)

    def next(self, within=WAIT):
        return self._received.get(timeout=within)

    def none_left(self):
        return self._received.empty()

    def take(self, received):
        self._received.put(received)
        assert self.held.wait(WAIT)
        return self._answers.popleft() if self._answers else 200


def _handler(receiver):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = receiver.take(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self):  # where a redirect would lead
            self.do_POST()

        def log_message(self, *_):
            pass

    return Handler
