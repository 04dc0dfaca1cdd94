"""Faults of the upstream: the run fails with the right error and the upstream's own words, and the thread is free."""

import pytest

from e2e.assistants_client import on_both, run_of, texts
from upstream import DROP, HANG, error, fault, raw, reply, stalled, text

QUOTA = "You exceeded your current quota."

FAULTS = [
    (fault(400, "The messages are too long."), "invalid_prompt", "The messages are too long."),
    (fault(401, "Wrong key upstream-key.", code="invalid_api_key"), "server_error", "Wrong key ***."),
    (fault(403, "Not for you."), "server_error", "Not for you."),
    (fault(404, "The model is gone.", code="model_not_found"), "server_error", "The model is gone."),
    (fault(429, "Slow down.", headers={"retry-after": "60"}), "rate_limit_exceeded", "Slow down."),
    (fault(429, QUOTA, code="insufficient_quota", type="insufficient_quota"), "rate_limit_exceeded", QUOTA),
    (fault(500, "Down."), "server_error", "Down."),
    (fault(503, "Overloaded."), "server_error", "Overloaded."),
    (reply(b"<html>Bad gateway</html>", status=502, content_type="text/html"), "server_error", None),
    (reply(b"<html>Hello</html>", content_type="text/html"), "server_error", None),
    (reply({"error": {"message": "Inside a 200."}}), "server_error", "Inside a 200."),
    (text().but(items=(error(message="Inside a stream."),)), "server_error", "Inside a stream."),
    (text().but(items=(error(message="Too fast.", code="rate_limit_exceeded"),)), "rate_limit_exceeded", "Too fast."),
    (text().but(items=(raw(b"data: {not json\n\n"),)), "server_error", None),
    (stalled(DROP), "server_error", None),
]


@pytest.mark.parametrize(("answer", "code", "message"), FAULTS)
def test_a_fault_before_the_answer_fails_the_run(client, upstream, assistant, thread, answer, code, message):
    upstream.answer(answer)
    run = run_of(client, thread, assistant)
    assert (run.status, run.last_error.code) == ("failed", code)
    assert message is None or run.last_error.message == message
    assert run.last_error.message.strip()
    assert "upstream-key" not in run.last_error.message
    assert "Traceback" not in run.last_error.message
    assert (run.expires_at, run.completed_at) == (None, None)
    assert run.failed_at >= run.created_at
    assert texts(client, thread) == ["Hello"]
    assert run_of(client, thread, assistant).status == "completed"


@on_both
@pytest.mark.parametrize("end", [DROP, error(message="Broken.")])
def test_a_provider_error_during_a_stream_preserves_the_received_text(client, upstream, assistant, thread, end):
    upstream.answer(text("Hel", "lo", end, finish=None, done=False))
    run = run_of(client, thread, assistant)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert texts(client, thread) == ["Hello", "Hello"]
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "run_failed")
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert (step.status, step.last_error.to_dict()) == ("failed", run.last_error.to_dict())


@pytest.mark.parametrize("answer", [stalled(HANG), text("Hel", HANG)])
def test_a_silent_upstream_fails_the_run_after_the_timeout(client, upstream, thread, answer):
    assistant = client.beta.assistants.create(model="slow")
    upstream.answer(answer)
    run = run_of(client, thread, assistant)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert "0.3 s" in run.last_error.message
    assert upstream.requests[0].gone.wait(10)


def test_a_model_that_went_away_fails_the_run(client, upstream, assistant, thread):
    upstream.answer(fault(404, "No such model.", code="model_not_found"))
    run = run_of(client, thread, assistant)
    assert run.last_error.message == "No such model."


def test_a_fault_that_may_pass_is_tried_again_unseen(new_server, upstream):
    config = f'[providers.patient]\nbase_url = "{upstream.url}"\nmodels = ["patient"]\nretries = 2\n'
    client = new_server(config).start().client
    assistant = client.beta.assistants.create(model="patient")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    upstream.answer(fault(500, "Once."), text("Fine."))
    assert run_of(client, thread, assistant).status == "completed"
    assert texts(client, thread) == ["Hello", "Fine."]
