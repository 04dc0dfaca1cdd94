"""Luma's own service as the official package meets it, over a real socket: jobs that take their time, and its faults.

with LumaService() as luma:
    luma.next(429, headers={"retry-after": "1"})      # the next order is answered so
    luma.accept_and_drop()                            # or taken, and the connection cut before the answer
    ...                                               # a job is queued, dreaming, completed: one step each look
"""

import json
import threading
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "luma-0123456789abcdef"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400
PICTURE = b"\xff\xd8\xff\xe0" + b"picture" * 50


class LumaService:
    def __init__(self):
        self.forget()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.service = self
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.root}/dream-machine/v1"

    def forget(self):
        self.orders = []
        self.looks = []
        self.jobs = {}
        self.reason = None
        self.stuck = False
        self.refusals = deque()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()

    def next(self, status, headers=None, *, on="POST"):
        self.refusals.append((on, status, headers or {}))

    def accept_and_drop(self):
        self.next("drop")

    def take(self, order):
        job = {
            "id": str(uuid.uuid4()),
            "generation_type": "video",
            "state": "queued",
            "failure_reason": None,
            "created_at": datetime.now(UTC).isoformat(),
            "assets": None,
            "model": order["model"],
            "request": {"generation_type": "video", **order},
        }
        self.jobs[job["id"]] = job
        return job

    def step(self, job):
        """What a look at a job sees: it goes on from one look to the next."""
        if self.stuck:
            return job
        after = {"queued": "dreaming", "dreaming": "failed" if self.reason else "completed"}
        job["state"] = after.get(job["state"], job["state"])
        if job["state"] == "failed":
            job["failure_reason"] = self.reason
        if job["state"] == "completed":
            job["assets"] = {"video": f"{self.root}/cdn/video.mp4", "image": f"{self.root}/cdn/picture.jpg"}
        return job


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != f"Bearer {KEY}":
            return self._say(401, {"detail": "Not authenticated"})
        if (refusal := self._refusal("POST")) is not None:
            status, headers = refusal
            if status == "drop":
                self.server.service.orders.append(order)
                self.server.service.take(order)
                self.close_connection = True
                return None
            if status == "hang":
                time.sleep(5)
                self.close_connection = True
                return None
            return self._say(status, {"detail": "not now"}, headers)
        self.server.service.orders.append(order)
        return self._say(201, self.server.service.take(order))

    def do_GET(self):
        path = self.path.partition("?")[0]
        service = self.server.service
        if path == "/cdn/video.mp4":
            return self._bytes(200, VIDEO, "video/mp4")
        if path == "/cdn/picture.jpg":
            return self._bytes(200, PICTURE, "image/jpeg")
        if path == "/dream-machine/v1/generations":
            listed = list(service.jobs.values())[::-1]
            return self._say(200, {"generations": listed, "count": len(listed), "has_more": False})
        if (refusal := self._refusal("GET")) is not None:
            return self._say(refusal[0], {"detail": "not now"}, refusal[1])
        job = self.server.service.jobs.get(path.rpartition("/")[2])
        self.server.service.looks.append(path)
        return self._say(404, {"detail": "Not found"}) if job is None else self._say(200, self.server.service.step(job))

    def _refusal(self, method):
        if self.server.service.refusals and self.server.service.refusals[0][0] == method:
            return self.server.service.refusals.popleft()[1:]
        return None

    def _say(self, status, body, headers=None):
        self._bytes(status, json.dumps(body).encode(), "application/json", headers)

    def _bytes(self, status, body, kind, headers=None):
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
