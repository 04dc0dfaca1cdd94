"""Short ways to say what many tests say."""

import pytest

from waiting import WITHIN, eventually

POLL = 10
"""Milliseconds between two looks at a run."""
ENDED = {"completed", "incomplete", "failed", "cancelled", "expired"}

on_both = pytest.mark.parametrize("server", ["sqlite", "postgres"], indirect=True)
each_database = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": False,
    },
}


def user(content, **members):
    return {"role": "user", "content": content, **members}


def new_thread(client, *contents):
    """A thread in which users said this."""
    return client.beta.threads.create(messages=[user(content) for content in contents])


def run_of(client, thread, assistant, **overrides):
    """Starts a run and waits until it ended or waits for outputs."""
    return client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL, **overrides
    )


def fresh(client, run):
    return client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


def reached(client, run, *statuses, within=WITHIN):
    """The run once it has one of the statuses; by default, once it is over."""
    wanted = statuses or ENDED

    def look():
        found = fresh(client, run)
        assert found.status in wanted or found.status not in ENDED, found
        return found if found.status in wanted else None

    return eventually(look, within)


def outputs_for(run, output="18 degrees"):
    """One output for each call that the run waits for."""
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [{"tool_call_id": call.id, "output": output} for call in calls]


def texts(client, thread):
    """What was said in a thread, oldest first."""
    messages = client.beta.threads.messages.list(thread.id, order="asc", limit=100)
    return ["".join(part.text.value for part in message.content if part.type == "text") for message in messages]


def steps_of(client, run):
    return list(client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc"))
