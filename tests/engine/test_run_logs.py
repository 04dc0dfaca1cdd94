"""Logs of runs whose next owner is this process, although others have owned them meanwhile."""

import pytest

from engine import histories
from serving import parse_events
from understudy.broker.memory import MemoryBroker
from understudy.clock import SystemClock
from understudy.engine.jobs.run_logs import Past, RunLogs
from understudy.engine.run import events
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.logs import Logs
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import RunEncoder
from understudy.store.run_state import Progress, RunHistory, StoredRun


@pytest.fixture
def logs():
    return Logs(SystemClock(), 60.0)


def numbered(history, epoch):
    start = (epoch - 1) * EVENTS_PER_EPOCH
    return [LogEntry(start + number, event, start + number) for number, event in enumerate(history, 1)]


class Remote:
    """The copies of logs, of which `log` is one."""

    def __init__(self, log):
        self.log = log

    def release(self, _):
        self.log.is_remote = False


def test_a_copy_without_events_begins_with_the_run_once_this_server_executes_it(logs):
    run_logs = RunLogs(None, logs, SystemClock(), MemoryBroker(), 60.0, print)
    made, _ = histories.run()
    log = logs.create(made.id, RunEncoder)
    log.is_remote = True
    run_logs.remote = Remote(log)
    stored = StoredRun("proj_a", "worker_a", 1, made, Progress(), [], None, epoch=2)
    assert run_logs.reopen(stored, Past(RunHistory(made, [], {}))) is log
    assert [type(entry.event) for entry in log.entries()] == [events.RunQueued, events.RunRestored]


@pytest.mark.parametrize("past_is_stored", [True, False])
def test_clients_of_a_log_that_waited_here_while_another_server_executed_its_run_follow_the_next_execution(
    logs, past_is_stored
):
    run_logs = RunLogs(None, logs, SystemClock(), MemoryBroker(), 60.0, print)
    made, _ = histories.run()
    queued = histories.queued(made)
    log = logs.create(made.id, RunEncoder)
    log.append(queued, RunEncoder().encode(queued))
    client = log.reader()
    client.read()
    # An owner with epoch 2 has begun a message, and died.
    history = [queued, events.RunStarted(histories.AT), events.MessageOpened("step_1", "msg_1", histories.AT)]
    view = RunView.of(history)
    stored = StoredRun("proj_a", "worker_a", 1, view.run, Progress(), list(view.steps), view.message, epoch=3)
    past = RunHistory(view.run, list(view.steps), {})
    entries = numbered(history[1:], epoch=2) if past_is_stored else []
    reopened = run_logs.reopen(stored, Past(past, entries, log.length))
    assert reopened is log
    assert (log.epoch, log.closed, log.is_remote) == (3, False, False)
    names = [name for name, _ in parse_events(client.read())]
    assert names.count("thread.run.created") == 0
    assert names.count("thread.run.in_progress") == names.count("thread.message.created") == 1
