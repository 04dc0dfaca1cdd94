"""Batches of the hosted API's kind, from the upload of their input to the files of their results."""

import json
import re
import sqlite3
import time
from functools import partial

import openai
import pytest

from conformance.shapes import assert_shape
from e2e.assistants_client import each_database, on_both, slow_on_postgres
from e2e.batching import CHAT, chat_line, create_batch, input_file, jsonl, results_of, wait_for_batch
from e2e.uploads import upload
from envelope import assert_error
from serving import KEY
from upstream import HANG, Gate, fault, reply, stalled, text
from waiting import eventually

USAGE = {
    "input_tokens": int,
    "output_tokens": int,
    "total_tokens": int,
    "input_tokens_details": {"cached_tokens": int},
    "output_tokens_details": {"reasoning_tokens": int},
}
MADE = {
    "id": str,
    "object": "batch",
    "endpoint": CHAT,
    "model": None,
    "errors": None,
    "input_file_id": str,
    "completion_window": "24h",
    "status": "validating",
    "output_file_id": None,
    "error_file_id": None,
    "created_at": int,
    "in_progress_at": None,
    "expires_at": int,
    "finalizing_at": None,
    "completed_at": None,
    "failed_at": None,
    "expired_at": None,
    "cancelling_at": None,
    "cancelled_at": None,
    "request_counts": {"total": 0, "completed": 0, "failed": 0},
    "usage": USAGE,
    "metadata": {"key": "value"},
}


def made(server, lines, **members):
    body = {"input_file_id": input_file(server, lines), "endpoint": CHAT, "completion_window": "24h", **members}
    return server.ask("POST", "/v1/batches", body)


@pytest.mark.proves("batches.shape", "batches.ids")
def test_a_new_batch_has_the_shape_of_the_hosted_api(server, upstream):
    reply = made(server, [chat_line("a", "Hello")], metadata={"key": "value"})
    assert reply.status == 200
    assert_shape(reply.json, MADE)
    assert re.fullmatch("batch_[0-9a-f]{32}", reply.json["id"])
    assert reply.json["expires_at"] - reply.json["created_at"] == 86_400


@on_both
@pytest.mark.proves("batches.completion", "batches.output", "batches.usage")
def test_every_line_has_its_result_in_a_file(server, upstream):
    batch = create_batch(server, [chat_line(f"line {number}", f"Number {number}") for number in range(40)])
    ended = wait_for_batch(server, batch)
    assert ended.status == "completed"
    assert (ended.request_counts.total, ended.request_counts.completed, ended.request_counts.failed) == (40, 40, 0)
    assert ended.model == "gpt-4o"
    assert ended.usage.total_tokens == 40 * 12
    assert ended.created_at <= ended.in_progress_at <= ended.finalizing_at <= ended.completed_at
    assert ended.error_file_id is None
    lines = results_of(server, ended.output_file_id)
    assert len(lines) == 40
    for number in range(40):
        line = lines[f"line {number}"]
        assert list(line) == ["id", "custom_id", "response", "error"]
        assert re.fullmatch("batch_req_[0-9a-f]{32}", line["id"])
        assert line["error"] is None
        assert list(line["response"]) == ["status_code", "request_id", "body"]
        assert line["response"]["status_code"] == 200
        assert line["response"]["body"]["choices"][0]["message"]["content"] == f"You said: Number {number}"
    file = server.client.files.retrieve(ended.output_file_id)
    assert (file.purpose, file.filename) == ("batch_output", f"{batch.id}_output.jsonl")


@pytest.mark.proves("batches.embeddings")
def test_embeddings_come_in_batches_too(server):
    lines = [
        {
            "custom_id": str(number),
            "method": "POST",
            "url": "/v1/embeddings",
            "body": {"model": "rehearsal-embedding", "input": f"Text {number}"},
        }
        for number in range(3)
    ]
    ended = wait_for_batch(server, create_batch(server, lines, "/v1/embeddings"))
    asked = server.client.embeddings.create(model="rehearsal-embedding", input="Text 1", encoding_format="float")
    found = results_of(server, ended.output_file_id)
    assert found["1"]["response"]["body"]["data"][0]["embedding"] == pytest.approx(asked.data[0].embedding)
    assert ended.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("endpoint", "asked", "said"),
    [
        ("/v1/completions", {"prompt": "Hello"}, lambda body: body["choices"][0]["text"]),
        ("/v1/responses", {"input": "Hello"}, lambda body: body["output"][0]["content"][0]["text"]),
    ],
)
def test_texts_and_responses_come_in_batches_too(server, endpoint, asked, said):
    body = {"model": "gpt-4o", **asked}
    lines = [{"custom_id": str(number), "method": "POST", "url": endpoint, "body": body} for number in range(3)]
    lines.append({**lines[0], "custom_id": "bad", "body": {**body, "stream": True}})
    ended = wait_for_batch(server, create_batch(server, lines, endpoint))
    found = results_of(server, ended.output_file_id)
    assert [said(found[str(number)]["response"]["body"]) for number in range(3)] == ["You said: Hello"] * 3
    assert results_of(server, ended.error_file_id)["bad"]["response"]["status_code"] == 400
    assert ended.usage.total_tokens > 0


def test_the_embedded_model_answers_a_batch(server):
    ended = wait_for_batch(server, create_batch(server, [chat_line("a", "What is 6 * 7?", "rehearsal")]))
    assert "42" in results_of(server, ended.output_file_id)["a"]["response"]["body"]["choices"][0]["message"]["content"]


@pytest.mark.proves("batches.errors")
def test_lines_that_fail_are_in_a_file_of_their_own(server, upstream):
    upstream.always(lambda request: fault(400, "No such thing.") if request.said == "bad" else text("Good"))
    lines = [chat_line("good", "good"), chat_line("bad", "bad"), chat_line("stream", "x", stream=True)]
    lines.append({**chat_line("invalid", ""), "body": {"model": "gpt-4o"}})
    ended = wait_for_batch(server, create_batch(server, lines))
    assert ended.status == "completed"
    assert (ended.request_counts.total, ended.request_counts.completed, ended.request_counts.failed) == (4, 1, 3)
    assert list(results_of(server, ended.output_file_id)) == ["good"]
    failed = results_of(server, ended.error_file_id)
    assert list(failed) == ["bad", "stream", "invalid"]
    assert failed["bad"]["response"]["status_code"] == 400
    assert failed["bad"]["response"]["body"]["error"]["message"] == "No such thing."
    assert failed["bad"]["error"] is None
    assert failed["stream"]["response"]["body"]["error"]["param"] == "stream"
    assert failed["invalid"]["response"]["body"]["error"]["message"] == "Missing required parameter: 'messages'."


@pytest.mark.proves("batches.retries")
def test_temporary_errors_of_the_provider_are_retried(server, upstream):
    upstream.answer(fault(429), fault(503), text("At last"))
    ended = wait_for_batch(server, create_batch(server, [chat_line("a", "Try again")]))
    assert ended.request_counts.completed == 1
    # A line of an earlier batch may still wait for its next attempt.
    assert [one.body["messages"][0]["content"] for one in upstream.requests].count("Try again") == 3


def test_a_spent_quota_is_not_tried_again(server, upstream):
    upstream.answer(fault(429, "Nothing left.", code="insufficient_quota"))
    ended = wait_for_batch(server, create_batch(server, [chat_line("a", "Hello")]))
    assert results_of(server, ended.error_file_id)["a"]["response"]["status_code"] == 429


def test_an_embedding_that_ignores_the_request_is_an_error_of_its_line_soon(server, upstream):
    upstream.always(reply({"object": "list", "data": [{"index": 0, "embedding": [0.5, 0.25]}]}))
    body = {"model": "gpt-4o", "input": "Hi", "dimensions": 3}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": body}
    ended = wait_for_batch(server, create_batch(server, [line], "/v1/embeddings"))
    response = results_of(server, ended.error_file_id)["a"]["response"]
    assert (response["status_code"], response["body"]["error"]["code"]) == (502, "upstream_malformed")
    assert len(upstream.requests) == 3


# -- what is wrong with an input ---------------------------------------------------------------------------------


@pytest.mark.proves("batches.validation")
@pytest.mark.parametrize(
    ("line", "code", "param", "message"),
    [
        (b"{not json", "invalid_json_line", None, "This line is not parseable as valid JSON."),
        (b'{"custom_id": "\xff"}', "invalid_json_line", None, "This line is not parseable as valid JSON."),
        ([1, 2], "invalid_type", None, "expected an object"),
        ({"custom_id": "b"}, "missing_required_parameter", "method", "Missing required parameter: 'method'."),
        (
            {**chat_line(5, "x")},
            "invalid_type",
            "custom_id",
            "Invalid type for 'custom_id': expected a string, but got an integer instead.",
        ),
        (chat_line("a", "x"), "duplicate_custom_id", "custom_id", "The custom_id 'a'"),
        (chat_line("", "x"), "empty_string", "custom_id", "minimum length 1"),
        (chat_line("x" * 513, "x"), "string_above_max_length", "custom_id", "maximum length 512"),
        ({**chat_line("b", "x"), "method": "GET"}, "invalid_method", "method", "Invalid value: 'GET'."),
        ({**chat_line("b", "x"), "url": "/v1/embeddings"}, "url_mismatch", "url", "'/v1/embeddings'"),
        ({**chat_line("b", "x"), "body": "text"}, "invalid_type", "body", "expected an object"),
        ({**chat_line("b", "x"), "body": {}}, "missing_required_parameter", "body.model", "'body.model'"),
        (chat_line("b", "x", 7), "invalid_type", "body.model", "expected a string"),
        (chat_line("b", "x", "gpt-4o-mini"), "model_mismatch", "body.model", "'gpt-4o-mini'"),
    ],
)
def test_an_invalid_line_fails_the_batch_before_any_request_is_sent(server, upstream, line, code, param, message):
    ended = wait_for_batch(server, create_batch(server, [chat_line("a", "Hello"), b"", line]))
    assert ended.status == "failed"
    assert ended.failed_at >= ended.created_at
    assert ended.errors.object == "list"
    (error,) = ended.errors.data
    assert (error.code, error.param, error.line) == (code, param, 3)
    assert message in error.message
    assert upstream.requests == []
    assert (ended.output_file_id, ended.error_file_id, ended.in_progress_at) == (None, None, None)


def test_every_invalid_line_is_reported(server, upstream):
    ended = wait_for_batch(server, create_batch(server, [b"{", chat_line("a", "x"), b"}", chat_line("a", "x")]))
    assert [error.line for error in ended.errors.data] == [1, 3, 4]


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n", b"\xef\xbb\xbf"])
def test_an_input_without_a_request_fails(server, content):
    file = upload(server, content, "batch", "input.jsonl")["id"]
    batch = server.client.batches.create(input_file_id=file, endpoint=CHAT, completion_window="24h")
    (error,) = wait_for_batch(server, batch).errors.data
    assert (error.code, error.line) == ("empty_file", None)


def test_an_unknown_model_fails_the_batch(server):
    (error,) = wait_for_batch(server, create_batch(server, [chat_line("a", "Hello", "gpt-9")])).errors.data
    assert (error.code, error.param) == ("model_not_found", "body.model")
    assert "'gpt-9'" in error.message


def test_a_batch_has_at_most_50000_requests(server, upstream):
    line = b'{"custom_id":"%d","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o"}}'
    ended = wait_for_batch(server, create_batch(server, [line % number for number in range(50_001)]))
    (error,) = ended.errors.data
    assert error.code == "too_many_tasks"
    assert "50000" in error.message
    assert upstream.requests == []


def test_a_line_over_the_request_size_limit_is_refused(server):
    ended = wait_for_batch(server, create_batch(server, [chat_line("a", "x" * (1 << 20)), chat_line("b", "x")]))
    (error,) = ended.errors.data
    assert (error.code, error.line) == ("request_too_large", 1)
    assert str(1 << 20) in error.message


def test_a_byte_order_mark_and_crlf_line_endings_are_accepted(server, upstream):
    content = b"\xef\xbb\xbf" + jsonl([chat_line("a", "Hello"), chat_line("ü\u0000", "x")]).replace(b"\n", b"\r\n")
    file = upload(server, content.rstrip(), "batch", "input.jsonl")["id"]
    batch = server.client.batches.create(input_file_id=file, endpoint=CHAT, completion_window="24h")
    assert set(results_of(server, wait_for_batch(server, batch).output_file_id)) == {"a", "ü\u0000"}


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"endpoint": "/v1/files"}, 400, "endpoint"),
        ({"completion_window": "48h"}, 400, "completion_window"),
        ({"input_file_id": "file-unknown"}, 404, "input_file_id"),
        ({"input_file_id": None}, 400, "input_file_id"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "output_expires_after.seconds"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(server, changes, status, param):
    reply = made(server, [chat_line("a", "x")], **changes)
    assert reply.status == status
    assert reply.json["error"]["param"] == param


def test_an_input_file_of_another_purpose_is_refused(server):
    file = upload(server)["id"]
    with pytest.raises(openai.BadRequestError, match="has the purpose 'assistants'"):
        server.client.batches.create(input_file_id=file, endpoint=CHAT, completion_window="24h")


# -- cancelling, expiry, lists -----------------------------------------------------------------------------------


@on_both
@pytest.mark.proves("batches.cancel")
def test_a_cancelled_batch_preserves_its_finished_results(server, upstream):
    upstream.always(lambda request: stalled(HANG) if request.said == "slow" else text("Quick"))
    batch = create_batch(server, [chat_line("quick", "quick"), *(chat_line(f"slow {n}", "slow") for n in range(30))])
    eventually(lambda: server.client.batches.retrieve(batch.id).request_counts.completed == 1)
    cancelled = server.client.batches.cancel(batch.id)
    assert cancelled.status == "cancelling"
    assert cancelled.cancelling_at >= cancelled.created_at
    ended = wait_for_batch(server, batch)
    assert ended.status == "cancelled"
    assert ended.cancelled_at >= ended.cancelling_at
    assert (ended.request_counts.total, ended.request_counts.completed, ended.request_counts.failed) == (31, 1, 0)
    assert list(results_of(server, ended.output_file_id)) == ["quick"]
    left = results_of(server, ended.error_file_id)
    assert len(left) == 30
    assert {line["error"]["code"] for line in left.values()} == {"batch_cancelled"}
    assert all(line["response"] is None for line in left.values())
    with pytest.raises(openai.ConflictError) as caught:
        server.client.batches.cancel(batch.id)
    assert_error(caught.value, 409, "Cannot cancel a batch with status 'cancelled'.")


@pytest.mark.proves("batches.expiry")
def test_an_expired_batch_preserves_its_finished_results(new_server, upstream):
    server = new_server(limits__batch_seconds=1.5).start()
    upstream.always(lambda request: stalled(HANG) if request.said == "slow" else text("Quick"))
    ended = wait_for_batch(server, create_batch(server, [chat_line("quick", "quick"), chat_line("slow", "slow")]))
    assert ended.status == "expired"
    assert ended.expired_at >= ended.expires_at
    assert list(results_of(server, ended.output_file_id)) == ["quick"]
    assert results_of(server, ended.error_file_id)["slow"]["error"]["code"] == "batch_expired"


@pytest.mark.proves("batches.lists")
def test_batches_are_listed_newest_first(new_server, upstream):
    server = new_server().start()
    ids = [create_batch(server, [chat_line("a", "Hello")]).id for _ in range(5)]
    page = server.ask("GET", "/v1/batches?limit=2").json
    assert list(page) == ["object", "data", "first_id", "last_id", "has_more"]
    assert [one["id"] for one in page["data"]] == ids[:2:-1]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[4], ids[3], True)
    assert [one.id for one in server.client.batches.list(limit=2)] == ids[::-1]
    assert server.ask("GET", "/v1/batches?limit=101").status == 400


def test_an_unknown_batch_is_not_found(client):
    for attempt in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError) as caught:
            attempt("batch_unknown")
        assert_error(caught.value, 404, "No batch found with id 'batch_unknown'.")


@pytest.mark.proves("batches.output_expiry")
def test_result_files_expire_after_the_requested_time(server, upstream):
    batch = create_batch(
        server,
        [chat_line("a", "Hello")],
        extra_body={"output_expires_after": {"anchor": "created_at", "seconds": 3600}},
    )
    file = server.client.files.retrieve(wait_for_batch(server, batch).output_file_id)
    assert file.expires_at == file.created_at + 3600


def test_an_input_that_is_deleted_meanwhile_is_read_to_its_end(server, upstream):
    gate = Gate()
    upstream.answer(stalled(gate))
    batch = create_batch(server, [chat_line("a", "Hello")])
    wait_for_batch(server, batch, "in_progress")
    server.client.files.delete(batch.input_file_id)
    gate.open()
    assert wait_for_batch(server, batch).request_counts.completed == 1


@pytest.mark.proves("batches.cost")
def test_answers_are_counted_at_the_price_of_batches(server, upstream):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    alone = int(server.ask("POST", "/v1/chat/completions", body).headers["x-aimlapi-credits-used"])
    batch = wait_for_batch(
        server, create_batch(server, [chat_line("a", "Hello"), chat_line("b", "Hello", temperature="x")])
    )
    with sqlite3.connect(f"file:{server.data / 'understudy.sqlite3'}?mode=ro", uri=True) as database:
        asked = "SELECT credits, batch, input_tokens FROM usage WHERE reference LIKE ?"
        charged = database.execute(asked, [f"{batch.id}:%"]).fetchall()
    assert len(charged) == batch.request_counts.completed
    assert all(
        credits_ in {alone // 2, -(-alone // 2)} and is_batch and tokens == 9 for credits_, is_batch, tokens in charged
    )


# -- crashes -----------------------------------------------------------------------------------------------------


@slow_on_postgres
@pytest.mark.proves("batches.crash")
def test_a_batch_resumes_after_a_crash_and_repeats_no_finished_request(new_server, upstream, database):
    server = new_server(**database, limits__concurrent_batch_lines=4).start()
    gate = Gate()
    upstream.always(lambda request: stalled(gate) if request.said == "held" else text("Done"))
    quick = [chat_line(f"quick {number}", f"quick {number}") for number in range(20)]
    held = [chat_line(f"held {number}", "held") for number in range(4)]
    rest = [chat_line(f"rest {number}", f"rest {number}") for number in range(20)]
    batch = create_batch(server, [*quick, *held, *rest])
    eventually(lambda: server.client.batches.retrieve(batch.id).request_counts.completed == 20)
    server.kill()
    upstream.always(text("Done"))
    server.start()
    ended = wait_for_batch(server, batch)
    assert (ended.status, ended.request_counts.completed) == ("completed", 44)
    assert len(results_of(server, ended.output_file_id)) == 44
    asked = [request.said for request in upstream.requests]
    assert all(asked.count(f"quick {number}") == 1 for number in range(20))
    assert all(asked.count(f"rest {number}") == 1 for number in range(20))
    assert ended.usage.total_tokens == 44 * 12
    gate.open()


@each_database
def test_a_batch_resumes_after_a_server_stop(new_server, upstream, database):
    server = new_server(**database).start()
    upstream.answer(stalled(HANG))
    batch = create_batch(server, [chat_line("a", "Hello")])
    wait_for_batch(server, batch, "in_progress")
    upstream.wait_for(1)
    server.stop()
    server.start()
    assert wait_for_batch(server, batch).request_counts.completed == 1


def test_a_batch_is_validated_at_once_however_many_are_in_progress(new_server, upstream):
    server = new_server(limits__concurrent_batch_lines=1).start()
    gate = Gate()
    upstream.always(stalled(gate))
    made = input_file(server, [chat_line("a", "Hello")])
    create = partial(server.client.batches.create, endpoint=CHAT, completion_window="24h")
    busy = [create(input_file_id=made) for _ in range(70)]
    late = create(input_file_id=input_file(server, [b"no JSON"]))
    assert wait_for_batch(server, late, "failed").errors.data[0].code == "invalid_json_line"
    for one in (busy[0], busy[-1]):
        wait_for_batch(server, one, "in_progress")
    assert server.client.batches.cancel(busy[-1].id).status == "cancelling"
    assert wait_for_batch(server, busy[-1]).status == "cancelled"
    gate.open()
    upstream.always(text("Done"))
    assert {wait_for_batch(server, one).status for one in busy[:-1]} == {"completed"}


def test_a_batch_is_cancelled_through_any_server(new_node, upstream):
    one, other = new_node().start(), new_node()
    gate = Gate()
    upstream.answer(stalled(gate))
    batch = create_batch(one, [chat_line("a", "Hello"), chat_line("b", "Hello")])
    eventually(lambda: one.client.batches.retrieve(batch.id).request_counts.completed == 1)
    other.start()
    assert other.client.batches.cancel(batch.id).status == "cancelling"
    assert wait_for_batch(other, batch).status == "cancelled"
    gate.open()


def test_a_line_waits_as_long_as_the_provider_requests(server, upstream):
    upstream.answer(fault(429, headers={"retry-after": "3"}), text("At last"))
    before = len(upstream.requests)
    batch = create_batch(server, [chat_line("a", "Hello")])
    upstream.wait_for(before + 1)
    started = time.monotonic()
    assert wait_for_batch(server, batch).request_counts.completed == 1
    # Its own backoff would be a second at most.
    assert time.monotonic() - started > 2.5
    assert len(upstream.requests) == before + 2


def test_keys_of_another_project_see_nothing(server):
    assert server.ask("GET", "/v1/batches", key="sk-wrong-0123456789").status == 401
    assert json.loads(server.ask("GET", "/v1/batches?limit=1", key=KEY).body)["object"] == "list"
