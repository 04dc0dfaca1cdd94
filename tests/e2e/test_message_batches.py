"""Batches of messages, in Anthropic's dialect with the official package, and in the AI/ML API's on `/v1/batches`."""

import json
import re
import sqlite3
from datetime import datetime, timedelta

import anthropic
import pytest

from conformance.shapes import assert_shape
from e2e.assistants_client import each_database, on_both
from e2e.test_anthropic import MESSAGE, QUESTION, USAGE, client_of
from upstream import HANG, Gate, fault, stalled, text
from waiting import eventually

MADE = {
    "id": str,
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
    "ended_at": None,
    "created_at": str,
    "expires_at": str,
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": None,
}


def item(custom_id, content="Hello", **params):
    said = [{"role": "user", "content": content}]
    return {"custom_id": custom_id, "params": {"model": "gpt-4o", "max_tokens": 9, "messages": said, **params}}


@pytest.fixture
def batches(server):
    with client_of(server) as client:
        yield client.messages.batches


def ended(batches, batch, within=30.0):
    def look():
        found = batches.retrieve(batch.id)
        return found if found.processing_status == "ended" else None

    return eventually(look, within)


def counts(batch):
    return {name: count for name, count in batch.request_counts.to_dict().items() if count}


@pytest.mark.proves("message_batches.shape")
def test_a_new_batch_has_the_shape_of_the_original_api(server, upstream):
    made = server.ask("POST", "/v1/messages/batches", {"requests": [item("a")]})
    assert made.status == 200
    assert_shape(made.json, MADE)
    assert re.fullmatch("msgbatch_[0-9A-Za-z]{24}", made.json["id"])
    created, expires = (datetime.fromisoformat(made.json[name]) for name in ("created_at", "expires_at"))
    assert expires - created == timedelta(days=1)


@on_both
@pytest.mark.proves("message_batches.results")
def test_every_message_has_its_result(server, upstream):
    upstream.always(lambda request: fault(400, "Too bad.") if request.said == "bad" else text("Good"))
    with client_of(server) as claude:
        batches = claude.messages.batches
        requests = [item("good"), item("bad", "bad"), item("wrong", max_tokens=-1), item("stream", stream=True)]
        batch = batches.create(requests=requests)
        assert batch.processing_status == "in_progress"
        done = ended(batches, batch)
        assert counts(done) == {"succeeded": 1, "errored": 3}
        assert done.ended_at >= done.created_at
        assert done.results_url == f"{server.url}/messages/batches/{batch.id}/results"
        results = list(batches.results(batch.id))
    assert [one.custom_id for one in results] == ["good", "bad", "wrong", "stream"]
    assert results[0].result.type == "succeeded"
    content = [{"type": "text", "text": "Good"}]
    usage = {**USAGE, "service_tier": "batch"}
    raw = server.ask("GET", f"/v1/messages/batches/{batch.id}/results").body.splitlines()
    message = {**MESSAGE, "content": content, "usage": usage}
    assert_shape(json.loads(raw[0]), {"custom_id": "good", "result": {"type": "succeeded", "message": message}})
    for one, said in zip(results[1:], ("Too bad.", "max_tokens", "cannot stream"), strict=True):
        assert one.result.type == "errored"
        assert one.result.error.error.type == "invalid_request_error"
        assert said in one.result.error.error.message


@pytest.mark.proves("message_batches.cancel", "message_batches.delete")
def test_a_batch_is_cancelled_and_deleted(server, batches, upstream):
    upstream.always(lambda request: stalled(HANG) if request.said == "slow" else text("Quick"))
    batch = batches.create(requests=[item("quick"), *(item(f"slow-{number}", "slow") for number in range(20))])
    upstream.wait_for(17)
    with pytest.raises(anthropic.BadRequestError, match="while it is processed"):
        batches.delete(batch.id)
    early = server.ask("GET", f"/v1/messages/batches/{batch.id}/results")
    assert (early.status, early.json["error"]["type"]) == (400, "invalid_request_error")
    eventually(lambda: _answered(server, batch.id) == 1)
    cancelled = batches.cancel(batch.id)
    assert cancelled.processing_status == "canceling"
    assert cancelled.cancel_initiated_at is not None
    done = ended(batches, batch)
    assert counts(done) == {"succeeded": 1, "canceled": 20}
    results = {one.custom_id: one.result.type for one in batches.results(batch.id)}
    assert (results.pop("quick"), set(results.values())) == ("succeeded", {"canceled"})
    with pytest.raises(anthropic.BadRequestError, match="already finished processing"):
        batches.cancel(batch.id)
    assert batches.delete(batch.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        batches.retrieve(batch.id)


@pytest.mark.proves("message_batches.expiry")
def test_an_expired_batch_marks_each_unfinished_message_as_expired(new_server, upstream):
    server = new_server(limits__batch_seconds=1.0).start()
    upstream.always(lambda request: stalled(HANG) if request.said == "slow" else text("Quick"))
    with client_of(server) as claude:
        batch = claude.messages.batches.create(requests=[item("quick"), item("slow", "slow")])
        assert counts(ended(claude.messages.batches, batch)) == {"succeeded": 1, "expired": 1}
        results = {one.custom_id: one.result.type for one in claude.messages.batches.results(batch.id)}
    assert results == {"quick": "succeeded", "slow": "expired"}


@pytest.mark.proves("message_batches.lists")
def test_batches_are_listed_in_pages_both_ways(new_server, upstream):
    server = new_server().start()
    with client_of(server) as claude:
        batches = claude.messages.batches
        ids = [batches.create(requests=[item("a")]).id for _ in range(5)]
        page = batches.list(limit=2)
        assert [one.id for one in page.data] == ids[:2:-1]
        assert (page.first_id, page.last_id, page.has_more) == (ids[4], ids[3], True)
        assert [one.id for one in batches.list(limit=2)] == ids[::-1]
        assert [one.id for one in batches.list(limit=2, before_id=ids[1]).data] == [ids[3], ids[2]]
        assert list(server.client.batches.list()) == []


@each_database
@pytest.mark.proves("message_batches.crash")
@pytest.mark.slow
def test_a_message_batch_resumes_after_a_crash(new_server, upstream, database):
    server = new_server(**database, limits__concurrent_batch_lines=2).start()
    gate = Gate()
    upstream.always(lambda request: stalled(gate) if request.said == "held" else text("Done"))
    items = [item(f"quick-{n}", f"quick {n}") for n in range(5)] + [item("held", "held"), item("more", "held")]
    with client_of(server) as claude:
        batch = claude.messages.batches.create(requests=items)
        upstream.wait_for(7)
        server.kill()
    upstream.always(text("Done"))
    server.start()
    with client_of(server) as claude:
        assert counts(ended(claude.messages.batches, batch)) == {"succeeded": 7}
        assert len(list(claude.messages.batches.results(batch.id))) == 7
    asked = [request.said for request in upstream.requests]
    assert all(asked.count(f"quick {number}") == 1 for number in range(5))
    gate.open()


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ([], "minimum length 1"),
        ("x", "expected an array of objects"),
        ([{"custom_id": "a"}], "Missing required parameter: 'requests[0].params'."),
        ([item("")], "'requests[0].custom_id'"),
        ([item("x" * 65)], "maximum length 64"),
        ([{"custom_id": "a", "params": 5}], "'requests[0].params'"),
        ([item("a"), item("a")], "'requests[1].custom_id'"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages/batches", "/v1/batches"])
def test_a_batch_that_cannot_be_is_refused(server, path, requests, said):
    refused = server.ask("POST", path, {"requests": requests})
    assert refused.status == 400
    assert said in refused.json["error"]["message"]


def test_requests_may_be_written_over_many_lines(server, batches, upstream):
    body = json.dumps({"requests": [item("a", "One\ntwo")]}, indent=2).encode()
    made = server.ask("POST", "/v1/messages/batches", body, {"Content-Type": "application/json"}).json
    assert eventually(lambda: batches.retrieve(made["id"]).processing_status == "ended")
    (result,) = batches.results(made["id"])
    assert result.result.message.content[0].text == "You said: One\ntwo"


# -- the AI/ML API's dialect -------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/v1", ""])
@pytest.mark.proves("message_batches.aimlapi")
def test_the_aiml_api_has_one_operation_for_state_and_results(server, upstream, base):
    gate = Gate()
    upstream.answer(stalled(gate))
    request = item("test-01")
    del request["params"]["max_tokens"]
    made = server.ask("POST", f"{base}/batches", {"requests": [request]})
    assert made.status == 200
    assert_shape(made.json, MADE)
    path = f"{base}/batches?batch_id={made.json['id']}"
    assert server.ask("GET", path).json["processing_status"] == "in_progress"
    assert upstream.wait_for(1).body["max_completion_tokens"] == 1024
    gate.open()
    found = eventually(lambda: _if_lines(server.ask("GET", path)))
    assert found.headers["content-type"] == "application/x-jsonl"
    (line,) = [json.loads(line) for line in found.body.splitlines()]
    message = {**MESSAGE, "content": [{"type": "text", "text": "late"}], "usage": {**USAGE, "service_tier": "batch"}}
    assert_shape(line, {"custom_id": "test-01", "result": {"type": "succeeded", "message": message}})
    refused = server.ask("POST", f"{base}/batches/cancel/{made.json['id']}")
    assert refused.status == 400
    assert "already finished processing" in refused.json["error"]["message"]


def test_the_aiml_api_cancels_by_an_operation_of_its_own(server, upstream):
    upstream.answer(stalled(HANG))
    made = server.ask("POST", "/v1/batches", {"requests": [item("a")]}).json
    upstream.wait_for(1)
    cancelled = server.ask("POST", f"/v1/batches/cancel/{made['id']}").json
    assert cancelled["processing_status"] == "canceling"
    assert cancelled["results_url"] is None
    found = eventually(lambda: _if_lines(server.ask("GET", f"/v1/batches?batch_id={made['id']}")))
    assert json.loads(found.body) == {"custom_id": "a", "result": {"type": "canceled"}}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "Missing required parameter: 'requests[0].params.model'."),
        ({"model": "gpt-4o", "messages": []}, "'requests[0].params.messages'"),
        ({"model": "gpt-4o", "messages": QUESTION, "temperature": 2}, "'requests[0].params.temperature'"),
    ],
)
def test_the_aiml_api_looks_into_the_messages_first(server, params, said):
    refused = server.ask("POST", "/v1/batches", {"requests": [{"custom_id": "a", "params": params}]})
    assert refused.status == 400
    assert said in refused.json["error"]["message"]


def test_the_aiml_api_has_only_batches_of_messages(server):
    wrong = server.ask("GET", "/v1/batches?batch_id=batch_123")
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "batch_id")
    assert server.ask("GET", "/v1/batches?batch_id=msgbatch_unknown").status == 404


def _if_lines(reply):
    return reply if reply.headers["content-type"] != "application/json" else None


def _answered(server, batch_id):
    """How many messages have an answer: what the counts do not tell before the end."""
    with sqlite3.connect(f"file:{server.data / 'understudy.sqlite3'}?mode=ro", uri=True) as database:
        return database.execute("SELECT completed FROM batches WHERE id = ?", [batch_id]).fetchone()[0]
