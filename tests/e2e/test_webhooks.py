"""Webhooks: endpoints as the official package makes them, and what they are sent, verified as it verifies it."""

import json

import openai
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from e2e.assistants_client import WEATHER, new_thread, outputs_for, reached, run_of
from envelope import assert_error
from receiver import Receiver
from serving import KEY, Server, serve
from upstream import HANG, call, calls, fault, text
from waiting import eventually

QUICK = {"webhooks__allow_private": "true", "webhooks__first_retry": "0.1", "webhooks__longest_wait": "0.2"}


@pytest.fixture(scope="module")
def hooked_server(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("hooked"), session_upstream.url, **QUICK, webhooks__timeout="5"))


@pytest.fixture
def hooked(hooked_server):
    """A server that may tell endpoints on this machine, without any."""
    yield hooked_server.client
    for endpoint in hooked_server.client.webhooks.list():
        hooked_server.client.webhooks.delete(endpoint.id)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def endpoint_for(client, receiver, *types, **members):
    made = client.webhooks.create(
        **{"name": "hook", "url": receiver.url, "event_types": list(types) or ["*"], **members}
    )
    return made, made.signing_secret


def verified(client, received, secret):
    return client.webhooks.unwrap(received.body, received.headers, secret=secret)


def delivery(server, received, status):
    path = f"/v1/webhook_deliveries/{received.headers['webhook-id']}"

    def settled():
        found = server.ask("GET", path).json
        return found if found["status"] == status else None

    return eventually(settled)


@pytest.mark.proves("webhooks.endpoints", "webhooks.secret_once")
def test_an_endpoint_is_made_read_changed_listed_and_deleted(hooked_server, hooked):
    made = hooked.webhooks.create(name="hook", url="https://example.com/a", event_types=["batch.completed"])
    assert made.signing_secret.startswith("whsec_")
    assert made.signing_secret_hint.endswith(made.signing_secret[-4:])
    shown = hooked.webhooks.retrieve(made.id)
    assert (shown.url, shown.event_types, shown.created_at) == (made.url, ["batch.completed"], made.updated_at)
    changed = hooked.webhooks.update(made.id, name="other", event_types=["response.completed"])
    assert (changed.name, changed.url, changed.event_types) == ("other", made.url, ["response.completed"])
    other = hooked.webhooks.create(name="two", url="https://example.com/b", event_types=["batch.failed"])
    assert [one.id for one in hooked.webhooks.list(limit=1)] == [other.id, made.id]
    for method, path in (("GET", "/v1/webhook_endpoints"), ("GET", f"/v1/webhook_endpoints/{made.id}")):
        assert made.signing_secret not in hooked_server.ask(method, path).body.decode()
    assert hooked.webhooks.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError) as error:
        hooked.webhooks.retrieve(made.id)
    assert_error(error.value, 404, f"No webhook endpoint found with id '{made.id}'.")


@pytest.mark.proves("webhooks.runs", "webhooks.signature", "webhooks.event_shape")
def test_run_events_are_sent_and_verified_by_the_official_package(hooked_server, hooked, upstream, receiver):
    _, secret = endpoint_for(hooked, receiver, "thread.run.completed", "thread.run.requires_action")
    assistant = hooked.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(hooked, "Hello")
    upstream.answer(calls(call("get_weather", city="Paris")), text("Warm."))
    run = run_of(hooked, thread, assistant)
    waiting = receiver.next()
    hooked.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
    done = receiver.next()
    assert receiver.none_left()
    for received, kind in ((waiting, "thread.run.requires_action"), (done, "thread.run.completed")):
        event = verified(hooked, received, secret)
        Webhook(secret).verify(received.body, received.headers)
        assert (event.type, event.object) == (kind, "event")
        assert received.json["data"] == {"id": run.id, "thread_id": thread.id}
        assert list(received.json) == ["id", "object", "type", "created_at", "data"]
        assert received.headers["content-type"] == "application/json"
        shown = delivery(hooked_server, received, "delivered")
        assert (shown["attempts"], shown["event"], shown["last_attempt"]["status_code"]) == (1, received.json, 200)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(done.body + b" ", done.headers)


@pytest.mark.proves("webhooks.runs")
def test_failed_cancelled_and_incomplete_runs_send_events(hooked, upstream, receiver):
    endpoint_for(hooked, receiver)
    assistant = hooked.beta.assistants.create(model="gpt-4o")
    upstream.answer(fault(400, "Bad."))
    run_of(hooked, new_thread(hooked, "Hello"), assistant)
    assert receiver.next().json["type"] == "thread.run.failed"
    upstream.answer(text("Hel", finish="length"))
    run_of(hooked, new_thread(hooked, "Hello"), assistant)
    assert receiver.next().json["type"] == "thread.run.incomplete"
    upstream.answer(text("Hel", HANG))
    thread = new_thread(hooked, "Hello")
    run = hooked.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    hooked.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert reached(hooked, run).status == "cancelled"
    assert receiver.next().json["type"] == "thread.run.cancelled"


@pytest.mark.proves("webhooks.retries")
def test_a_failed_delivery_is_retried_with_the_same_id(hooked_server, hooked, receiver):
    _, secret = endpoint_for(hooked, receiver)
    receiver.answer(500, 302)
    run_of(hooked, new_thread(hooked, "Hello"), hooked.beta.assistants.create(model="gpt-4o"))
    attempts = [receiver.next() for _ in range(3)]
    assert len({one.headers["webhook-id"] for one in attempts}) == 1
    assert len({one.body for one in attempts}) == 1
    for one in attempts:
        verified(hooked, one, secret)
    shown = delivery(hooked_server, attempts[0], "delivered")
    assert (shown["attempts"], shown["next_attempt_at"]) == (3, None)


@pytest.mark.proves("webhooks.gives_up", "webhooks.replay", "webhooks.deliveries")
def test_a_delivery_that_failed_for_good_can_be_found_and_sent_again(new_server, receiver):
    server = new_server(**QUICK, webhooks__give_up="0").start()
    made, _ = endpoint_for(server.client, receiver)
    receiver.answer(503)
    run_of(server.client, new_thread(server.client, "Hello"), server.client.beta.assistants.create(model="gpt-4o"))
    first = receiver.next()
    shown = delivery(server, first, "failed")
    assert (shown["attempts"], shown["last_attempt"]["status_code"], shown["next_attempt_at"]) == (1, 503, None)
    query = f"webhook_endpoint_id={made.id}&status=failed&event_type=thread.run.completed"
    page = server.ask("GET", f"/v1/webhook_deliveries?{query}").json
    assert page == {
        "object": "list",
        "data": [shown],
        "first_id": shown["id"],
        "last_id": shown["id"],
        "has_more": False,
    }
    assert server.ask("GET", "/v1/webhook_deliveries?status=pending").json["data"] == []
    again = server.ask("POST", f"/v1/webhook_deliveries/{shown['id']}/replay").json
    assert again["status"] == "pending"
    second = receiver.next()
    assert (second.headers["webhook-id"], second.body) == (first.headers["webhook-id"], first.body)
    delivery(server, second, "delivered")


@pytest.mark.slow
@pytest.mark.proves("webhooks.survives_crashes")
def test_a_pending_delivery_survives_a_crash(new_server, receiver):
    server = new_server(**QUICK, webhooks__timeout="0.5").start()
    endpoint_for(server.client, receiver)
    receiver.unblocked.clear()
    run = run_of(
        server.client, new_thread(server.client, "Hello"), server.client.beta.assistants.create(model="gpt-4o")
    )
    first = receiver.next()
    server.kill()
    receiver.unblocked.set()
    server.start()
    second = receiver.next()
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert second.json["data"]["id"] == run.id
    delivery(server, second, "delivered")


@pytest.mark.proves("webhooks.test")
def test_an_endpoint_can_be_tested(hooked, receiver):
    made, secret = endpoint_for(hooked, receiver, "batch.completed")
    receiver.answer(418)
    result = hooked.webhooks.test(made.id, event_type="response.failed")
    assert (result.status_code, result.event_type, result.webhook_endpoint_id) == (418, "response.failed", made.id)
    event = verified(hooked, receiver.next(), secret)
    assert (event.type, event.data.id) == ("response.failed", "resp_test")


def test_testing_an_unavailable_endpoint_fails(hooked):
    with Receiver() as gone:
        url = gone.url
    made = hooked.webhooks.create(name="hook", url=url, event_types=["batch.completed"])
    with pytest.raises(openai.BadRequestError) as error:
        hooked.webhooks.test(made.id, event_type="batch.completed")
    said = f"The endpoint {url!r} could not be tested. The request failed: the connection failed."
    assert_error(error.value, 400, said)


@pytest.mark.proves("webhooks.rotation")
def test_a_rotated_secret_signs_beside_the_old_one_if_requested(hooked, receiver):
    made, old = endpoint_for(hooked, receiver)
    new = hooked.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True).signing_secret
    assert new != old
    hooked.webhooks.test(made.id, event_type="batch.failed")
    received = receiver.next()
    verified(hooked, received, old)
    verified(hooked, received, new)
    newest = hooked.webhooks.rotate_secret(made.id).signing_secret
    hooked.webhooks.test(made.id, event_type="batch.failed")
    received = receiver.next()
    verified(hooked, received, newest)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        verified(hooked, received, new)


def test_the_event_types_are_listed(hooked):
    types = hooked.webhooks.event_types.list().data
    assert {"batch.completed", "response.failed", "thread.run.requires_action"} <= set(types)


@pytest.mark.proves("webhooks.settings")
def test_the_operator_endpoint_receives_all_events_and_is_hidden_from_tenants(new_server, receiver):
    secret = "whsec_" + "c2VjcmV0" * 4
    server = new_server(**QUICK, webhooks__url=receiver.url, webhooks__secret=secret).start()
    run_of(server.client, new_thread(server.client, "Hello"), server.client.beta.assistants.create(model="gpt-4o"))
    assert verified(server.client, receiver.next(), secret).type == "thread.run.completed"
    assert server.client.webhooks.list().data == []
    assert server.ask("GET", "/v1/webhook_deliveries").json["data"] == []
    assert secret not in server.log.read_text()


def test_the_operator_sees_deliveries_of_all_projects_and_sends_them_again(new_server, receiver):
    def command(*arguments, code=0):
        return server.execute("webhooks", *arguments, code=code)

    own = {"webhooks__url": receiver.url, "webhooks__secret": "whsec_" + "c2VjcmV0" * 4}
    server = new_server(**QUICK, **own, webhooks__give_up="0").start()
    made, _ = endpoint_for(server.client, receiver, "batch.completed")
    receiver.answer(500)
    run_of(server.client, new_thread(server.client, "Hello"), server.client.beta.assistants.create(model="gpt-4o"))
    first = receiver.next()
    shown = eventually(lambda: json.loads(command("deliveries", "--status", "failed", "--json").stdout))
    assert [one["id"] for one in shown] == [first.headers["webhook-id"]]
    command("replay", shown[0]["id"])
    assert receiver.next().headers["webhook-id"] == shown[0]["id"]
    eventually(lambda: " delivered " in command("deliveries").stdout)
    listed = json.loads(command("endpoints", "--json").stdout)
    assert [one["project_id"] is None for one in listed] == [True, False]
    assert listed[1]["id"] == made.id
    assert made.url in command("endpoints").stdout
    assert "No webhook delivery found with id 'wh_x'." in command("replay", "wh_x", code=1).stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"url": "https://10.0.0.1/hook"},
            "`webhooks.url` is 'https://10.0.0.1/hook'. Its host is on a private network",
        ),
        (
            {"url": "https://a.example", "events": "nothing.happened"},
            "`webhooks.events` has the unknown event 'nothing.happened'",
        ),
        (
            {"url": "https://a.example", "secret": "whsec_short"},
            "it must be 'whsec_' and the base64 of 24 to 64 bytes.",
        ),
    ],
)
def test_an_operators_endpoint_that_cannot_work_is_refused_at_the_start(new_server, settings, message):
    given = {"secret": "whsec_" + "c2VjcmV0" * 4, **settings}
    server = new_server(**{f"webhooks__{name}": value for name, value in given.items()})
    with pytest.raises(AssertionError):
        server.start()
    assert server.process.wait(15) == 2
    eventually(lambda: message in server.log.read_text())
    server.kill()


PRIVATE = [
    "https://127.0.0.1/x",
    "https://10.1.2.3/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x",
    "https://[fd00::1]/x",
    "https://0.0.0.0/x",
    "https://2130706433/x",
    "https://0177.0.0.1/x",
    "https://127.1/x",
    "https://localhost/x",
    "https://localhost./x",
    "https://db.internal/x",
]


@pytest.mark.proves("webhooks.private_addresses")
@pytest.mark.parametrize("url", PRIVATE)
def test_private_targets_are_refused_at_once(server, url):
    reply = server.ask("POST", "/v1/webhook_endpoints", {"name": "x", "url": url, "event_types": ["*"]})
    said = f"Invalid 'url': {url!r}. Its host is on a private network, which `webhooks.allow_private` does not allow."
    assert_error(reply, 400, said, "url", "invalid_value")


@pytest.mark.proves("webhooks.private_addresses")
def test_a_host_that_resolves_to_a_private_address_is_not_connected_to(server, receiver):
    """A form of an address that only the resolver understands stands here for names that resolve to one."""
    url = f"https://0x7f.1:{receiver.port}/x"
    made = server.client.webhooks.create(name="x", url=url, event_types=["batch.completed"])
    with pytest.raises(openai.BadRequestError, match="its address is private, which"):
        server.client.webhooks.test(made.id, event_type="batch.completed")
    server.client.webhooks.delete(made.id)
    assert receiver.none_left()


REFUSED = [
    (
        {"url": "http://example.com/x"},
        "Invalid 'url': 'http://example.com/x'. It has to begin with https:// and a host.",
    ),
    ({"url": "ftp://example.com/x"}, "Invalid 'url': 'ftp://example.com/x'. It has to begin with https:// and a host."),
    (
        {"url": "https://u:p@example.com"},
        "Invalid 'url': 'https://u:p@example.com'. It must not have a user, a fragment or blanks.",
    ),
    ({"url": "https://example.com:99999"}, "Invalid 'url': 'https://example.com:99999'. It is not a URL."),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_url_that_nothing_is_sent_to_is_refused(server, change, message):
    body = {"name": "x", "url": "https://example.com", "event_types": ["*"], **change}
    assert_error(server.ask("POST", "/v1/webhook_endpoints", body), 400, message, "url", "invalid_value")
    made = server.client.webhooks.create(name="x", url="https://example.com", event_types=["batch.failed"])
    reply = server.ask("POST", f"/v1/webhook_endpoints/{made.id}", {"url": change["url"]})
    assert_error(reply, 400, message, "url", "invalid_value")
    server.client.webhooks.delete(made.id)


def test_unknown_events_and_too_many_endpoints_are_refused(server):
    body = {"name": "x", "url": "https://example.com", "event_types": ["nothing.happened"]}
    reply = server.ask("POST", "/v1/webhook_endpoints", body)
    assert reply.status == 400
    assert "'nothing.happened'" in reply.json["error"]["message"]
    assert reply.json["error"]["param"] == "event_types[0]"
    body["event_types"] = ["*"]
    made = [server.ask("POST", "/v1/webhook_endpoints", body) for _ in range(51)]
    said = "The project has 50 webhook endpoints, which is the limit. Delete one first."
    assert_error(made[-1], 400, said)
    for one in made[:-1]:
        assert server.ask("DELETE", f"/v1/webhook_endpoints/{one.json['id']}", key=KEY).status == 200


@pytest.mark.proves("webhooks.responses")
def test_finished_background_responses_send_events(hooked, receiver, upstream):
    _, secret = endpoint_for(hooked, receiver)
    endings = [
        (text("Hi."), "response.completed"),
        (text("Hi", finish="length"), "response.incomplete"),
        (fault(400, "No."), "response.failed"),
        (text("Hi ", HANG), "response.cancelled"),
    ]
    for reply, kind in endings:
        upstream.answer(reply)
        made = hooked.responses.create(model="gpt-4o", input="Hello", background=True)
        if kind == "response.cancelled":
            hooked.responses.cancel(made.id)
        event = verified(hooked, receiver.next(), secret)
        assert (event.type, event.data.id, event.object) == (kind, made.id, "event")
    # Who waits for the answer is not told of it as well.
    upstream.answer(text("Hi."), text("Hi."))
    hooked.responses.create(model="gpt-4o", input="Hello")
    last = hooked.responses.create(model="gpt-4o", input="Hello", background=True)
    assert verified(hooked, receiver.next(), secret).data.id == last.id
