"""Concurrent calls under one spend limit: each holds what it may cost until it is charged, and gives back the rest."""

import contextlib
import http.client
import itertools
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.assistants_client import new_thread, reached, run_of, user
from e2e.billing import PRICES, grant, new_key
from envelope import assert_error
from serving import Server, serve
from upstream import HANG, Gate, fault, reply, text
from waiting import eventually

CONFIG = f"""{PRICES}
[models."image-maker"]
unit_price = 0.00085

[models."speaker"]
unit_price = 0.0000085

[providers.media]
base_url = "{{url}}"
api_key = "upstream-key"
models = ["image-maker", "speaker"]
retries = 0
"""
LIMIT = "0.002USD"
"""4,000 credits: of calls that cost 1,700 each, two fit."""
OUTPUT = 100
USED = (25, OUTPUT)
QUESTION = [user("How far is it?")]
CHAT = {"model": "gpt-4o", "messages": QUESTION, "max_tokens": OUTPUT}
VECTOR = {"object": "embedding", "index": 0, "embedding": [1.0]}
EMBEDDING = {
    "object": "list",
    "data": [VECTOR],
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 425, "total_tokens": 425},
}
PICTURE = {"created": 1, "data": [{"b64_json": "aGk="}]}
FORMS = {
    "chat": ("/v1/chat/completions", CHAT),
    "streamed chat": ("/v1/chat/completions", CHAT | {"stream": True}),
    "stored chat": ("/v1/chat/completions", CHAT | {"store": True}),
    "completions": ("/v1/completions", {"model": "gpt-4o", "prompt": "How far is it?", "max_tokens": OUTPUT}),
    "messages": ("/v1/messages", CHAT),
    "responses": ("/v1/responses", {"model": "gpt-4o", "input": "How far is it?", "max_output_tokens": OUTPUT}),
    "embeddings": ("/v1/embeddings", {"model": "gpt-4o", "input": "x" * 1700}),
    "images": ("/v1/images/generations", {"model": "image-maker", "prompt": "A cat", "n": 1}),
    "speech": ("/v1/audio/speech", {"model": "speaker", "input": "x" * 100, "voice": "alloy"}),
}
numbers = itertools.count()


@pytest.fixture(scope="module")
def priced(session_upstream, tmp_path_factory):
    directory = tmp_path_factory.mktemp("holds")
    yield from serve(Server(directory, session_upstream.url, CONFIG.format(url=session_upstream.url)))


@pytest.fixture
def limited(priced):
    return Limited(priced)


class Limited:
    """A key of a project of its own, which may spend so much."""

    def __init__(self, server, limit=LIMIT):
        self.server, self.project = server, f"holds-{next(numbers)}"
        server.run("projects", "create", self.project)
        options = () if limit is None else ("--spend-limit", limit)
        self.key = new_key(server, "--project", self.project, *options)["key"]

    def post(self, path, body):
        return self.server.ask("POST", path, body, key=self.key)

    def post_together(self, upstream, path, body, count, answer):
        """The replies to `count` equal requests, all of which arrive before one of them is answered."""
        gate, before = Gate(), len(upstream.requests)
        upstream.always(answer(gate))
        replies = []
        lock = threading.Lock()

        def post(_):
            one = self.post(path, body)
            with lock:
                replies.append(one)

        with ThreadPoolExecutor(count) as pool:
            sent = [pool.submit(post, number) for number in range(count)]
            eventually(lambda: len(upstream.requests) - before + len(replies) >= count)
            gate.open()
            for one in sent:
                one.result()
        return replies

    def count_admitted(self, upstream, count=6):
        replies = self.post_together(upstream, *FORMS["chat"], count, lambda gate: text(gate, "Far.", usage=USED))
        return sum(one.status == 200 for one in replies)


def answer_of(form):
    match form:
        case "embeddings":
            return lambda gate: reply(EMBEDDING).but(stall=gate)
        case "images":
            return lambda gate: reply(PICTURE).but(stall=gate)
        case "speech":
            return lambda gate: reply(b"sound", content_type="audio/mpeg").but(stall=gate)
        case _:
            return lambda gate: text(gate, "Far.", usage=USED)


@pytest.mark.parametrize("form", FORMS)
def test_concurrent_calls_do_not_exceed_a_limit_together(limited, upstream, form):
    replies = limited.post_together(upstream, *FORMS[form], 6, answer_of(form))
    refused = [one for one in replies if one.status != 200]
    assert len(refused) == 4, [one.body for one in replies]
    for one in refused:
        assert (one.status, one.headers["retry-after"]) == (429, "1")
        assert b"reserved for work in progress" in one.body
        assert one.json["error"].get("code", "funds_reserved") == "funds_reserved"
    # 600 credits are left: work alone is not refused for its own estimate.
    assert limited.post(*FORMS[form]).status == 200
    refusal = eventually(lambda: one if (one := limited.post(*FORMS[form])).status != 200 else None)
    assert b"spend limit of this API key is reached" in refusal.body


@pytest.mark.parametrize(
    ("form", "streams"),
    [
        *itertools.product(["chat", "stored chat", "completions", "messages", "responses"], [False, True]),
        ("runs", True),
    ],
)
def test_a_call_after_the_last_byte_of_the_one_before_is_not_refused_for_it(limited, upstream, form, streams):
    # 260 credits each: the first holds more than the limit, and the last ones more than is left of it.
    upstream.always(text("Far.", usage=(25, 10)))
    if form == "runs":
        client = limited.server.new_client(api_key=limited.key)
        assistant = client.beta.assistants.create(model="gpt-4o")
        thread = {"messages": QUESTION}
        path, body = "/v1/threads/runs", {"assistant_id": assistant.id, "thread": thread}
    else:
        path, body = FORMS[form]
        body = body | {name: 100_000 for name in ("max_tokens", "max_output_tokens") if name in body}
    headers = {"Authorization": f"Bearer {limited.key}", "Content-Type": "application/json"}
    host = limited.server.url.removeprefix("http://").removesuffix("/v1")
    sent = 0
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        while True:
            connection.request("POST", path, json.dumps(body | {"stream": streams}), headers)
            answered = connection.getresponse()
            received = answered.read()
            if answered.status != 200:
                break
            sent += 1
    assert (sent, b"spend limit of this API key is reached" in received) == (16, True), received


def test_concurrent_calls_do_not_exceed_a_budget_together(priced, upstream):
    tenant = Limited(priced, limit=None)
    grant(priced, LIMIT, tenant.project)
    replies = tenant.post_together(upstream, *FORMS["chat"], 6, lambda gate: text(gate, "Far.", usage=USED))
    refused = [one for one in replies if one.status != 200]
    assert len(refused) == 4
    assert_error(
        refused[0],
        429,
        re.compile(
            r"The project's balance is reserved for work in progress: it is 4000 credits, and that work may cost 3\d+\..*"
        ),
        None,
        "funds_reserved",
        "requests",
    )


def test_runs_hold_what_the_latest_ones_have_cost(limited, upstream):
    client = limited.server.new_client(api_key=limited.key)
    assistant = client.beta.assistants.create(model="gpt-4o")
    upstream.always(text("Far.", usage=(25, 50)))
    assert run_of(client, new_thread(client, "How far?"), assistant).status == "completed"
    # 900 of 4,000 credits are spent: three more runs fit.
    paths = [f"/v1/threads/{new_thread(client, 'How far?').id}/runs" for _ in range(6)]
    gate = Gate()
    upstream.always(text(gate, "Far.", usage=(25, 50)))
    replies = [limited.post(path, {"assistant_id": assistant.id}) for path in paths]
    assert [one.status for one in replies] == [200, 200, 200, 429, 429, 429]
    assert replies[-1].json["error"]["code"] == "funds_reserved"
    gate.open()
    for one in replies[:3]:
        run = client.beta.threads.runs.retrieve(one.json["id"], thread_id=one.json["thread_id"])
        assert reached(client, run).status == "completed"
    # Of the 400 credits that are left, a run may begin alone.
    upstream.always(text("Far.", usage=(25, 50)))
    assert run_of(client, new_thread(client, "How far?"), assistant).status == "completed"


def test_images_hold_their_number_whatever_the_latest_requests_have_cost(priced, upstream):
    tenant = Limited(priced, "0.006USD")
    path, body = FORMS["images"]
    upstream.answer(reply(PICTURE))
    assert tenant.post(path, body).status == 200
    # Of 12,000 credits 10,300 are left, and three images cost 5,100.
    three = PICTURE | {"data": PICTURE["data"] * 3}
    replies = tenant.post_together(upstream, path, body | {"n": 3}, 6, lambda gate: reply(three).but(stall=gate))
    assert sorted(one.status for one in replies) == [200] * 2 + [429] * 4


def test_each_prompt_of_a_completion_holds_its_maximum(limited, upstream):
    path, body = FORMS["completions"]
    two = body | {"prompt": ["How far is it?", "How near?"]}
    replies = limited.post_together(upstream, path, two, 2, lambda gate: text(gate, "Far.", usage=(25, 50)))
    assert sorted(one.status for one in replies) == [200, 429]


@pytest.mark.parametrize("way", ["spend_limit", "credits/limit", "key"])
def test_a_limit_that_an_admin_key_sets_counts_for_the_next_request(priced, upstream, way):
    admin_key = priced.create_admin_key()
    limited = Limited(priced, limit=None)
    upstream.always(text("Far.", usage=USED))
    assert limited.post(*FORMS["chat"]).status == 200
    me = priced.ask("GET", "/v1/organization/projects", key=admin_key).json["data"]
    project = next(one["id"] for one in me if one["name"] == limited.project)
    # Once what the first call has cost is spent, one more fits.
    body = {"credits": 3000, "period": "month"}
    if way == "spend_limit":
        body = {"threshold_amount": 0, "currency": "USD", "interval": "month"}
    elif way == "key":
        keys = priced.ask("GET", f"/v1/organization/projects/{project}/api_keys", key=admin_key).json["data"]
        body["api_key_id"] = keys[0]["id"]
    path = f"/v1/organization/projects/{project}/{'spend_limit' if way == 'spend_limit' else 'credits/limit'}"
    assert priced.ask("POST", path, body, key=admin_key).status == 200
    admitted = limited.count_admitted(upstream)
    assert admitted == (0 if way == "spend_limit" else 1)


def test_a_maximum_far_above_what_calls_use_refuses_nobody(limited, upstream):
    path, body = FORMS["chat"][0], CHAT | {"max_tokens": 100_000}
    upstream.answer(text("Far.", usage=(25, 10)))
    assert limited.post(path, body).status == 200
    replies = limited.post_together(upstream, path, body, 4, lambda gate: text(gate, "Far.", usage=(25, 10)))
    assert [one.status for one in replies] == [200] * 4


def test_the_end_of_a_run_on_another_node_frees_what_it_held(new_node, upstream):
    full, other = new_node(config=PRICES, limits__concurrent_runs=1).start(), new_node(config=PRICES)
    assistant = full.client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.always(lambda asked: text(gate, "Late.") if asked.said == "busy" else text("Far.", usage=(25, 50)))
    full.client.beta.threads.runs.create(new_thread(full.client, "busy").id, assistant_id=assistant.id)
    upstream.wait_for(1)
    key = new_key(full, "--spend-limit", LIMIT)["key"]
    client = full.new_client(api_key=key)
    threads = [new_thread(client, "How far?") for _ in range(3)]
    other.start()
    # Each is estimated at more than the limit, and has to be over before the next one.
    for thread in threads:
        path = f"/v1/threads/{thread.id}/runs"
        with full.opened("POST", path, {"assistant_id": assistant.id, "stream": True}, key=key) as stream:
            assert b"thread.run.completed" in stream.read()
    gate.open()


def fail_at_the_provider(limited, upstream):
    upstream.always(fault(400))
    for path, body in (FORMS["chat"], FORMS["streamed chat"], FORMS["images"], FORMS["embeddings"]):
        assert limited.post(path, body).status == 400


def disconnect(limited, upstream):
    upstream.always(text("Fa", HANG))
    before = len(upstream.requests)
    path, body = FORMS["streamed chat"]
    host = limited.server.url.removeprefix("http://").removesuffix("/v1")
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {limited.key}"})
        assert connection.getresponse().read(1)
    assert upstream.requests[before].gone.wait(10)


def refuse_the_run(limited, upstream):
    client = limited.server.new_client(api_key=limited.key)
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "How far?")
    upstream.always(text(HANG))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    body = {"assistant_id": assistant.id}
    assert limited.post(f"/v1/threads/{thread.id}/runs", body).status in (400, 429)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert reached(client, run).status == "cancelled"


def fail_the_run(limited, upstream):
    client = limited.server.new_client(api_key=limited.key)
    assistant = client.beta.assistants.create(model="gpt-4o")
    upstream.always(fault(400))
    assert run_of(client, new_thread(client, "How far?"), assistant).status == "failed"


def refuse_the_response(limited, upstream):
    path, body = FORMS["responses"]
    assert limited.post(path, body | {"previous_response_id": "resp_none"}).status == 400


def fail_the_response(limited, upstream):
    upstream.always(fault(400))
    assert limited.post(*FORMS["responses"]).status == 400


def fail_a_batch(limited, upstream):
    upstream.always(fault(400))
    client = limited.server.new_client(api_key=limited.key)
    line = {"custom_id": "1", "method": "POST", "url": FORMS["chat"][0], "body": CHAT}
    file = client.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    eventually(lambda: client.batches.retrieve(batch.id).status == "completed")


@pytest.mark.parametrize(
    "end",
    [
        fail_at_the_provider,
        disconnect,
        refuse_the_run,
        fail_the_run,
        refuse_the_response,
        fail_the_response,
        fail_a_batch,
    ],
)
def test_work_that_costs_little_or_nothing_gives_the_rest_back(limited, upstream, end):
    end(limited, upstream)
    assert limited.count_admitted(upstream) == 2


def test_lines_of_a_batch_wait_for_funds_that_others_hold(limited, upstream):
    client = limited.server.new_client(api_key=limited.key)
    lines = [{"custom_id": str(number), "method": "POST", "url": FORMS["chat"][0], "body": CHAT} for number in range(4)]
    file = client.files.create(file=("lines.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
    upstream.always(text("Far.", usage=USED))
    # At half the price, four of them fit.
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = eventually(
        lambda: one if (one := client.batches.retrieve(batch.id)).status == "completed" else None, within=30
    )
    assert ended.request_counts.completed == 4
