"""Copies of the logs of runs that other nodes execute."""

import pytest

from engine import histories
from understudy.clock import SystemClock
from understudy.engine.run import events
from understudy.engine.run.log import Logs
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.remote_logs import RemoteLogs
from understudy.engine.views.frames import RunEncoder


class SilentBroker:
    def handle(self, *_):
        pass

    def on_reconnect(self, *_):
        pass


@pytest.fixture
def logs():
    return Logs(SystemClock(), 60.0)


async def test_events_that_do_not_continue_a_copy_end_its_streams_with_an_error(logs, caplog):
    remote = RemoteLogs(SilentBroker(), None, None, None, logs, None, None, None)
    log = logs.create("run_1", RunEncoder)
    made, _ = histories.run()
    log.append(histories.queued(made), ())
    run = remote._add("run_1", log)
    # Its step was never opened.
    opened = events.CallOpened(0, "call_1", "look_up")
    assert remote._apply(run, [LogEntry(2, events.RunStarted(histories.AT), 2), LogEntry(3, opened, 3)]) is False
    assert (log.closed, log.handed_back, logs.get("run_1")) == (True, True, None)
    [record] = caplog.records
    assert record.getMessage() == "run run_1: received events do not continue its log"
