"""Files in chat completions: those of this server reach any provider as text, bytes reach it as they are."""

import base64
import json

import openai
import pytest

from e2e.batching import chat_line, create_batch, results_of, wait_for_batch
from e2e.billing import new_key
from e2e.uploads import upload
from upstream import text

FACT = "The harbour opens at seven."
DATA = f"data:text/plain;base64,{base64.b64encode(FACT.encode()).decode()}"


def asking(**file):
    parts = [{"type": "text", "text": "When does the harbour open?"}, {"type": "file", "file": file}]
    return [{"role": "user", "content": parts}]


def sent(upstream):
    return upstream.requests[-1].body["messages"][0]["content"]


@pytest.mark.proves("chat.files")
@pytest.mark.parametrize("store", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_a_file_of_this_server_reaches_the_provider_as_text(server, client, upstream, store, stream):
    file = upload(server, FACT.encode(), filename="harbour.txt")
    upstream.answer(text("At seven."))
    asked = asking(file_id=file["id"])
    answered = client.chat.completions.create(model="gpt-4o", messages=asked, store=store, stream=stream)
    if stream:
        list(answered)
    question, document = sent(upstream)
    assert question["text"] == "When does the harbour open?"
    assert document["type"] == "text"
    assert "harbour.txt" in document["text"]
    assert FACT in document["text"]
    if store and not stream:
        kept = server.ask("GET", f"/chat/completions/{answered.id}/messages")
        assert file["id"] in kept.body.decode()


def test_bytes_reach_the_provider_as_they_are(client, upstream):
    upstream.answer(text("At seven."))
    asked = asking(file_data=DATA, filename="harbour.txt")
    client.chat.completions.create(model="gpt-4o", messages=asked)
    assert sent(upstream) == asked[0]["content"]


@pytest.mark.parametrize("how", ["id", "data"])
def test_rehearsal_reads_files(server, client, how):
    file = {"file_data": DATA, "filename": "harbour.txt"}
    if how == "id":
        file = {"file_id": upload(server, FACT.encode(), filename="harbour.txt")["id"]}
    done = client.chat.completions.create(model="rehearsal", messages=asking(**file))
    assert "seven" in done.choices[0].message.content


@pytest.mark.parametrize(
    ("file", "status", "param"),
    [
        ({"file_id": "file-000000000000000000000000"}, 404, "messages[0].content[1].file.file_id"),
        ({"file_id": 7}, 400, "messages[0].content[1].file.file_id"),
        ({"file_data": "no base64 at all"}, 400, "messages[0].content[1].file.file_data"),
        ({"file_data": ["x"]}, 400, "messages[0].content[1].file.file_data"),
        ({}, 400, "messages[0].content[1].file"),
        ({"file_id": "file-1", "file_data": DATA}, 400, "messages[0].content[1].file"),
        (None, 400, "messages[0].content[1].file"),
    ],
)
def test_a_malformed_file_part_is_refused_before_the_provider_is_called(server, upstream, file, status, param):
    parts = [{"type": "text", "text": "x"}, {"type": "file", "file": file}]
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}
    refused = server.ask("POST", "/chat/completions", body)
    assert (refused.status, refused.json["error"]["param"]) == (status, param)
    assert upstream.requests == []


def test_a_file_of_another_project_is_unknown(server):
    file = upload(server, FACT.encode())
    server.run("projects", "create", "readers")
    key = new_key(server, "--project", "readers")["key"]
    asked = asking(file_id=file["id"])
    with (
        openai.OpenAI(base_url=server.url, api_key=key, max_retries=0) as other,
        pytest.raises(openai.NotFoundError, match="No such File"),
    ):
        other.chat.completions.create(model="rehearsal", messages=asked)


def test_a_line_of_a_batch_reads_files(server, upstream):
    file = upload(server, FACT.encode(), filename="harbour.txt")
    upstream.answer(text("At seven."))
    lines = [
        chat_line("good", asking(file_id=file["id"])[0]["content"]),
        chat_line("bad", asking(file_id="file-x")[0]["content"]),
    ]
    batch = wait_for_batch(server, create_batch(server, lines))
    assert results_of(server, batch.output_file_id)["good"]["response"]["status_code"] == 200
    assert results_of(server, batch.error_file_id)["bad"]["response"]["status_code"] == 404
    assert FACT in json.dumps(upstream.requests[0].body)


def test_more_files_than_a_request_may_have_are_refused(client, upstream):
    parts = [{"type": "file", "file": {"file_data": DATA}}] * 101
    with pytest.raises(openai.BadRequestError, match="The limit is 100"):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])
    assert upstream.requests == []
