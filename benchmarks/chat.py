"""Chat calls, the same for the server, for the bare pass-through and for the upstream itself."""

import re
from collections.abc import Callable
from typing import Any

from benchmarks import http, load
from benchmarks.http import Request
from benchmarks.load import Failed, Script
from benchmarks.upstream import FIRST_TEXT, MODEL

_BODY: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is the tallest mountain, and how high is it?"},
    ],
}
_PATH = "/v1/chat/completions"
TEXT = re.compile(rb'"content": ?"word')
"""What every chunk of text holds once, and nothing else."""


def whole() -> Callable[[], Script]:
    return load.once(http.post(_PATH, _BODY), b'"finish_reason"')


def streamed() -> Callable[[], Script]:
    return load.once(stream(), b"data: [DONE]\n\n")


def relayed(count: Callable[[int], None]) -> Callable[[], Script]:
    """A stream, whose chunks of text are counted at its end."""
    request = stream()

    def script() -> Script:
        answer = load.expect((yield request), holds=b"data: [DONE]\n\n")
        count(len(TEXT.findall(http.unchunked(answer.body))))
        return answer.seconds

    return script


def first_delta() -> Callable[[], Script]:
    """Timed until the first text; the stream is read to its end."""
    request = stream()

    def script() -> Script:
        answer = load.expect((yield request), holds=b"data: [DONE]\n\n")
        if answer.marked is None:
            raise Failed("no text came")
        return answer.marked - answer.sent

    return script


def stream() -> Request:
    return http.post(_PATH, {**_BODY, "stream": True}, mark=FIRST_TEXT)
