"""Billing: usage is debited once, limited if the operator sets limits, and sums always match the entries."""

import asyncio
import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from e2e.assistants_client import (
    WEATHER,
    each_database,
    new_thread,
    outputs_for,
    reached,
    run_of,
    slow_on_postgres,
    user,
)
from e2e.billing import CREDITS_PER_USD, PRICES, balance, check_sums, grant, new_key, transactions
from envelope import assert_aimlapi_error, assert_error
from serving import KEY, Server, serve
from upstream import HANG, Gate, call, calls, reply, text
from waiting import eventually

HELLO = [user("Hello there")]
CHAT = {"model": "gpt-4o", "messages": HELLO}


@pytest.fixture(scope="module")
def priced(session_upstream, tmp_path_factory):
    """A server whose projects have no budget until a test gives them one; each test has a project of its own."""
    yield from serve(Server(tmp_path_factory.mktemp("priced"), session_upstream.url, PRICES))


@pytest.fixture
def tenant(priced, request):
    return Tenant(priced, request.node.name)


class Tenant:
    """A project of the test's own, and its key."""

    def __init__(self, server, name, *options):
        self.server, self.name = server, re.sub(r"\W+", "-", name)
        server.run("projects", "create", self.name, *options)
        self.key = new_key(server, "--project", self.name)["key"]

    def ask(self, method, path, body=None, **options):
        return self.server.ask(method, path, body, **{"key": self.key, **options})

    def chat(self, **members):
        return self.ask("POST", "/v1/chat/completions", CHAT | members)

    def grant(self, amount):
        return grant(self.server, amount, self.name)

    def check(self):
        return check_sums(self.server, key=self.key)

    @property
    def balance(self):
        return balance(self.server, key=self.key)

    @property
    def transactions(self):
        return transactions(self.server, key=self.key)

    def client(self):
        return self.server.new_client(api_key=self.key)


@pytest.mark.proves("billing.balance")
def test_a_balance_has_the_usual_members(tenant, upstream):
    tenant.grant("5USD")
    shown = tenant.ask("GET", "/v1/billing/balance").json
    moment = shown.pop("lastUpdated")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    assert list(shown.items()) == [
        ("balance", 10_000_000),
        ("lowBalance", False),
        ("lowBalanceThreshold", 10_000),
        ("autoDebitStatus", "disabled"),
        ("status", "current"),
        ("statusExplanation", "Balance is current and up to date"),
    ]
    assert tenant.ask("GET", "/v2/billing").json == {"current_balance": 5.0, "currency": "USD"}
    detail = tenant.ask("GET", "/v2/billing/detail").json
    assert detail["autotopup_settings"] == {"is_enabled": False, "threshold": 5.0, "amount": 0.0, "currency": "USD"}


@pytest.mark.proves("billing.charge")
@pytest.mark.parametrize("stream", [False, True])
def test_a_completion_costs_its_tokens(tenant, upstream, stream):
    tenant.grant("5USD")
    upstream.answer(text("Hi", usage=(1000, 100)))
    answered = tenant.chat(stream=stream)
    assert answered.status == 200
    assert b'"meta"' not in answered.body
    if not stream:
        assert answered.headers["x-aimlapi-credits-used"] == "5600"
        assert answered.headers["x-aimlapi-usd-spent"] == "0.0028"
    assert tenant.balance == 10_000_000 - 5600
    charge, payment = tenant.transactions
    assert (payment["type"], payment["direction"], payment["amount"]) == (
        "PAYMENT",
        "TOPUP",
        {"usd": 5.0, "credits": 10_000_000},
    )
    assert (charge["type"], charge["direction"], charge["model"]) == ("MODEL_USAGE", "CHARGE", "gpt-4o")
    assert charge["amount"] == {"usd": 0.0028, "credits": 5600}
    assert charge["reference_id"] == answered.headers["x-inference-id"]
    assert tenant.check() == 5600


def test_a_project_without_a_budget_is_never_refused(tenant, upstream):
    assert tenant.chat().status == 200
    shown = tenant.ask("GET", "/v1/billing/balance").json
    assert shown["balance"] < 0
    assert (shown["lowBalance"], shown["status"]) == (False, "current")
    assert shown["statusExplanation"] == "No budget is set: use is recorded and not limited"
    assert tenant.check() == -shown["balance"]


@pytest.mark.proves("billing.exhausted")
def test_a_budget_that_is_used_up_stops_new_work_and_nothing_else(tenant, upstream):
    tenant.grant("1")
    gate = Gate()
    upstream.answer(text("first", gate, "second", usage=(10, 10)))
    with tenant.client() as client:
        with client.chat.completions.create(**CHAT, stream=True) as running:
            parts = (chunk.choices[0].delta.content for chunk in running if chunk.choices[0].delta.content)
            assert next(parts) == "first"
            tenant.server.run("credits", "withdraw", "1", "--project", tenant.name)
            assistant = client.beta.assistants.create(model="gpt-4o")
            thread = new_thread(client, "Hello")
            with pytest.raises(openai.RateLimitError) as refused:
                client.chat.completions.create(**CHAT)
            gate.open()
            assert list(parts) == ["second"]
        message = re.compile(r"You've run out of funds: the project's balance is -?\d+ credits\..*credits grant.*")
        quota = ("insufficient_quota", "insufficient_quota")
        assert_error(refused.value, 429, message, None, *quota)
        asked = [
            ("/chat/completions", CHAT),
            ("/chat/completions", CHAT | {"stream": True}),
            ("/responses", {"model": "gpt-4o", "input": "Hello"}),
            ("/embeddings", {"model": "rehearsal-embedding", "input": "x"}),
            (f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}),
            ("/threads/runs", {"assistant_id": assistant.id}),
        ]
        for path, body in asked:
            assert_error(tenant.ask("POST", f"/v1{path}", body), 429, message, None, *quota)
            refusal = tenant.ask("POST", path, body)
            assert_aimlapi_error(refusal, 403, message, None, *quota)
            assert refusal.json["title"] == "Forbidden"
        assert client.beta.threads.messages.list(thread.id).data
        shown = tenant.ask("GET", "/v1/billing/balance").json
        assert (shown["status"], shown["lowBalance"]) == ("depleted", True)
        tenant.grant("1USD")
        client.chat.completions.create(**CHAT)
    tenant.check()


def test_a_low_balance_is_reported_in_the_balance(tenant):
    tenant.grant("9999")
    shown = tenant.ask("GET", "/v1/billing/balance").json
    assert (shown["lowBalance"], shown["status"], shown["statusExplanation"]) == (True, "current", "Balance is low")


@pytest.mark.proves("billing.runs")
def test_a_run_costs_each_turn_of_its_model_once(tenant, upstream):
    tenant.grant("5USD")
    upstream.answer(calls(call("get_weather", city="Paris"), usage=(100, 10)), text("Sunny.", usage=(200, 20)))
    with tenant.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
        thread = new_thread(client, "Weather?")
        run = run_of(client, thread, assistant)
        assert tenant.balance == 10_000_000 - 560
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
        assert reached(client, run).status == "completed"
    told = [(one["reference_id"], one["amount"]["credits"]) for one in tenant.transactions[:-1]]
    assert told == [(f"{run.id}/2", 1120), (f"{run.id}/1", 560)]
    assert tenant.check() == 1680


def test_a_response_costs_its_turns(tenant, upstream):
    tenant.grant("5USD")
    upstream.answer(text("Hi", usage=(100, 10)))
    with tenant.client() as client:
        response = client.responses.create(model="gpt-4o", input="Hello")
    charge = tenant.transactions[0]
    assert (charge["type"], charge["amount"]["credits"], charge["model"]) == ("MODEL_USAGE", 560, "gpt-4o")
    assert response.usage.total_tokens == 110
    assert tenant.check() == 560


def test_a_response_in_a_batch_costs_half_and_is_usage_of_the_key(tenant, upstream):
    tenant.grant("5USD")
    upstream.answer(text("Hi", usage=(100, 10)))
    line = {"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o", "input": "Hello"}}
    with tenant.client() as client:
        made = client.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=made.id, endpoint="/v1/responses", completion_window="24h")
        eventually(lambda: client.batches.retrieve(batch.id).status == "completed", within=30)
    assert tenant.check() == 280
    key_id = tenant.ask("GET", "/v1/key").json["data"]["id"]
    query = f"start_time={int(time.time()) - 90_000}&group_by[]=api_key_id&bucket_width=1d"
    buckets = tenant.ask("GET", f"/v1/organization/usage/completions?{query}").json["data"]
    assert [one["api_key_id"] for bucket in buckets for one in bucket["results"]] == [key_id]


@slow_on_postgres
def test_a_batch_costs_half_and_each_line_once(new_server, database, upstream):
    upstream.always(text("Hi", usage=(100, 10)))
    server = new_server(PRICES, **database).start()
    grant(server, "5USD")
    line = {"method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    lines = "\n".join(json.dumps(line | {"custom_id": str(number)}) for number in range(20))
    client = server.client
    made = client.files.create(file=("lines.jsonl", lines.encode()), purpose="batch")
    batch = client.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
    eventually(lambda: len(upstream.requests) > 5)
    server.kill()
    server.start()
    eventually(lambda: server.client.batches.retrieve(batch.id).status == "completed", within=30)
    assert check_sums(server) == 20 * 280
    detail = server.ask("GET", "/v2/usage/detail").json["data"]
    assert [(one["batch"], one["requests"]) for one in detail] == [(True, 20)]


def test_deleting_a_thread_charges_the_tokens_its_run_received(tenant, upstream):
    tenant.grant("5USD")
    upstream.answer(text("some", " words", HANG))
    with tenant.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o")
        thread = new_thread(client, "Hello")
        with client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True) as stream:
            for event in stream:
                if event.event == "thread.message.delta":
                    break
        client.beta.threads.delete(thread.id)
    eventually(lambda: tenant.balance < 10_000_000)
    tenant.check()


def test_a_disconnected_client_is_charged_for_the_streamed_tokens(tenant, upstream):
    tenant.grant("5USD")
    upstream.answer(text("first", HANG))
    with tenant.client() as client, client.chat.completions.create(**CHAT, stream=True) as stream:
        next(iter(stream))
    eventually(lambda: tenant.balance < 10_000_000)
    assert len(tenant.transactions) == 2
    tenant.check()


def test_cached_tokens_have_a_price_of_their_own(tenant, upstream):
    usage = {"prompt_tokens": 100, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 40}}
    message = {"role": "assistant", "content": "Hi"}
    answer = {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    upstream.answer(reply(answer | {"usage": usage}))
    assert tenant.chat().headers["x-aimlapi-credits-used"] == str(60 * 4 + 40 * 2)


def test_usage_is_estimated_if_the_provider_reports_none(tenant, upstream):
    upstream.answer(text("some words", usage=None))
    assert int(tenant.chat().headers["x-aimlapi-credits-used"]) > 0
    upstream.answer(text("some", "words", usage=None))
    assert tenant.chat(stream=True).status == 200
    assert len(tenant.transactions) == 2
    tenant.check()


@pytest.mark.proves("billing.unpriced")
def test_a_model_without_a_known_price_is_counted_and_free(tenant, upstream):
    upstream.answer(text("Hi", usage=(10, 10)))
    answered = tenant.chat(model="org/with/slashes")
    assert answered.headers["x-aimlapi-credits-used"] == "0"
    assert answered.headers["x-aimlapi-usd-spent"] == "0"
    total = tenant.ask("GET", "/v2/usage").json["total"]
    assert (total["requests"], total["unpriced_requests"], total["credits_used"]) == (1, 1, 0)
    assert tenant.transactions == []
    upstream.answer(text("Hi", usage=(1000, 0)))
    # The public price: 15 cents a million.
    assert tenant.chat(model="gpt-4o-mini").headers["x-aimlapi-credits-used"] == "300"
    assert tenant.chat(model="rehearsal").headers["x-aimlapi-credits-used"] == "0"


@pytest.mark.proves("billing.limits")
@pytest.mark.parametrize("whose", ["key", "project"])
def test_a_spend_limit_stops_its_key_or_project_alone(priced, upstream, whose, request):
    limit = ("--spend-limit", "0.001USD", "--period", "day")
    tenant = Tenant(priced, request.node.name, *(limit if whose == "project" else ()))
    limited = new_key(priced, "--project", tenant.name, *(limit if whose == "key" else ()))
    upstream.answer(text("Hi", usage=(1000, 0)))
    assert priced.ask("POST", "/v1/chat/completions", CHAT, key=limited["key"]).status == 200
    refusal = priced.ask("POST", "/v1/chat/completions", CHAT, key=limited["key"])
    subject = "API key" if whose == "key" else "project"
    message = re.compile(rf"The spend limit of this {subject} is reached: 0.002 USD are spent of 0.001 USD a day\..*")
    assert_error(refusal, 429, message, None, "insufficient_quota", "insufficient_quota")
    assert tenant.chat().status == (200 if whose == "key" else 429)
    shown = priced.ask("GET", "/v1/key", key=limited["key"]).json["data"]
    assert shown["id"] == limited["id"]
    session = priced.ask("GET", "/v1/session", key=limited["key"]).json
    assert (session["key"], session["project"]["name"]) == (shown, tenant.name)
    if whose == "key":
        assert shown["spend_limit"] == {"amount": 0.001, "spent": 0.002, "period": "day", "currency": "USD"}
        priced.run("credits", "limit", "--key", limited["id"], "--none")
    else:
        priced.run("credits", "limit", "1USD", "--project", tenant.name)
    assert priced.ask("POST", "/v1/chat/completions", CHAT, key=limited["key"]).status == 200
    tenant.check()


def test_keys_are_listed_without_their_secrets(priced, tenant):
    other = new_key(priced, "--project", tenant.name, "--name", "other")
    listed = tenant.ask("GET", "/v1/keys").json
    assert [key["name"] for key in listed["data"]] == ["unnamed", "other"]
    assert other["key"] not in json.dumps(listed)
    assert tenant.key not in json.dumps(listed)
    assert priced.ask("GET", "/v1/key", key=KEY).json["data"]["name"] == "from the settings"


@pytest.mark.proves("billing.transactions")
def test_transactions_are_paged_and_filtered(tenant, upstream):
    tenant.grant("5USD")
    for _ in range(4):
        assert tenant.chat().status == 200
    first = tenant.ask("GET", "/v2/billing/transactions?limit=3").json
    assert first["pagination"]["has_more"]
    second = tenant.ask("GET", f"/v2/billing/transactions?limit=3&cursor={first['pagination']['next_cursor']}").json
    assert second["pagination"] == {"next_cursor": None, "has_more": False}
    assert first["data"] + second["data"] == tenant.transactions
    for query, count in [
        ("direction=TOPUP", 1),
        ("direction=CHARGE", 4),
        ("type=MODEL_USAGE", 4),
        ("type=REFUND", 0),
        ("from=2020-01-01&to=2021-01-01T00:00:00Z", 0),
        ("from=2020-01-01", 5),
    ]:
        assert len(tenant.ask("GET", f"/v2/billing/transactions?{query}").json["data"]) == count, query


@pytest.mark.proves("billing.strict")
@pytest.mark.parametrize(
    ("query", "message", "param"),
    [
        ("colour=red", "Unknown parameter: 'colour'.", "colour"),
        ("form=1", "Unknown parameter: 'form'. Did you mean 'from'?", "form"),
        ("from=yesterday", re.compile("Invalid 'from': 'yesterday' is not a date, time or Unix timestamp.*"), "from"),
        ("to=99999999999999999999", re.compile("Invalid 'to': '9+' is not a date.*"), "to"),
        ("direction=UP", re.compile("Invalid value: 'UP'. .*"), "direction"),
        ("limit=101", re.compile("Invalid 'limit': .*"), "limit"),
        ("cursor=txn_nowhere", re.compile("Invalid 'cursor': no transaction 'txn_nowhere' .*"), "cursor"),
    ],
)
def test_an_odd_query_is_refused(priced, query, message, param):
    reply = priced.ask("GET", f"/v2/billing/transactions?{query}")
    assert_aimlapi_error(reply, 400, message, param, reply.json["error"]["code"])


def test_projects_see_their_own_money_alone(priced, upstream):
    ours, theirs = Tenant(priced, "ours"), Tenant(priced, "theirs")
    ours.grant("1USD")
    assert ours.chat().status == 200
    assert theirs.balance == 0
    assert theirs.transactions == []
    assert theirs.ask("GET", "/v2/usage").json["data"] == []
    cursor = ours.ask("GET", "/v2/billing/transactions?limit=1").json["pagination"]["next_cursor"]
    assert theirs.ask("GET", f"/v2/billing/transactions?cursor={cursor}").status == 400
    assert len(theirs.ask("GET", "/v1/keys").json["data"]) == 1


def test_a_balance_tops_itself_up(new_server, upstream):
    server = new_server(PRICES, billing__auto_top_up_usd=2, billing__auto_top_up_below_usd=1).start()
    grant(server, "0.5USD")
    assert server.ask("GET", "/v1/billing/balance").json["autoDebitStatus"] == "enabled"
    assert server.ask("POST", "/v1/chat/completions", CHAT).status == 200
    assert 2.4 * CREDITS_PER_USD < balance(server) < 2.5 * CREDITS_PER_USD
    assert server.ask("POST", "/v1/chat/completions", CHAT).status == 200
    assert [one["type"] for one in transactions(server)].count("PAYMENT") == 2
    check_sums(server)


def test_credits_commands_report_balance_spending_and_history(priced, tenant, upstream):
    tenant.grant("10USD")
    assert tenant.chat().status == 200
    out = json.loads(
        priced.run("credits", "withdraw", "4USD", "--project", tenant.name, "--note", "a mistake", "--json")
    )
    assert out["balance"] == tenant.balance
    shown = json.loads(priced.run("credits", "show", "--json"))
    ours = next(one for one in shown if one["project"] == tenant.name)
    assert ours["budgeted"]
    assert ours["spent_this_month"] == tenant.check()
    told = json.loads(priced.run("credits", "history", "--project", tenant.name, "--json"))
    assert [one["type"] for one in told] == ["ADJUSTMENT", "MODEL_USAGE", "PAYMENT"]
    assert told[0]["reference"] == "a mistake"
    assert "a mistake" in priced.run("credits", "history", "--project", tenant.name)
    assert tenant.name in priced.run("credits", "show")
    priced.run("credits", "unlimit", "--project", tenant.name)
    assert tenant.ask("GET", "/v1/billing/balance").json["statusExplanation"].startswith("No budget")


@slow_on_postgres
async def test_two_hundred_requests_at_once_are_all_counted(new_server, database, upstream):
    upstream.always(text("Hi", usage=(10, 5)))
    server = new_server(PRICES, **database).start()
    grant(server, "5USD")
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0, timeout=60) as client:

        async def ask(number):
            stream = await client.chat.completions.create(**CHAT, stream=number % 2 == 0)
            if number % 2 == 0:
                async for _ in stream:
                    pass

        await asyncio.gather(*(ask(number) for number in range(200)))
    assert check_sums(server) == 200 * (10 * 4 + 5 * 16)
    assert len(transactions(server)) == 201


@slow_on_postgres
def test_usage_of_finished_requests_survives_a_kill(new_server, database, upstream):
    upstream.always(text("Hi", usage=(10, 5)))
    server = new_server(PRICES, **database).start()
    grant(server, "5USD")
    answered = 0
    for _ in range(3):
        for _ in range(5):
            answered += server.ask("POST", "/v1/chat/completions", CHAT).status == 200
        server.kill()
        server.start()
    # The last of each five was answered, and so counted, before the kill.
    assert check_sums(server) == answered * 120
    assert answered == 15


@pytest.mark.slow
@each_database
def test_a_kill_in_the_middle_leaves_nothing_uncounted_and_nothing_counted_twice(new_server, database, upstream):
    upstream.always(text("Hi", usage=(10, 5)))
    server = new_server(PRICES, **database).start()
    grant(server, "5USD")

    def keep_asking(_):
        answered = 0
        try:
            while server.ask("POST", "/v1/chat/completions", CHAT).status == 200:
                answered += 1
        except (OSError, http.client.HTTPException):
            return answered

    with ThreadPoolExecutor(8) as pool:
        asking = pool.map(keep_asking, range(8))
        eventually(lambda: len(upstream.requests) > 60)
        server.kill()
        answered = sum(asking)
    server.start()
    charged = check_sums(server)
    # What was under way at the kill may have been counted and not yet sent.
    assert answered * 120 <= charged <= len(upstream.requests) * 120
    assert charged == 120 * (len(transactions(server)) - 1)


@each_database
@pytest.mark.slow
def test_a_resumed_run_is_charged_once(new_server, database, upstream):
    server = new_server(PRICES, **database).start()
    grant(server, "5USD")
    upstream.answer(calls(call("get_weather", city="Paris"), usage=(10, 5)))
    client = server.client
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(client, "Weather?")
    run = run_of(client, thread, assistant)
    upstream.answer(text("It", HANG))
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
    eventually(lambda: len(upstream.requests) == 2)
    server.kill()
    upstream.answer(text("It is sunny.", usage=(20, 5)))
    server.start()
    assert reached(server.client, run).status == "completed"
    told = [(one["reference_id"], one["amount"]["credits"]) for one in transactions(server)[:-1]]
    assert told == [(f"{run.id}/2", 160), (f"{run.id}/1", 120)]
    check_sums(server)
