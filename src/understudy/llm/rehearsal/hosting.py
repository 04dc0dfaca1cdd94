"""Decides which of the server's own tools a message needs, and what its call says: queries, or a program.

A program is tried, and once more with less where it fails; what ran already in this round is not run again.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from understudy.llm.rehearsal import hosted, programs, questions, results
from understudy.llm.rehearsal.conversation import Call, Conversation, Function
from understudy.llm.rehearsal.script import Script

_NAMED, _PROGRAM, _FILES, _FALLBACK_SCORE = 10.0, 3.5, 3.0, 0.1
_THRESHOLD = 2.0

_write_program = lru_cache(maxsize=64)(programs.write)


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a tool of the server; `text` is the part of the message that asks for it."""

    function: Function
    text: str
    script: Script | None = None


class Tools:
    """The server's tools among `functions`."""

    def __init__(self, functions: Sequence[Function], conversation: Conversation) -> None:
        self._conversation = conversation
        self._functions = [f for f in functions if hosted.searches(f) or hosted.runs_code(f)]
        self._searchable = any(map(hosted.searches, functions))

    def task(self, text: str) -> Task | None:
        """The task of the text, where it needs one of the tools."""
        best = max(self._functions, key=lambda function: self.score(function, text), default=None)
        return self.given(best, text) if best and self.score(best, text) >= _THRESHOLD else None

    def find_search_task(self, text: str) -> Task | None:
        """A search, where the text says that the answer is in the files."""
        search = next(filter(hosted.searches, self._functions), None)
        return Task(search, text) if search and questions.refers_to_files(text) and not self._program(text) else None

    def given(self, function: Function, text: str) -> Task:
        """The task for a tool that shall be used in any case."""
        return Task(function, text, self._program(text) if hosted.runs_code(function) else None)

    def score(self, function: Function, text: str) -> float:
        named = _NAMED if re.search(rf"(?<!\w){re.escape(function.name)}(?!\w)", text) else 0.0
        if hosted.runs_code(function):
            return named + (_PROGRAM if self._program(text) else 0.0)
        return named + (_FILES if questions.names_files(text) else _FALLBACK_SCORE)

    def _program(self, text: str) -> Script | None:
        whole = self._conversation.latest.whole
        if "```" in whole and (code := programs.given(whole)) is not None:
            return Script(code)
        return _write_program(text, searchable=self._searchable)


def next_call(task: Task, conversation: Conversation) -> Call | None:
    """The call to make for the task now, None where it is done or nothing else can be tried."""
    if task.script is None:
        was_called = any(call.name == task.function.name for call in conversation.calls_made)
        return None if was_called else _first_call(task, conversation)
    ran = _executed_code(conversation)
    code: str | None = task.script.code
    if fault := ran.get(task.script.code):
        code = programs.again(task.script, fault)
    return hosted.run(task.function, code) if code is not None and code not in ran else None


def _first_call(task: Task, conversation: Conversation) -> Call:
    if hosted.searches(task.function):
        return hosted.search(task.function, questions.queries(task.text, conversation.before))
    return hosted.run(task.function, f"print({(questions.strip_courtesies(task.text) or task.text)[:200]!r})")


def _executed_code(conversation: Conversation) -> Mapping[str, str]:
    """The code that ran since the user's last message, with the fault that ended it or an empty text."""
    ran = {hosted.code_of(call): "" for call in conversation.calls_made}
    runs = filter(hosted.is_run, conversation.outputs)
    return ran | {hosted.code_of(output.call): results.read(output.whole).fault for output in runs}
