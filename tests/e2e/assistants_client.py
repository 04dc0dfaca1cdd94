"""What most tests do with the official client: create objects, and wait for runs."""

from typing import Any

import openai
import pytest
from openai.types.beta import Assistant, Thread
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import RunStep

from waiting import WITHIN, eventually

POLL = 10
"""Milliseconds between two looks at a run."""
ENDED = {"completed", "incomplete", "failed", "cancelled", "expired"}

on_both = pytest.mark.parametrize("server", ["sqlite", "postgres"], indirect=True)
each_database = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
slow_on_postgres = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True
)

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": False,
    },
}


def user(content: Any, **members: Any) -> Any:
    return {"role": "user", "content": content, **members}


def new_thread(client: openai.OpenAI, *contents: Any) -> Thread:
    """A thread with a user message for each of the contents."""
    return client.beta.threads.create(messages=[user(content) for content in contents])


def run_of(client: openai.OpenAI, thread: Thread, assistant: Assistant, **overrides: Any) -> Run:
    """Starts a run, and polls it until it has ended or waits for outputs."""
    return client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL, **overrides
    )


def fetch_run(client: openai.OpenAI, run: Run) -> Run:
    return client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


def reached(client: openai.OpenAI, run: Run, *statuses: str, within: float = WITHIN) -> Run:
    """Polls the run until it has one of the statuses; by default, until it has ended."""
    expected = set(statuses) or ENDED

    def look() -> Run | None:
        current = fetch_run(client, run)
        assert current.status in expected or current.status not in ENDED, current
        return current if current.status in expected else None

    result = eventually(look, within)
    assert result is not None
    return result


def outputs_for(run: Run, output: str = "18 degrees") -> Any:
    """One output for each call that the run waits for."""
    assert run.required_action is not None
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [{"tool_call_id": call.id, "output": output} for call in calls]


def texts(client: openai.OpenAI, thread: Thread) -> list[str]:
    """The texts of a thread's messages, oldest first."""
    messages = client.beta.threads.messages.list(thread.id, order="asc", limit=100)
    return ["".join(part.text.value for part in message.content if part.type == "text") for message in messages]


def steps_of(client: openai.OpenAI, run: Run) -> list[RunStep]:
    return list(client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc"))
