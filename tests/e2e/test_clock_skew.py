"""Nodes whose clocks differ by a minute: no lease is lost, and that of a dead node still ends."""

import time

import pytest

from e2e.assistants_client import fetch_run, new_thread, reached, texts
from upstream import HANG, Gate, text

pytestmark = pytest.mark.slow

SHIFT = "import time\n_time = time.time\ntime.time = lambda: _time() + ({seconds})\n"
LONGER_THAN_A_LEASE = 12


@pytest.fixture(params=[60, -60])
def nodes(request, new_node, tmp_path):
    """Two nodes; the clock of the second one is wrong."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(SHIFT.format(seconds=request.param))
    first = new_node().start()
    second = new_node()
    second.variables["PYTHONPATH"] = str(tmp_path / "clock")
    return first, second.start()


def start_run(node, assistant):
    thread = new_thread(node.client, "Hello")
    return node.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)


def test_runs_keep_their_owners_and_are_taken_over_from_a_dead_one(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    skewed = second.client.beta.assistants.create(model="gpt-4o")
    assert 50 < abs(skewed.created_at - assistant.created_at) < 90
    gate = Gate()
    upstream.always(text("Hel", gate, "lo."))
    runs = [start_run(node, assistant) for node in nodes]
    upstream.wait_for(2)
    until = time.monotonic() + LONGER_THAN_A_LEASE
    while time.monotonic() < until:
        assert {fetch_run(first.client, run).status for run in runs} == {"in_progress"}
        time.sleep(0.5)
    gate.open()
    for run in runs:
        assert reached(first.client, run).status == "completed"
        assert texts(first.client, first.client.beta.threads.retrieve(run.thread_id)) == ["Hello", "Hello."]
    assert len(upstream.requests) == 2
    upstream.always(text("Hel", HANG))
    orphan = start_run(first, assistant)
    upstream.wait_for(3)
    upstream.always(text("Done."))
    first.kill()
    assert reached(second.client, orphan, within=20).status == "completed"
