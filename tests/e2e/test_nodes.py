"""The nodes of a database: which starts are refused, restarts after a crash, and what `doctor` lists."""

import re
import shutil

import pytest

import understudy
from e2e.assistants_client import on_both
from upstream import fault, text
from waiting import eventually


def test_a_second_server_without_a_broker_is_refused_and_a_killed_one_starts_again_at_once(new_server, postgres):
    first, second = new_server(database=postgres).start(), new_server(database=postgres)
    refusal = second.refusal()
    assert f"Another server works on this database (server at {first.url.removesuffix('/v1')}, process " in refusal
    assert "and `broker` is not set. Several servers on one database need a broker: set `broker`" in refusal
    first.kill()
    first.start()
    assert "waiting" not in first.log.read_text()


@pytest.mark.slow
def test_a_killed_server_delays_another_one_until_its_lease_ends(new_server, postgres):
    first, second = new_server(database=postgres).start(), new_server(database=postgres)
    second.share_files(first)
    first.kill()
    second.start()
    assert "waiting: server at" in second.log.read_text()


def test_the_doctor_lists_the_nodes_and_checks_that_they_share_files(new_node, tmp_path):
    first, second = new_node().start(), new_node().start()
    listed = first.run("doctor")
    for node in (first, second):
        assert f"server at {node.url.removesuffix('/v1')} (process {node.process.pid} on " in listed
    assert "shared files: each of 2 nodes finds the files of all" in listed
    (second.data / "blobs").unlink()
    shutil.copytree(first.data / "blobs", second.data / "blobs")
    broken = first.run("doctor", code=1)
    for one, other in ((first, second), (second, first)):
        missing = rf"the server at {one.url[:-3]} \([^)]*\) does not find the files of the server at {other.url[:-3]} "
        assert re.search(missing, broken), broken


@on_both
def test_the_health_report_has_the_parts_of_the_server_and_the_calls_of_its_providers(server, client, upstream):
    # Two nodes receive every other request: each gets one answer and one error.
    upstream.answer(text("done"), fault(401), fault(401), text("done"))
    for _ in range(4):
        server.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]})

    def failed_calls():
        reply = server.ask("GET", "/v1/organization/health")
        assert reply.status == 200, reply.body
        # Other tests share the servers, and have their own providers and errors.
        calls = next((one for one in reply.json["providers"] if one["last_error"] == "authentication"), None)
        return calls and (reply.json, calls)

    # A report may be one of two seconds ago.
    health, calls = eventually(failed_calls)
    assert (health["object"], health["status"], health["version"]) == ("health", "ok", understudy.__version__)
    node = next(node for node in health["nodes"] if node["id"] == health["node_id"])
    assert (node["live"], node["role"], node["version"]) == (True, "server", understudy.__version__)
    names = [queue["name"] for queue in health["queues"] if queue["name"] != "vectors"]
    assert names == ["runs", "batches", "files", "videos", "transcriptions", "deliveries", "transfers"]
    assert health["database"]["kind"] in {"sqlite", "postgres"}
    assert health["broker"]["available"]
    assert 0 < health["blobs"]["free_bytes"] <= health["blobs"]["total_bytes"]
    assert health["sandbox"]["max_sessions"] > 0
    assert calls["calls"] >= calls["errors"] > 0
    assert calls["last_success_at"] <= health["checked_at"]
    assert server.ask("GET", "/v1/organization/health", key=None).status == 401
