"""The scripted model of a chaos run: every answer is unique, so a stored text proves which turn it came from.

A user message begins with `KIND:TAG`. The model streams words slowly, so that faults hit answers in the middle.
"""

import itertools
import json
import random
import threading
from collections import defaultdict
from typing import Any, Final

from upstream import Answer, Request, call, calls, pause, text

WORDS: Final = ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "haven", "islet", "juniper")
FUNCTION: Final = "look_up"
OUTPUT_START: Final = "output-"


class Model:
    """`seconds` is how long a streamed answer lasts on average. Called from the thread of the upstream."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.turns = 0
        self._random = random.Random(seed)
        self._seconds = seconds
        self._numbers = itertools.count(1)
        self._issued: dict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()

    def issued(self, tag: str) -> set[str]:
        """The whole answers to messages with that tag."""
        with self._lock:
            return set(self._issued[tag])

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.turns += 1
            return self._answer(request.body or {})

    def _answer(self, body: dict[str, Any]) -> Answer:
        messages = body.get("messages", [])
        kind, tag = find_tag(messages)
        outputs = _outputs_of_last_turn(messages)
        if kind == "function" and len(outputs) < 2:
            return calls(call(FUNCTION, call_id=f"call_{next(self._numbers)}", key=tag, round=len(outputs)))
        if kind == "code" and not outputs:
            code = f"import time\ntime.sleep(0.5)\nprint('printed-{tag}')"
            return calls(call("code_interpreter", call_id=f"call_{next(self._numbers)}", code=code))
        return self._text(tag, outputs, streams=bool(body.get("stream")))

    def _text(self, tag: str, outputs: list[str], *, streams: bool) -> Answer:
        quoted = "".join(f" [{output.strip()[:120]}]" for output in outputs)
        pieces = [f"answer {next(self._numbers)} to {tag}{quoted}:"]
        pieces += [f" {self._random.choice(WORDS)}" for _ in range(self._random.randint(4, 24))]
        self._issued[tag].add("".join(pieces))
        if not streams:
            return text(*pieces)
        step = self._seconds / 14
        paused: list[Any] = []
        for piece in pieces:
            paused += [piece, pause(self._random.uniform(0, 2 * step))]
        return text(*paused)


def find_tag(messages: list[dict[str, Any]]) -> tuple[str, str]:
    """The kind and the tag of the last user message; two empty strings where it has none."""
    for message in reversed(messages):
        if message["role"] == "user":
            content = message["content"]
            said = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
            kind, found, rest = said.partition(":")
            return (kind, rest.split()[0]) if found else ("", "")
    return "", ""


def _outputs_of_last_turn(messages: list[dict[str, Any]]) -> list[str]:
    """What tools returned since the last user message."""
    outputs = []
    for message in reversed(messages):
        if message["role"] == "user":
            break
        if message["role"] == "tool":
            content = message["content"]
            outputs.append(content if isinstance(content, str) else json.dumps(content))
    return outputs[::-1]
