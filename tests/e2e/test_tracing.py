"""OpenTelemetry: one trace from the client through the run to the provider and the tools, decoded by a collector."""

import json
import signal

import openai
import pytest

from collector import Collector
from e2e.assistants_client import new_thread
from e2e.batching import CHAT, chat_line, input_file
from receiver import Receiver
from understudy.correlation import TraceContext
from understudy.otel import OtelTracer
from understudy.settings import TracingSettings
from upstream import call, calls, fault, text
from waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
INTERNAL, SERVER, CLIENT, CONSUMER = 1, 2, 3, 5


@pytest.fixture(scope="module")
def collector():
    with Collector() as running:
        yield running


@pytest.fixture
def traced(new_server, upstream, collector):
    collector.spans.clear()
    config = f"""
[tracing]
endpoint = "{collector.url}"
headers = {{ x-token = "collector-secret" }}
[console]
enabled = false
"""
    server = new_server(config, log_format="json", providers__scripted__send_traceparent="true")
    server.variables = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    return server


def children(collector, span):
    return sorted(one.name for one in collector.spans if one.parent_id == span.span_id)


def test_one_trace_leads_from_the_client_through_a_run_to_the_provider_and_its_tools(traced, collector, upstream):
    client = traced.start().client
    store = client.vector_stores.create()
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = new_thread(client, "Roll the dice")
    upstream.answer(
        calls(call("file_search", queries=["dice"], call_id="call_1")),
        text("Seven."),
    )
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=assistant.id,
        extra_headers={"traceparent": PARENT, "tracestate": "vendor=1"},
    )
    assert run.status == "completed", run.last_error
    agent = collector.wait_for("invoke_agent")
    traced.stop()
    created = collector.find("POST /v1/threads/{thread_id}/runs", http__response__status_code=200)[0]
    assert (created.trace_id, created.parent_id, created.kind) == (TRACE, "00f067aa0ba902b7", SERVER)
    assert created.attributes["understudy.operation"] == "createRun"
    assert (agent.trace_id, agent.parent_id, agent.kind) == (TRACE, created.span_id, INTERNAL)
    assert agent.attributes["understudy.run.id"] == created.attributes["understudy.run.id"] == run.id
    assert agent.attributes["gen_ai.conversation.id"] == thread.id
    assert children(collector, agent) == ["chat gpt-4o"] * 2 + ["execute_tool file_search"]
    (search,) = collector.find("execute_tool file_search")
    assert children(collector, search) == [f"retrieval {store.id}"]
    chats = [one for one in collector.find("chat gpt-4o") if one.trace_id == TRACE]
    assert {one.kind for one in chats} == {CLIENT}
    last = next(one for one in chats if one.attributes["gen_ai.response.finish_reasons"] == ["stop"])
    assert last.attributes["gen_ai.provider.name"] == "scripted"
    assert last.attributes["gen_ai.usage.input_tokens"] > 0
    assert not any("content" in name or "messages" in name for one in chats for name in one.attributes)
    assert [one.headers["traceparent"].split("-")[1] for one in upstream.requests] == [TRACE] * 2
    assert {one.headers["traceparent"].split("-")[2] for one in upstream.requests} == {one.span_id for one in chats}
    assert collector.headers[-1]["x-token"] == "collector-secret"
    assert agent.service == "understudy"
    assert all(
        line["trace_id"] == TRACE for line in map(json.loads, traced.log.read_text().splitlines()) if "run_id" in line
    )


def test_faults_are_on_the_spans_and_content_only_with_log_content(new_server, collector, upstream):
    collector.spans.clear()
    server = new_server(
        tracing__endpoint=collector.url, log_content="true", console__enabled="false", log_format="json"
    )
    server.variables = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_SERVICE_NAME": "from-the-variable"}
    client = server.start().client
    upstream.answer(text("An ", "answer"), fault(503))
    assistant = client.beta.assistants.create(model="gpt-4o")
    done = client.beta.threads.runs.create_and_poll(
        thread_id=new_thread(client, "A question").id, assistant_id=assistant.id
    )
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
    answered = server.ask("GET", "/v1/models")
    failed = collector.wait_for("chat gpt-4o", error__type="server_error")
    server.stop()
    assert failed.failed
    (request,) = collector.find("POST /v1/chat/completions")
    assert (request.failed, request.attributes["error.type"]) == (True, "502")
    assert failed.parent_id == request.span_id
    (chat,) = [one for one in collector.find("chat") if not one.failed]
    assert json.loads(chat.attributes["gen_ai.input.messages"])[-1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "A question"}],
    }
    assert json.loads(chat.attributes["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "An answer"}]}
    ]
    assert all("traceparent" not in one.headers for one in upstream.requests)
    (listed,) = collector.find("GET /v1/models")
    assert answered.headers["traceresponse"] == f"00-{listed.trace_id}-{listed.span_id}-01"
    assert chat.service == "from-the-variable"
    assert done.status == "completed"


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_jobs_and_webhooks_are_in_the_trace_of_the_request_that_created_them(
    new_server, request, upstream, collector, kind
):
    collector.spans.clear()
    with Receiver() as receiver:
        settings = {"database": request.getfixturevalue("postgres")} if kind == "postgres" else {}
        server = new_server(
            tracing__endpoint=collector.url,
            webhooks__allow_private="true",
            webhooks__url=receiver.url,
            webhooks__secret="whsec_" + "c2VjcmV0" * 4,
            console__enabled="false",
            log_format="json",
            **settings,
        )
        server.variables = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
        client = server.start().client
        headers = {"traceparent": PARENT}
        file = client.files.create(file=("a.md", b"Mix flour and milk."), purpose="assistants")
        client.vector_stores.create(file_ids=[file.id], extra_headers=headers)
        client.batches.create(
            input_file_id=input_file(server, [chat_line("one", "Hello")]),
            endpoint=CHAT,
            completion_window="24h",
            extra_headers=headers,
        )
        delivered = receiver.next()
        delivery = collector.wait_for("process delivery")
        server.stop()
    created, ended = delivered.headers["traceparent"].split("-")[1:3], collector.find("process batch")[-1]
    assert created == [TRACE, delivery.span_id]
    assert (delivery.trace_id, delivery.parent_id, delivery.kind) == (TRACE, ended.span_id, CONSUMER)
    assert collector.find("POST /v1/batches")[0].span_id in {one.parent_id for one in collector.find("process batch")}
    assert [one.trace_id for one in collector.find("chat gpt-4o")] == [TRACE]
    (indexed,) = collector.find("process file")
    assert indexed.parent_id == collector.find("POST /v1/vector_stores")[0].span_id


@pytest.mark.slow
def test_an_unavailable_collector_neither_fails_requests_nor_delays_the_stop(new_server):
    server = new_server(tracing__endpoint="http://127.0.0.1:9", console__enabled="false").start()
    assert server.ask("GET", "/models").status == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    server._forget()


def test_a_run_of_another_node_is_in_the_trace_of_its_request(new_node, upstream, collector):
    collector.spans.clear()
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    first, second = (
        new_node(log_format="json", providers__scripted__send_traceparent="true", console__enabled="false")
        for _ in range(2)
    )
    first.flags = ("--no-jobs",)
    for node, name in ((first, "node-1"), (second, "node-2")):
        node.variables = {**variables, "OTEL_SERVICE_NAME": name}
        node.start()
    client = first.client
    assistant = client.beta.assistants.create(model="gpt-4o")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=new_thread(client, "Hello").id,
        assistant_id=assistant.id,
        extra_headers={"traceparent": PARENT},
        poll_interval_ms=50,
    )
    assert run.status == "completed"
    agent, chat = collector.wait_for("invoke_agent"), collector.wait_for("chat gpt-4o")
    created = collector.wait_for("POST /v1/threads/{thread_id}/runs")
    assert {agent.trace_id, chat.trace_id, created.trace_id} == {TRACE}
    assert (created.service, agent.service, chat.service) == ("node-1", "node-2", "node-2")
    assert (agent.parent_id, chat.parent_id) == (created.span_id, agent.span_id)
    assert upstream.requests[-1].headers["traceparent"].startswith(f"00-{TRACE}-{chat.span_id}")
    eventually(lambda: collector.find("GET /v1/threads/{thread_id}/runs/{run_id}"))


@pytest.mark.parametrize(("follows", "sampled"), [(False, False), (True, True)])
def test_a_caller_cannot_have_its_traces_recorded_unless_it_is_followed(follows, sampled):
    settings = TracingSettings(endpoint="http://127.0.0.1:9", sample_ratio=0.0, follow_caller=follows)
    tracer = OtelTracer(settings, "1", "node", captures_content=False)
    caller = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)
    request = tracer.start("GET", "server", caller, {})
    assert (request.context.trace_id, request.context.sampled) == (caller.trace_id, sampled)
    assert tracer.start("chat", "client", request.context, {}).context.sampled == sampled
    assert not tracer.start("GET", "server", caller._replace(sampled=False), {}).context.sampled
