"""Whether answers cite the right passage: an assistant with file search, driven by the official client.

The embedded model answers each labelled question from a vector store. A question counts as found if a result of its
search has the labelled span, and as cited if a citation of the answer points at such a result.
"""

import asyncio
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import openai
from openai.types.beta.threads.runs import RunStep

from benchmarks.labelled import Question

_MARK = re.compile("\u3010\\d+:(\\d+)\u2020")
_CONTENT: Final = "step_details.tool_calls[*].file_search.results[*].content"
_AT_ONCE, _POLL_MS = 4, 20


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    found: bool
    cited: bool
    citations: int
    text: str


async def answer_questions(
    client: openai.AsyncOpenAI, store_id: str, questions: Sequence[Question], documents: Mapping[str, str]
) -> list[Answer]:
    """The answers in the order of the questions; `documents` are the documents' ids by those of their files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assistant = await client.beta.assistants.create(
            model="rehearsal",
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [store_id]}},
        )
        places = asyncio.Semaphore(_AT_ONCE)

        async def answer(question: Question) -> Answer:
            async with places:
                return await _answer(client, assistant.id, question, documents)

        return await asyncio.gather(*(answer(question) for question in questions))


async def _answer(
    client: openai.AsyncOpenAI, assistant_id: str, question: Question, documents: Mapping[str, str]
) -> Answer:
    threads = client.beta.threads
    thread = {"messages": [{"role": "user", "content": question.text}]}
    run = await threads.create_and_run_poll(
        assistant_id=assistant_id,
        thread=thread,  # type: ignore[arg-type]
        poll_interval_ms=_POLL_MS,
    )
    steps = await threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc", include=[_CONTENT])
    right = _judge_results(question, steps.data, documents)
    (message,) = (one for one in (await threads.messages.list(run.thread_id)).data if one.role == "assistant")
    part = message.content[0]
    assert part.type == "text"
    marks = [_MARK.match(one.text) for one in part.text.annotations if one.type == "file_citation"]
    cited = [int(mark[1]) for mark in marks if mark is not None]
    is_cited = any(right[place] for place in cited)
    return Answer(question, any(right), is_cited, len(cited), part.text.value)


def _judge_results(question: Question, steps: Sequence[RunStep], documents: Mapping[str, str]) -> list[bool]:
    """Whether each result of the run's searches is the labelled passage, in the order of the marks."""
    right = []
    for step in steps:
        for call in step.step_details.tool_calls if step.step_details.type == "tool_calls" else ():
            for result in call.file_search.results or () if call.type == "file_search" else ():
                text = "".join(part.text or "" for part in result.content or ())
                right.append(documents[result.file_id] in question.grades and question.span in text)
    return right
