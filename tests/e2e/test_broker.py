"""Two nodes on one PostgreSQL and one Redis: which starts are refused, wake-ups, and a Redis that is gone."""

import json

from upstream import Gate, text
from waiting import eventually


def start_run(server, **options):
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    return server.client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "hello"}]}, **options
    )


def status(server, run):
    return server.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status


def test_files_that_other_nodes_may_not_see_refuse_the_start(new_server, postgres, session_redis):
    refusal = new_server(database=postgres, broker=session_redis).refusal(code=2)
    assert "`broker` is set, and files are stored in" in refusal
    assert "set `blobs.shared` to true" in refusal


def test_sqlite_refuses_a_broker(new_server, session_redis):
    refusal = new_server(broker=session_redis).refusal(code=2)
    assert "requires `database`, which is unset; it must be a 'postgresql://' URL" in refusal


def test_a_run_that_waits_on_a_full_node_is_executed_by_another_one(new_node, upstream):
    full = new_node(limits__concurrent_runs=1).start()
    other = new_node().start()
    gate = Gate()
    upstream.answer(text("fir", gate, "st"), text("sec", gate, "ond"))
    first = start_run(full)
    upstream.wait_for(1)
    second = start_run(full)
    upstream.wait_for(2)
    assert status(other, second) == "in_progress"
    gate.open()
    eventually(lambda: status(other, second) == "completed" and status(other, first) == "completed")


def test_a_node_without_redis_is_degraded_and_serves_runs(new_node, redis_server):
    node = new_node(broker=redis_server.url).start()
    assert ready(node) == {"status": "ok"}
    redis_server.kill()
    degraded = eventually(lambda: (reply := ready(node))["status"] == "degraded" and reply)
    assert degraded == {"status": "degraded", "degraded": ["broker"]}
    run = start_run(node)
    eventually(lambda: status(node, run) == "completed")
    redis_server.start()
    eventually(lambda: ready(node) == {"status": "ok"})
    eventually(lambda: "connected again" in node.log.read_text())  # a thread writes it, after the answer
    logged = node.log.read_text()
    assert logged.count("unavailable, reconnecting") == 1
    assert logged.count("connected again") == 1


def test_the_doctor_checks_the_broker(new_node, redis_server):
    node = new_node(broker=redis_server.url)
    assert f"broker: Redis at 127.0.0.1:{redis_server.port}" in node.run("doctor", code=0)
    redis_server.kill()
    assert "is unreachable; check that it runs there" in node.run("doctor", code=1)


def ready(server):
    reply = server.ask("GET", "/health/ready")
    assert reply.status == 200
    return json.loads(reply.body)
