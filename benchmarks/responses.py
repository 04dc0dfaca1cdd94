"""The requests of the Responses API that benchmarks make."""

from collections.abc import Callable

from benchmarks import http, load
from benchmarks.load import Script
from benchmarks.upstream import MODEL

_BODY = {"model": MODEL, "input": "What is the tallest mountain, and how high is it?", "instructions": "One sentence."}
_PATH = "/v1/responses"


def streamed() -> Callable[[], Script]:
    return load.once(http.post(_PATH, {**_BODY, "stream": True}), b"event: response.completed\n")


def whole() -> Callable[[], Script]:
    return load.once(http.post(_PATH, _BODY), b'"status":"completed"')


def unstored() -> Callable[[], Script]:
    return load.once(http.post(_PATH, {**_BODY, "store": False}), b'"status":"completed"')
