"""Replies of the embedded model under a hosted model's name: each has a header that says so and costs nothing."""

import pytest

from e2e.batching import chat_line, create_batch, wait_for_batch
from e2e.billing import balance
from serving import Server, serve
from upstream import text

HEADER = "x-understudy-stand-in"
HELLO = [{"role": "user", "content": "Say hello."}]
ANSWERS = [
    ("/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO}),
    ("/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO, "stream": True}),
    ("/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO, "store": True}),
    ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", {"messages": HELLO}),
    ("/chat/completions", {"model": "openai/gpt-4o", "messages": HELLO}),
    ("/v1/completions", {"model": "gpt-4o", "prompt": "Say hello."}),
    ("/v1/completions", {"model": "gpt-4o", "prompt": "Say hello.", "stream": True}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hello"}),
    ("/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO}),
    ("/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO, "stream": True}),
    ("/v1/responses", {"model": "o3", "input": "Say hello."}),
    ("/v1/responses", {"model": "o3", "input": "Say hello.", "stream": True}),
    ("/v1/responses", {"model": "o3", "input": "Say hello.", "background": True}),
    ("/v1/responses/compact", {"model": "gpt-4o", "input": "Say hello."}),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A server without a provider."""
    yield from serve(Server(tmp_path_factory.mktemp("alone"), None))


@pytest.mark.parametrize(("path", "body"), ANSWERS, ids=[f"{path} {sorted(body)}" for path, body in ANSWERS])
def test_an_answer_under_a_hosted_name_has_the_stand_in_header_and_costs_nothing(alone, path, body):
    reply = alone.ask("POST", path, body)
    assert reply.status == 200, reply.body
    assert reply.headers[HEADER] == "rehearsal"
    assert reply.headers.get("x-aimlapi-credits-used", "0") == "0"
    assert balance(alone) == 0


def test_an_answer_under_its_own_name_needs_no_such_header(alone):
    reply = alone.ask("POST", "/v1/chat/completions", {"model": "rehearsal", "messages": HELLO})
    assert reply.status == 200
    assert HEADER not in reply.headers


def test_a_provider_that_is_configured_answers_itself(server, upstream):
    upstream.answer(text("Hello."))
    reply = server.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO})
    assert reply.status == 200
    assert HEADER not in reply.headers


def test_runs_and_later_reads_have_the_stand_in_header_too(alone):
    api = alone.client
    weather = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    assistant = api.beta.assistants.create(model="gpt-4o", tools=[weather])
    thread = api.beta.threads.create(messages=[{"role": "user", "content": "Call get_weather."}])
    runs = api.beta.threads.runs
    created = runs.with_raw_response.create(thread.id, assistant_id=assistant.id)
    assert created.headers[HEADER] == "rehearsal"
    run = runs.poll(created.parse().id, thread_id=thread.id, poll_interval_ms=20)
    assert run.status == "requires_action"
    assert runs.with_raw_response.retrieve(run.id, thread_id=thread.id).headers[HEADER] == "rehearsal"
    outputs = [
        {"tool_call_id": call.id, "output": "18 degrees"} for call in run.required_action.submit_tool_outputs.tool_calls
    ]
    path = f"/v1/threads/{thread.id}/runs/{run.id}"
    done = alone.ask("POST", f"{path}/submit_tool_outputs", {"tool_outputs": outputs, "stream": True})
    assert done.headers[HEADER] == "rehearsal"
    assert alone.ask("GET", f"{path}/events").headers[HEADER] == "rehearsal"
    begun_at_once = {"assistant_id": assistant.id, "thread": {"messages": HELLO}, "stream": True}
    assert alone.ask("POST", "/v1/threads/runs", begun_at_once).headers[HEADER] == "rehearsal"
    response = api.responses.create(model="gpt-4o", input="Say hello.")
    assert api.responses.with_raw_response.retrieve(response.id).headers[HEADER] == "rehearsal"
    kept = api.chat.completions.create(model="gpt-4o", messages=HELLO, store=True)
    assert api.chat.completions.with_raw_response.retrieve(kept.id).headers[HEADER] == "rehearsal"
    assert balance(alone) == 0


def test_lines_of_a_batch_under_a_hosted_name_cost_nothing(alone):
    batch = create_batch(alone, [chat_line("a", "Say hello.")])
    wait_for_batch(alone, batch, "completed")
    assert balance(alone) == 0
