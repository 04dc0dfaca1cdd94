"""Jobs of a node that dies or stops are continued by another node, and done once."""

import pytest

from e2e.batching import chat_line, create_batch, results_of, wait_for_batch
from e2e.billing import balance, check_sums, grant
from e2e.test_luma import create, ended, fetched
from media.luma_service import VIDEO, LumaService
from media.test_services import settings_for
from upstream import HANG, stalled, text
from waiting import eventually


def test_a_batch_of_a_killed_node_is_finished_by_the_other_node(new_node, upstream):
    first = new_node(limits__concurrent_batch_lines=2).start()
    upstream.always(lambda request: stalled(HANG) if request.said == "held" else text("Done"))
    quick = [chat_line(f"quick {number}", f"quick {number}") for number in range(4)]
    batch = create_batch(first, [*quick, chat_line("held", "held"), chat_line("held too", "held")])
    eventually(lambda: first.client.batches.retrieve(batch.id).request_counts.completed == 4)
    second = new_node(limits__concurrent_batch_lines=2).start()
    first.kill()
    upstream.always(text("Done"))
    done = wait_for_batch(second, batch)
    assert (done.status, done.request_counts.completed) == ("completed", 6)
    assert len(results_of(second, done.output_file_id)) == 6
    asked = [request.said for request in upstream.requests]
    assert all(asked.count(f"quick {number}") == 1 for number in range(4))
    # A new batch has the place of the one that ended.
    assert wait_for_batch(second, create_batch(second, [chat_line("later", "later")])).status == "completed"


def test_a_video_of_a_stopping_node_is_polled_by_the_other_node_and_charged_once(new_node):
    with LumaService() as luma:
        luma.stuck = True
        first = new_node(**settings_for(luma)).start()
        grant(first, "600000")
        made = create(first)
        eventually(lambda: luma.looks)
        second = new_node(**settings_for(luma)).start()
        first.stop()
        before = len(luma.looks)
        eventually(lambda: len(luma.looks) > before)
        luma.stuck = False
        assert fetched(second, ended(second, made["id"])["video"]["url"]).body == VIDEO
        assert (len(luma.orders), len(luma.jobs)) == (1, 1)
        assert balance(second) == 100_000
        check_sums(second)


@pytest.mark.slow
def test_a_video_of_a_killed_node_is_polled_by_the_other_node_and_charged_once(new_node):
    with LumaService() as luma:
        luma.stuck = True
        first, second = new_node(**settings_for(luma)).start(), new_node(**settings_for(luma))
        grant(first, "600000")
        made = create(first)
        eventually(lambda: luma.looks)
        second.start()
        first.kill()
        luma.stuck = False
        assert fetched(second, ended(second, made["id"])["video"]["url"]).body == VIDEO
        assert (len(luma.orders), balance(second)) == (1, 100_000)
        check_sums(second)
