"""Telemetry: a server emits an event for what it does, logs them at debug level, and pays nothing without a subscriber."""

import logging
import re

from understudy import telemetry
from waiting import eventually

ATTEMPT = {"provider": "local", "model": "m", "status": "ok", "duration": 0.1}


def test_an_event_without_a_subscriber_is_not_even_built():
    def build(**attributes):
        raise AssertionError

    telemetry.emit(build, **ATTEMPT)


def test_every_subscriber_of_a_type_receives_its_events_until_it_unsubscribes():
    first, second = [], []
    ends = [telemetry.subscribe(telemetry.ModelCalled, received.append) for received in (first, second)]
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    ends[0]()
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    ends[1]()
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    assert (len(first), len(second)) == (1, 2)
    assert second[0] == telemetry.ModelCalled(**ATTEMPT)


def test_a_failing_subscriber_is_logged_and_the_others_still_receive_the_event(caplog):
    received = []

    def fail(event):
        raise ValueError(event)

    ends = [telemetry.subscribe(telemetry.ModelCalled, subscriber) for subscriber in (fail, received.append)]
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    for end in ends:
        end()
    assert len(received) == 1
    assert "a subscriber of telemetry failed" in caplog.text


def test_events_are_logged_at_debug_level_in_one_line_with_their_attributes(caplog):
    caplog.set_level(logging.DEBUG, "test")
    end = telemetry.log_events(logging.getLogger("test"))
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    end()
    telemetry.emit(telemetry.ModelCalled, **ATTEMPT)
    assert caplog.messages == [
        "ModelCalled provider='local' model='m' status='ok' duration=0.1 streamed=False retry=False"
    ]


def test_a_server_that_logs_debug_messages_follows_a_run_and_its_search(new_server):
    server = new_server(log_level="debug")
    server.start()
    client = server.client
    file = client.files.create(file=("pancakes.md", b"Mix flour, eggs and milk."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    eventually(lambda: client.vector_stores.retrieve(store.id).status == "completed")
    run = client.beta.threads.create_and_run_poll(
        assistant_id=client.beta.assistants.create(
            model="rehearsal",
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        ).id,
        thread={"messages": [{"role": "user", "content": "What do the files say about pancakes?"}]},
    )
    assert run.status == "completed"
    server.stop()
    log = server.log.read_text()
    assert f"RunStarted run_id='{run.id}'" in log
    assert f"ToolExecuted run_id='{run.id}' tool='file_search' refused=False" in log
    assert f"RunStopped run_id='{run.id}'" in log
    assert "status='completed'" in log.partition(f"RunStopped run_id='{run.id}'")[2].partition("\n")[0]
    assert f"JobClaimed job_kind='run' key='{run.id}'" in log
    assert f"JobFinished job_kind='run' key='{run.id}'" in log
    assert "JobFinished job_kind='file'" in log
    for event in ("RequestFinished", "RunTurnFinished", "ModelCalled", "TokensUsed", "DocumentIndexed"):
        assert f"{event} " in log
    for operation in ("createFile", "createThreadAndRun", "getVectorStore"):
        assert re.search(
            rf"RequestFinished .* operation='{operation}' .* status=200 key_id='key_\w+' project_id='\w+'", log
        )
