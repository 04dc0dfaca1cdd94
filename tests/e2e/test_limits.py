"""Limits of projects, keys and models over real servers: exact among concurrent clients, with the hosted API's errors."""

import asyncio
import itertools
import json

import openai
import pytest

from e2e.assistants_client import WEATHER, on_both, reached
from e2e.batching import chat_line, jsonl
from e2e.test_relayed import usage_of
from upstream import call, calls, echo, fault, reply, text
from waiting import eventually

pytestmark = on_both
NUMBERS = itertools.count()
MODEL = "gpt-4o"
WEATHER_TOOL = {"type": "function", **WEATHER["function"]}
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}


@pytest.fixture
def project(organization):
    return organization.projects.create(name=f"limited {next(NUMBERS)} of {id(organization)}")


@pytest.fixture
def administer(server, admin_key):
    """Sends a request of the admin key, and returns its reply's object."""

    def send(method, path, body=None):
        reply = server.ask(method, f"/v1/organization/projects/{path}", body, key=admin_key)
        assert reply.status == 200, reply.json
        return reply.json

    return send


@pytest.fixture
def key(administer, project):
    return administer("POST", f"{project.id}/api_keys", {"name": "program"})


@pytest.fixture
def client(server, key):
    with openai.OpenAI(base_url=server.url, api_key=key["value"], max_retries=0) as client:
        yield client


def test_the_rate_limits_of_models_are_listed_and_changed(organization, project):
    limits = organization.projects.rate_limits
    (row,) = [one for one in limits.list_rate_limits(project.id) if one.model == MODEL]
    assert (row.id, row.object, row.max_requests_per_1_minute) == (f"rl-{MODEL}", "project.rate_limit", 2147483647)
    changed = limits.update_rate_limit(
        row.id,
        project_id=project.id,
        max_requests_per_1_minute=60,
        max_tokens_per_1_minute=9000,
        max_requests_per_1_day=500,
        batch_1_day_max_input_tokens=100_000,
    )
    assert (changed.max_requests_per_1_minute, changed.max_tokens_per_1_minute) == (60, 9000)
    assert (changed.max_requests_per_1_day, changed.batch_1_day_max_input_tokens) == (500, 100_000)
    assert limits.update_rate_limit(row.id, project_id=project.id, max_requests_per_1_day=2147483647).to_dict() == {
        "object": "project.rate_limit",
        "id": row.id,
        "model": MODEL,
        "max_requests_per_1_minute": 60,
        "max_tokens_per_1_minute": 9000,
        "batch_1_day_max_input_tokens": 100_000,
    }
    every = [one.id for one in limits.list_rate_limits(project.id)]
    assert [one.id for one in limits.list_rate_limits(project.id, limit=1)] == every
    page = limits.list_rate_limits(project.id, before=every[-1], limit=1)
    assert ([one.id for one in page.data], page.has_more) == (every[-2:-1], len(every) > 2)
    with pytest.raises(openai.NotFoundError, match="rl-unknown"):
        limits.update_rate_limit("rl-unknown", project_id=project.id, max_requests_per_1_minute=1)
    relayed = limits.update_rate_limit(
        row.id, project_id=project.id, max_images_per_1_minute=3, max_audio_megabytes_per_1_minute=1
    )
    assert (relayed.max_images_per_1_minute, relayed.max_audio_megabytes_per_1_minute) == (3, 1)
    entry = organization.audit_logs.list(project_ids=[project.id], event_types=["rate_limit.updated"]).data[-1]
    assert (entry.rate_limit_updated.id, entry.rate_limit_updated.changes_requested.max_requests_per_1_minute) == (
        row.id,
        60,
    )


def test_images_and_audio_of_a_model_are_limited(organization, project, client, upstream):
    limits = organization.projects.rate_limits
    limits.update_rate_limit(
        f"rl-{MODEL}", project_id=project.id, max_images_per_1_minute=3, max_audio_megabytes_per_1_minute=1
    )
    two = reply({"created": 1, "data": [{"b64_json": "aGk="}] * 2})

    def draw(n):
        return client.images.generate(model=MODEL, prompt="A cat", n=n)

    def transcribe(size):
        return client.audio.transcriptions.create(model=MODEL, file=("a.wav", bytes(size)))

    upstream.answer(fault(400), two)
    with pytest.raises(openai.BadRequestError):
        draw(3)
    eventually(lambda: draw(2))
    with pytest.raises(openai.RateLimitError, match=r"images per min \(IPM\): Limit 3, Used 2, Requested 2"):
        draw(2)
    with pytest.raises(openai.RateLimitError, match="The number of images must be reduced"):
        draw(4)
    # Large enough that a slow machine does not get most of it back meanwhile.
    upstream.answer(reply({"text": "Hi"}), reply(bytes(900_000), content_type="audio/mpeg"))
    transcribe(990_000)
    with pytest.raises(openai.RateLimitError, match="bytes of audio per min: Limit 1000000"):
        transcribe(990_000)
    assert len(client.audio.speech.create(model=MODEL, voice="alloy", input="Hi").content) == 900_000
    upstream.always(reply(b"ID3", content_type="audio/mpeg"))
    with pytest.raises(openai.RateLimitError):
        client.audio.speech.create(model=MODEL, voice="alloy", input="Hi")


def image_limit(organization, project, images):
    limits = organization.projects.rate_limits
    limits.update_rate_limit(f"rl-{MODEL}", project_id=project.id, max_images_per_1_minute=images)


def images_of(count):
    return reply({"created": 1, "data": [{"b64_json": "aGk="}] * count})


def test_images_made_in_responses_count_for_the_limit(organization, project, client, upstream):
    image_limit(organization, project, 1)
    tool = {"type": "image_generation", "model": MODEL}
    asked = calls(call("image_generation", prompt="A cat"))

    def draw(image):
        upstream.answer(asked, *([] if image is None else [image]), text("Done."))
        return client.responses.create(model=MODEL, input="Draw", tools=[tool]).output[0].status

    # A failed image gives back what it has taken.
    assert draw(fault(400)) == "failed"
    assert draw(images_of(1)) == "completed"
    assert draw(None) == "failed"
    result = next(one["content"] for one in upstream.requests[-1].body["messages"] if one["role"] == "tool")
    assert "images per min (IPM): Limit 1" in result
    with pytest.raises(openai.RateLimitError, match=r"images per min \(IPM\)"):
        client.images.generate(model=MODEL, prompt="A cat")


def test_images_of_batches_count_for_the_limit_and_wait_for_it(organization, project, client, upstream):
    image_limit(organization, project, 60)

    def run_batch(count):
        body = {"model": MODEL, "prompt": "A cat", "n": count}
        line = {"custom_id": "a", "method": "POST", "url": "/v1/images/generations", "body": body}
        file = client.files.create(file=("a.jsonl", jsonl([line])), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/images/generations", completion_window="24h")
        ended = eventually(lambda: (one := client.batches.retrieve(batch.id)).status == "completed" and one)
        return ended.request_counts.completed

    upstream.answer(images_of(60))
    assert run_batch(10) == 1
    with pytest.raises(openai.RateLimitError, match=r"Limit 60, Used (60|5\d), Requested 10"):
        client.images.generate(model=MODEL, prompt="A cat", n=10)
    upstream.answer(images_of(5))
    assert run_batch(5) == 1


def test_limits_of_a_project_and_a_key_are_set_and_removed(server, administer, organization, project, key):
    path = f"{project.id}/limits"
    changed = administer("POST", path, {"requests_per_minute": 100, "tokens_per_day": "unlimited"})
    assert changed["limits"] | changed["effective"] | {"tokens_per_day": None} == changed["effective"]
    assert (changed["limits"]["requests_per_minute"], changed["limits"]["tokens_per_day"]) == (100, "unlimited")
    assert administer("POST", path, {"requests_per_minute": None})["effective"]["requests_per_minute"] is None
    of_key = f"{project.id}/api_keys/{key['id']}/limits"
    assert administer("POST", of_key, {"tokens_per_minute": 5000})["effective"]["tokens_per_minute"] == 5000
    assert administer("GET", of_key)["limits"]["tokens_per_minute"] == 5000
    types = [one.type for one in organization.audit_logs.list(project_ids=[project.id])]
    assert types[:3] == ["api_key.updated", "project.updated", "project.updated"]


def test_commands_set_limits_in_the_store_and_over_http(server, administer, admin_key, project, key):
    def run(*arguments):
        here = json.loads(server.run("limits", *arguments, "--json"))
        there = server.run("limits", *arguments, "--json", "--base-url", server.url, "--key", admin_key)
        if "--model" in arguments:
            here["limits"] = {}  # the hosted API's object has only what applies
        assert json.loads(there) == here
        return here

    of_project, of_key = ("--project", project.name), ("--api-key", key["id"])
    changed = run("set", "requests_per_minute=60", "tokens_per_day=unlimited", *of_project)
    assert (changed["project_id"], changed["effective"]["requests_per_minute"]) == (project.id, 60)
    assert changed["limits"]["tokens_per_day"] == "unlimited"
    assert run("set", "requests_per_minute=default", *of_project)["limits"]["requests_per_minute"] is None
    assert run("set", "tokens_per_minute=5_000", *of_key)["effective"]["tokens_per_minute"] == 5000
    assert run("show", *of_key)["api_key_id"] == key["id"]
    of_model = (*of_project, "--model", MODEL)
    assert run("set", "requests_per_day=7", *of_model)["effective"]["requests_per_day"] == 7
    assert run("show", *of_model)["effective"]["requests_per_minute"] is None
    table = server.run("limits", "show", *of_key)
    assert {"tokens_per_minute", "5,000"} <= {*table.split()}
    for wrong in ("requests=1", "requests_per_day=0", "requests_per_day=many"):
        server.run("limits", "set", wrong, *of_project, code=2)


async def test_a_limit_is_exact_among_200_concurrent_clients(server, administer, project, key):
    administer("POST", f"{project.id}/limits", {"requests_per_day": 40})

    async def request(client):
        try:
            await client.chat.completions.create(**HELLO)
        except openai.RateLimitError as error:
            return error
        return None

    async with openai.AsyncOpenAI(base_url=server.url, api_key=key["value"], max_retries=0, timeout=60) as client:
        errors = await asyncio.gather(*(request(client) for _ in range(200)))
    refused = [error for error in errors if error is not None]
    assert len(refused) == 160
    assert {error.code for error in refused} == {"rate_limit_exceeded"}


def test_replies_have_the_limits_and_refusals_name_the_wait(administer, project, client):
    administer("POST", f"{project.id}/limits", {"requests_per_minute": 3, "tokens_per_minute": 6000})
    headers = client.chat.completions.with_raw_response.create(**HELLO).headers
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert headers["x-ratelimit-remaining-requests"] == "2"
    assert headers["x-ratelimit-reset-requests"].removesuffix("s")[:2] in {"20", "19"}
    assert headers["x-ratelimit-limit-tokens"] == headers["x-ratelimit-limit-project-tokens"] == "6000"
    assert 5900 <= int(headers["x-ratelimit-remaining-tokens"]) < 6000
    with client.chat.completions.with_streaming_response.create(**HELLO, stream=True) as stream:
        assert stream.headers["x-ratelimit-remaining-requests"] == "1"
        stream.read()
    with client.responses.with_streaming_response.create(model=MODEL, input="hello") as response:
        assert response.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError) as refused:
        client.embeddings.create(model="text-embedding-3-small", input="hello")
    error, reply = refused.value, refused.value.response
    assert (error.type, error.code, error.param) == ("requests", "rate_limit_exceeded", None)
    assert "on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 1" in error.message
    assert f"This is the limit of the project {project.id}." in error.message
    assert 0 < int(reply.headers["retry-after-ms"]) <= 20_000
    assert int(reply.headers["retry-after"]) == -(-int(reply.headers["retry-after-ms"]) // 1000)
    assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    administer("POST", f"{project.id}/limits", {"requests_per_minute": "unlimited"})
    with pytest.raises(openai.RateLimitError, match="Request too large for gpt-4o in organization") as refused:
        client.chat.completions.create(**{**HELLO, "max_tokens": 7000})
    assert (refused.value.type, refused.value.response.headers["x-should-retry"]) == ("tokens", "false")


def test_a_run_over_a_limit_fails_and_its_tokens_are_counted(administer, project, client):
    administer("POST", f"{project.id}/limits", {"requests_per_day": 1, "tokens_per_day": 1_000_000})
    assistant = client.beta.assistants.create(model=MODEL)

    def run():
        message = {"role": "user", "content": "hello"}
        return client.beta.threads.create_and_run(assistant_id=assistant.id, thread={"messages": [message]})

    completed = reached(client, run())
    assert completed.status == "completed"
    failed = reached(client, run())
    assert (failed.status, failed.last_error.code) == ("failed", "rate_limit_exceeded")
    assert "on requests per day (RPD): Limit 1, Used 1, Requested 1. Please try again in 23h59m" in (
        failed.last_error.message
    )
    administer("POST", f"{project.id}/limits", {"requests_per_day": None})

    def remaining():
        reply = client.chat.completions.with_raw_response.create(**HELLO)
        return int(reply.headers["x-ratelimit-remaining-tokens"])

    # What the run had reserved beyond its use is back.
    eventually(lambda: remaining() > 1_000_000 - 400)


LONG = "x" * 400_000
FAILING = [
    ("chat/completions", HELLO | {"max_tokens": 100_000}),
    ("chat/completions", HELLO | {"max_tokens": 100_000, "stream": True}),
    ("completions", {"model": MODEL, "prompt": "hello", "max_tokens": 100_000}),
    ("messages", HELLO | {"max_tokens": 100_000}),
    ("embeddings", {"model": MODEL, "input": LONG}),
    ("images/generations", {"model": MODEL, "prompt": LONG}),
    ("audio/speech", {"model": MODEL, "input": LONG[:4000], "instructions": LONG, "voice": "alloy"}),
    ("moderations", {"model": MODEL, "input": LONG}),
    ("responses", {"model": MODEL, "input": "hello", "max_output_tokens": 100_000}),
    ("responses", {"model": MODEL, "input": LONG, "previous_response_id": "resp_none"}),
]


def test_a_request_that_fails_gives_its_tokens_back(server, administer, project, key, client, upstream):
    administer("POST", f"{project.id}/limits", {"tokens_per_day": 1_000_000})
    upstream.always(fault(400))
    for path, body in FAILING:
        assert server.ask("POST", f"/v1/{path}", body, key=key["value"]).status == 400, path
    upstream.always(echo)

    def remaining():
        reply = client.chat.completions.with_raw_response.create(**HELLO)
        return int(reply.headers["x-ratelimit-remaining-tokens"])

    eventually(lambda: remaining() > 1_000_000 - 400)


def test_a_batch_over_the_input_tokens_of_a_day_fails(administer, organization, project, client):
    organization.projects.rate_limits.update_rate_limit(
        f"rl-{MODEL}", project_id=project.id, batch_1_day_max_input_tokens=40
    )
    lines = jsonl([chat_line("one", "hello " * 100)])
    file = client.files.create(file=("input.jsonl", lines), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    failed = eventually(lambda: (one := client.batches.retrieve(batch.id)).status == "failed" and one)
    (fault,) = failed.errors.data
    assert fault.code == "token_limit_exceeded"
    assert "on batch input tokens per day: Limit 40, Requested" in fault.message


def test_anthropics_dialect_has_its_own_headers_and_error(server, administer, project, key):
    administer("POST", f"{project.id}/api_keys/{key['id']}/limits", {"requests_per_minute": 1})
    first, second = (server.ask("POST", "/v1/messages", HELLO, key=key["value"]) for _ in range(2))
    assert first.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert first.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert (second.status, second.json["error"]["type"]) == (429, "rate_limit_error")
    assert 1 <= int(second.headers["retry-after"]) <= 60


async def concurrently(server, key, count, work):
    """Calls `work` with a client so many times at once; returns the results that are errors."""
    async with openai.AsyncOpenAI(base_url=server.url, api_key=key["value"], max_retries=0, timeout=60) as client:
        results = await asyncio.gather(*(work(client) for _ in range(count)), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(error, openai.APIStatusError) for error in errors), errors
    return errors


async def test_vector_stores_are_limited_to_the_last_one(server, administer, project, key):
    path = f"{project.id}/limits"
    administer("POST", path, {"vector_stores": 3})
    errors = await concurrently(server, key, 12, lambda client: client.vector_stores.create())
    assert [(error.status_code, error.code) for error in errors] == [(400, "vector_store_limit_exceeded")] * 9
    assert administer("GET", path)["usage"]["vector_stores"] == 3
    with openai.OpenAI(base_url=server.url, api_key=key["value"], max_retries=0) as client:
        resources = {"file_search": {"vector_stores": [{}]}}
        with pytest.raises(openai.BadRequestError, match="Limit 3, Used 3"):
            client.beta.threads.create(tool_resources=resources)
        client.vector_stores.delete(client.vector_stores.list().data[0].id)
        client.beta.threads.create(tool_resources=resources)
    assert administer("GET", path)["usage"]["vector_stores"] == 3


async def test_stored_bytes_are_limited_to_the_last_one(server, administer, project, key):
    path = f"{project.id}/limits"
    administer("POST", path, {"stored_bytes": 1000})
    upload = {"file": ("notes.txt", b"x" * 300), "purpose": "assistants"}
    errors = await concurrently(server, key, 8, lambda client: client.files.create(**upload))
    assert [(error.status_code, error.code) for error in errors] == [(400, "storage_limit_exceeded")] * 5
    assert administer("GET", path)["usage"]["stored_bytes"] == 900
    with openai.OpenAI(base_url=server.url, api_key=key["value"], max_retries=0) as client:
        with pytest.raises(openai.BadRequestError, match="Limit 1000 bytes, Used 900, Requested 200"):
            client.uploads.upload_file_chunked(
                file=b"x" * 200, filename="more.txt", bytes=200, mime_type="text/plain", purpose="assistants"
            )
        client.files.delete(client.files.list().data[0].id)
        client.files.create(**upload)
    assert administer("GET", path)["usage"]["stored_bytes"] == 900
    # A video has no size before it is made.
    administer("POST", path, {"stored_bytes": 900})
    refusal = server.ask("POST", "/v1/videos", {"prompt": "Static"}, key=key["value"])
    assert (refusal.status, refusal.json["error"]["code"]) == (400, "storage_limit_exceeded")


def test_forms_on_their_way_to_a_provider_count_for_the_stored_bytes(administer, project, client, upstream):
    administer("POST", f"{project.id}/limits", {"stored_bytes": 2000})
    client.files.create(file=("notes.txt", b"x" * 500), purpose="assistants")
    upstream.always(reply({"text": "Hi"}))
    for _ in range(2):
        client.audio.transcriptions.create(model=MODEL, file=("a.wav", bytes(900)))
    with pytest.raises(openai.BadRequestError, match="Limit 2000 bytes, Used") as refused:
        client.audio.transcriptions.create(model=MODEL, file=("a.wav", bytes(1600)))
    assert refused.value.code == "storage_limit_exceeded"
    with pytest.raises(openai.BadRequestError, match="Limit 2000 bytes, Used"):
        client.images.edit(model=MODEL, prompt="A hat", image=("a.png", bytes(1600)))


def test_speech_that_cannot_be_stored_is_neither_made_nor_charged(server, administer, project, key, upstream):
    path, body = f"{project.id}/limits", {"model": MODEL, "text": "Hello"}
    administer("POST", path, {"stored_bytes": 1000})

    def speak(size):
        upstream.answer(reply(bytes(size), content_type="audio/mpeg"))
        return server.ask("POST", "/tts", body, key=key["value"])

    def characters():
        return sum(one["characters"] for one in usage_of(server, "audio_speeches", key=key["value"]))

    assert speak(600).status == 200
    eventually(lambda: characters() == 5)
    for size in (600, 401):
        refused = speak(size)
        assert (refused.status, refused.json["error"]["code"]) == (400, "storage_limit_exceeded")
        assert "Limit 1000 bytes, Used 600" in refused.json["message"]
    assert speak(400).status == 200
    eventually(lambda: characters() == 10)
    sent = len(upstream.requests)
    assert server.ask("POST", "/tts", body, key=key["value"]).json["error"]["code"] == "storage_limit_exceeded"
    assert (len(upstream.requests), administer("GET", path)["usage"]["stored_bytes"]) == (sent, 1000)
    assert characters() == 10


async def test_active_runs_of_a_project_and_of_a_key_are_limited(server, upstream, administer, project, key, client):
    upstream.always(calls(call("get_weather", city="Paris")))
    assistant = client.beta.assistants.create(model=MODEL, tools=[WEATHER])

    def run(client):
        thread = {"messages": [{"role": "user", "content": "hello"}]}
        return client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)

    of_key = f"{project.id}/api_keys/{key['id']}/limits"
    administer("POST", f"{project.id}/limits", {"concurrent_runs": 3})
    administer("POST", of_key, {"concurrent_runs": 2})
    errors = await concurrently(server, key, 8, run)
    assert [(error.status_code, error.code) for error in errors] == [(429, "concurrent_run_limit_exceeded")] * 6
    assert f"This is the limit of the API key {key['id']}." in errors[0].message
    assert administer("GET", of_key)["usage"] == {"concurrent_runs": 2}
    other = administer("POST", f"{project.id}/api_keys", {"name": "other"})
    errors = await concurrently(server, other, 3, run)
    assert [f"of the project {project.id}." in error.message for error in errors] == [True, True]
    with pytest.raises(openai.RateLimitError, match="Concurrent run limit exceeded"):
        client.responses.create(model=MODEL, input="hello")
    administer("POST", f"{project.id}/limits", {"concurrent_runs": "unlimited"})
    administer("POST", of_key, {"concurrent_runs": 3})
    upstream.always(echo)
    assert client.responses.create(model=MODEL, input="hello").status == "completed"
    # A response that has ended has left its place.
    assert client.responses.create(model=MODEL, input="hello").status == "completed"


def test_a_project_uses_the_models_that_it_may(organization, project, client):
    permissions = organization.projects.model_permissions
    assert permissions.retrieve(project.id).to_dict() == {
        "object": "project.model_permissions",
        "mode": "deny_list",
        "model_ids": [],
    }
    assistant = client.beta.assistants.create(model=MODEL)
    changed = permissions.update(project.id, mode="allow_list", model_ids=["gpt-4o-mini"])
    assert (changed.mode, changed.model_ids) == ("allow_list", ["gpt-4o-mini"])
    # The message of the change may reach another node a moment later; requests alternate between two.
    eventually(lambda: all({model.id for model in client.models.list()} == {"gpt-4o-mini"} for _ in range(2)))
    assert [one.model for one in organization.projects.rate_limits.list_rate_limits(project.id)] == ["gpt-4o-mini"]
    assert client.chat.completions.create(**{**HELLO, "model": "gpt-4o-mini"}).choices
    thread, store = {"messages": [{"role": "user", "content": "hello"}]}, client.vector_stores.create()
    for request in (
        lambda: client.chat.completions.create(**HELLO),
        lambda: client.chat.completions.create(**{**HELLO, "model": f"openai/{MODEL}"}),
        lambda: client.responses.create(model=MODEL, input="hello"),
        lambda: client.embeddings.create(model="text-embedding-3-small", input="hello"),
        lambda: client.completions.create(model=MODEL, prompt="hello"),
        lambda: client.images.generate(model=MODEL, prompt="hello"),
        lambda: client.beta.assistants.create(model=MODEL),
        lambda: client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread),
        lambda: client.vector_stores.search(store.id, query="x", ranking_options={"ranker": "main/rerank-1"}),
        lambda: client.post("/messages", body=HELLO, cast_to=object),
        lambda: client.post("/messages/count_tokens", body={**HELLO, "max_tokens": None}, cast_to=object),
    ):
        with pytest.raises(openai.PermissionDeniedError, match=f"Project `{project.id}` does not have access to model"):
            request()
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(MODEL)
    file = client.files.create(file=("input.jsonl", jsonl([chat_line("one", "hello")])), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    failed = eventually(lambda: (one := client.batches.retrieve(batch.id)).status == "failed" and one)
    assert failed.errors.data[0].code == "model_not_found"
    assert (permissions.delete(project.id).deleted, permissions.delete(project.id).deleted) == (True, False)
    assert client.chat.completions.create(**HELLO).choices


def create_message(client, **members):
    return client.post("/messages", body={**HELLO, "max_tokens": 10, **members}, cast_to=object)


def test_a_project_uses_the_hosted_tools_that_it_may(organization, project, client):
    permissions = organization.projects.hosted_tool_permissions
    assert all(one["enabled"] for one in permissions.retrieve(project.id).to_dict().values())
    assistant = client.beta.assistants.create(model=MODEL, tools=[{"type": "file_search"}])
    changed = permissions.update(project.id, file_search={"enabled": False}, web_search={"enabled": False})
    assert (changed.file_search.enabled, changed.web_search.enabled, changed.mcp.enabled) == (False, False, True)
    thread = {"messages": [{"role": "user", "content": "hello"}]}
    store = client.vector_stores.create()
    search = {"type": "file_search", "vector_store_ids": [store.id]}
    for request, param in (
        (lambda: client.beta.assistants.create(model=MODEL, tools=[{"type": "file_search"}]), "tools[0]"),
        (lambda: client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread), "tools[0]"),
        (lambda: client.responses.create(model=MODEL, input="hello", tools=[WEATHER_TOOL, search]), "tools[1]"),
        (lambda: client.chat.completions.create(**HELLO, web_search_options={}), "web_search_options"),
        (lambda: create_message(client, tools=[{"type": "web_search_20250305", "name": "web_search"}]), None),
        (lambda: create_message(client, tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}]), None),
    ):
        with pytest.raises(openai.BadRequestError, match="is disabled for this project") as refused:
            request()
        assert (refused.value.code, refused.value.param) == (param and "unsupported_tool", param)
    line = chat_line("one", "hello", web_search_options={})
    file = client.files.create(file=("input.jsonl", jsonl([line])), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = eventually(lambda: (one := client.batches.retrieve(batch.id)).status == "completed" and one)
    assert "is disabled for this project" in client.files.content(ended.error_file_id).text
    permissions.update(project.id, file_search={"enabled": True})
    assert client.responses.create(model=MODEL, input="hello", tools=[search]).status == "completed"
    types = [one.type for one in organization.audit_logs.list(project_ids=[project.id])]
    assert types.count("project.updated") == 2
