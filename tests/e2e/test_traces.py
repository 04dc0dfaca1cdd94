"""Traces: the spans of a run and of a response, in order, with their times, usage and costs."""

from e2e.assistants_client import new_thread, on_both, outputs_for, run_of
from envelope import assert_error
from upstream import call, calls, fault, text


def trace_of(server, run):
    reply = server.ask("GET", f"/v1/threads/{run.thread_id}/runs/{run.id}/trace")
    assert reply.status == 200, reply.body
    return reply.json


def assert_in_order(trace):
    """Each span begins and ends no earlier than the one before it."""
    moments = []
    for span in trace["spans"]:
        moments += [
            one for one in (span["started_at_ms"], span["first_delta_at_ms"], span["ended_at_ms"]) if one is not None
        ]
    assert moments == sorted(moments)


@on_both
def test_a_run_with_a_function_has_its_turns_and_its_wait(server, client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "function", "function": {"name": "f"}}])
    upstream.answer(calls(call("f", call_id="call_1")), text("done"))
    run = run_of(client, new_thread(client, "Hello"), assistant)
    waiting = trace_of(server, run)
    assert [(span["kind"], span["name"], span["status"]) for span in waiting["spans"]] == [
        ("queued", "", "completed"),
        ("model_turn", "gpt-4o", "completed"),
        ("wait", "f", "in_progress"),
    ]
    assert waiting["status"] == "requires_action"
    assert waiting["spans"][2]["ended_at_ms"] is None
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    done = trace_of(server, run)
    assert [(span["kind"], span["status"]) for span in done["spans"]] == [
        ("queued", "completed"),
        ("model_turn", "completed"),
        ("wait", "completed"),
        ("model_turn", "completed"),
    ]
    assert_in_order(done)
    turns = [span for span in done["spans"] if span["kind"] == "model_turn"]
    usage = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).usage
    assert sum(span["usage"]["prompt_tokens"] for span in turns) == usage.prompt_tokens
    assert sum(span["usage"]["completion_tokens"] for span in turns) == usage.completion_tokens
    assert done["cost"] == sum(span["cost"] for span in turns)
    assert abs(done["spans"][0]["started_at_ms"] - 1000 * done["created_at"]) < 60_000


@on_both
def test_a_failed_turn_ends_with_its_run(server, client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o")
    upstream.answer(fault(400))
    run = run_of(client, new_thread(client, "Hello"), assistant)
    trace = trace_of(server, run)
    assert (run.status, trace["status"]) == ("failed", "failed")
    assert (trace["spans"][-1]["kind"], trace["spans"][-1]["status"]) == ("model_turn", "failed")
    assert trace["spans"][-1]["first_delta_at_ms"] is None
    assert_in_order(trace)


@on_both
def test_a_response_has_a_trace(server, client):
    response = client.responses.create(model="gpt-4o", input="Hello")
    reply = server.ask("GET", f"/v1/responses/{response.id}/trace")
    assert [(span["kind"], span["status"]) for span in reply.json["spans"]] == [
        ("queued", "completed"),
        ("model_turn", "completed"),
    ]
    assert (reply.json["run_id"], reply.json["status"]) == (response.id, "completed")


def test_what_does_not_exist_has_no_trace(server, client):
    thread = client.beta.threads.create().id
    reply = server.ask("GET", f"/v1/threads/{thread}/runs/run_none/trace")
    assert_error(reply, 404, "No run found with id 'run_none'.")
    assert server.ask("GET", "/v1/responses/resp_none/trace").status == 404
