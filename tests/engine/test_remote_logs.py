"""Copies of the logs of runs that other nodes execute."""

import asyncio
from collections import Counter
from types import SimpleNamespace

import pytest

from engine import answers, histories
from serving import parse_events
from understudy.broker.memory import MemoryBroker
from understudy.clock import SystemClock
from understudy.engine.jobs.run_logs import Past, RunLogs
from understudy.engine.run import events, remote_logs
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.feed import SentEvents
from understudy.engine.run.log import RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.logs import Logs
from understudy.engine.run.remote_logs import RemoteLogs
from understudy.engine.run.stored_logs import append_entries, build_log, encoder_at_end
from understudy.engine.runs import Runs
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import ResponseEncoder, RunEncoder
from understudy.engine.views.response_replay import frames_after
from understudy.engine.views.responses import ResponseView
from understudy.store.run_state import Plan, Progress, RunHistory, RunOwner, StoredRun
from waiting import WITHIN


class SilentBroker:
    node_id = "node_here"
    is_available = True

    def receive(self, *_):
        pass

    def on_reconnect(self, *_):
        pass


@pytest.fixture
def logs():
    return Logs(SystemClock(), 60.0)


async def test_events_that_do_not_continue_a_copy_end_its_streams_with_an_error(logs, caplog):
    remote = RemoteLogs(SilentBroker(), None, None, None, logs, None, None, None, None)
    log = logs.create("run_1", RunEncoder)
    made, _ = histories.run()
    log.append(histories.queued(made), ())
    run = remote._add_run("run_1", log)
    # Its step was never opened.
    opened = events.CallOpened(0, "call_1", "look_up")
    assert remote._apply(run, [LogEntry(2, events.RunStarted(histories.AT), 2), LogEntry(3, opened, 3)]) is False
    assert (log.closed, log.is_handed_over, logs.get("run_1")) == (True, True, None)
    [record] = caplog.records
    assert record.getMessage() == "run run_1: received events do not continue its log"


class Takeover:
    """A run whose first owner died before it stored its events: the next one has rebuilt its beginning."""

    def __init__(self, kind):
        made, _ = histories.run()
        shown = answers.response(background=True, status="queued") if kind == "response" else None
        queued = histories.queued(made) if shown is None else histories.queued(made, response=shown)
        history = [queued, events.RunStarted(histories.AT)]
        view, progress, response = RunView.of(history), Progress(), None
        self.run = view.run
        self.new_encoder = RunEncoder if shown is None else ResponseEncoder
        if shown is not None:
            shown_view = ResponseView()
            for event in history:
                shown_view.apply(event)
            response, progress = shown_view.settled(), Progress(plan=Plan(sequence=shown_view.sequence))
        self.first = [LogEntry(number, event, number) for number, event in enumerate(history, 1)]
        stored = StoredRun("proj_a", "worker_b", 1, view.run, progress, [], None, response, epoch=2)
        run_logs = RunLogs(None, Logs(SystemClock(), 60.0), SystemClock(), MemoryBroker(), 60.0, print)
        self.log = run_logs.reopen(stored, Past(RunHistory(view.run, [], {})))
        encoder = encoder_at_end(self.log)
        for event in (
            events.MessageOpened("step_1", "msg_1", histories.AT),
            events.TextDelta("Hello"),
            events.MessageClosed(histories.AT, histories.USAGE),
            events.RunEnded("completed", histories.AT, histories.USAGE),
        ):
            self.log.append(event, encoder.encode(event))
        self.log.close()
        self.rebuilt = list(self.log.entries())
        restored = [isinstance(entry.event, events.RunRestored) for entry in self.rebuilt].index(True)
        self.after_beginning = self.rebuilt[restored:]
        # A client of a run that has only its first event gets all others of the rebuilt log.
        self.position_after_first = self.rebuilt[0].number if shown is None else self.after_beginning[0].number - 1


@pytest.fixture(params=["run", "response"])
def takeover(request):
    return Takeover(request.param)


def names_of(log, after=0):
    return Counter(name for name, _ in parse_events(log.reader(after).read()))


def numbers_of(log):
    return [entry.number for entry in log.entries()]


@pytest.mark.parametrize("received", [1, 2])
def test_a_log_with_a_beginning_gets_what_the_next_owner_added_and_not_its_rebuilt_beginning(takeover, received):
    first = takeover.first[:received]
    expected = [entry.number for entry in (*first, *takeover.after_beginning)]
    for cut in range(len(takeover.rebuilt) + 1):
        log = RunLog(takeover.new_encoder)
        append_entries(log, log.new_encoder(), first)
        client = log.reader()
        got = client.read()
        append_entries(log, encoder_at_end(log), takeover.rebuilt[:cut])
        # The next request names the last event of the copy, and the owner sends what follows.
        append_entries(log, encoder_at_end(log), takeover.log.entries_after(log.length))
        assert numbers_of(log) == expected
        got += client.read()
        names = Counter(name for name, _ in parse_events(got))
        assert {names[name] for name in names if name.endswith((".created", ".queued", ".in_progress"))} == {1}
        assert sum(names[name] for name in ("thread.run.completed", "response.completed")) == 1
    assert numbers_of(build_log(takeover.new_encoder, [*first, *takeover.rebuilt])) == expected


def test_a_log_without_events_begins_with_the_rebuilt_beginning(takeover):
    log = build_log(takeover.new_encoder, takeover.rebuilt)
    assert numbers_of(log) == [entry.number for entry in takeover.rebuilt]
    assert takeover.rebuilt[0].number == EVENTS_PER_EPOCH + 1


async def test_a_client_that_connects_again_to_a_rebuilt_log_does_not_get_what_it_has(takeover):
    log = build_log(takeover.new_encoder, takeover.rebuilt)
    log.close()
    if takeover.new_encoder is RunEncoder:
        names = names_of(log, after=1)
    else:
        names = Counter(name for name, _ in parse_events(b"".join([frames async for frames in frames_after(log, 1)])))
    # It has the creation and the queue of the run.
    assert not {name for name in names if name in {"thread.run.created", "response.created", "response.queued"}}
    assert sum(names[name] for name in ("thread.run.completed", "response.completed")) == 1


class Gate:
    """An operation whose reply waits until the test opens it."""

    def __init__(self, reply):
        self.reply = reply
        self.called, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, *_):
        self.called.set()
        await self.opened.wait()
        return self.reply


class Nodes:
    """The nodes and the broker's events, as one node follows them."""

    def __init__(self, takeover, logs):
        self.stored = Gate(takeover.first[:1])
        self.asked, self.untracked = [], []
        self.takeover = takeover
        self.owner = None
        self.load, self.request = self.stored, self._request
        self.copies, self.completed = None, []
        self.remote = RemoteLogs(
            SilentBroker(), None, self, self, logs, self.find_owners, str, self.complete, self.untracked.append
        )

    async def copy(self, *_):
        """The log of a node that has it."""
        return self.copies

    async def complete(self, run_id, log, _):
        self.completed.append(run_id)
        log.append(events.RunEnded("completed", histories.AT, histories.USAGE), ())

    async def history(self, *_):
        return RunHistory(self.takeover.run, [], {})

    async def find_owners(self, run_ids):
        return dict.fromkeys(run_ids, RunOwner("in_progress", self.owner, 2))

    async def _request(self, _node_id, run_id, after):
        self.asked.append(after)
        log = self.takeover.log
        return SentEvents(run_id, after, log.length, log.length, "ended"), log.entries_after(after)


async def test_a_copy_that_is_read_from_the_broker_while_the_next_owner_is_found_has_one_beginning(logs, takeover):
    nodes = Nodes(takeover, logs)
    following = asyncio.create_task(nodes.remote.follow("run_1", takeover.new_encoder))
    async with asyncio.timeout(WITHIN):
        await nodes.stored.called.wait()
        # Now the run has an owner, which could not read what is stored.
        nodes.owner = "node_b"
        checking = asyncio.create_task(nodes.remote._check())
        await asyncio.sleep(0)
        nodes.stored.opened.set()
        log = await following
        await checking
    assert nodes.asked == [1]
    assert numbers_of(log) == [1, *(entry.number for entry in takeover.after_beginning)]
    names = names_of(log)
    assert names["thread.run.created"] + names["response.created"] == 1


async def test_a_client_attaches_to_a_copy_once_its_rebuilt_beginning_is_whole(logs, takeover):
    nodes = Nodes(takeover, logs)
    log = logs.create("run_1", takeover.new_encoder)
    run = nodes.remote._add_run("run_1", log)
    nodes.remote._apply(run, takeover.rebuilt[:1])
    following = asyncio.create_task(nodes.remote.follow("run_1", takeover.new_encoder))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not following.done()
    nodes.remote._apply(run, takeover.rebuilt[1:])
    async with asyncio.timeout(WITHIN):
        assert await following is log
    assert log.reader(1).position == takeover.position_after_first


@pytest.mark.parametrize("received", [0, 1])
async def test_a_client_that_resumes_at_a_copy_of_another_client_waits_for_its_beginning(logs, takeover, received):
    nodes = Nodes(takeover, logs)
    log = logs.create("run_1", takeover.new_encoder)
    run = nodes.remote._add_run("run_1", log)
    nodes.remote._apply(run, takeover.rebuilt[:received])
    finding = asyncio.create_task(logs.find("run_1"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not finding.done()
    nodes.remote._apply(run, takeover.rebuilt[received:])
    async with asyncio.timeout(WITHIN):
        assert await finding is log
    assert log.reader(1).position == takeover.position_after_first


class Inbox:
    """Decodes the events that one node sends another: the number of the first and the last."""

    def __init__(self, takeover):
        self.rebuilt = takeover.rebuilt

    def decode_entries(self, body):
        return [entry for entry in self.rebuilt if entry.number in range(*map(int, body.split(b"-")))]


async def test_events_that_arrive_while_a_copy_is_read_from_the_broker_are_not_lost(logs, takeover):
    nodes = Nodes(takeover, logs)
    nodes.stored.reply = []
    nodes.remote._codec = Inbox(takeover)
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    run.node_id = "node_b"
    loading = asyncio.create_task(nodes.remote._load_first(run))
    async with asyncio.timeout(WITHIN):
        await nodes.stored.called.wait()
        first, last = takeover.rebuilt[0].number, takeover.log.length
        body = b"%d-%d" % (first, last + 1)
        nodes.remote._receive_events("node_b", SentEvents("run_1", 0, last, last, "ended", body))
        nodes.stored.opened.set()
        await loading
    assert numbers_of(run.log) == numbers_of(takeover.log)
    assert run.log.closed
    assert nodes.asked == []


async def test_a_message_that_was_sent_before_a_reply_does_not_open_the_copy_again(logs, takeover):
    nodes = Nodes(takeover, logs)
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    run.node_id = "node_b"
    nodes.request = Gate((SentEvents("run_1", 0, 2, 2, "waiting"), takeover.first))
    requesting = asyncio.create_task(nodes.remote._catch_up(run))
    async with asyncio.timeout(WITHIN):
        await nodes.request.called.wait()
        nodes.remote._receive_events("node_b", SentEvents("run_1", 0, 1, 1, "open"))
        nodes.request.opened.set()
        await requesting
    assert run.log.closed


async def test_a_client_does_not_wait_for_a_copy_that_is_dropped_without_events(logs, takeover):
    nodes = Nodes(takeover, logs)
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    finding = asyncio.create_task(logs.find("run_1"))
    await asyncio.sleep(0)
    nodes.remote._drop(run)
    async with asyncio.timeout(WITHIN):
        assert (await finding).closed


async def test_a_client_that_resumes_a_run_while_another_waits_for_its_copy_gets_no_second_beginning(logs):
    takeover = Takeover("run")
    nodes = Nodes(takeover, logs)
    made = takeover.run
    worker = SimpleNamespace(remote=nodes.remote, store_openings=nodes.history)
    runs = Runs(SimpleNamespace(runs=nodes), worker, logs, SystemClock(), 60.0, None, None)
    first = asyncio.create_task(runs.attach("proj_a", made.thread_id, made.id))
    async with asyncio.timeout(WITHIN):
        await nodes.stored.called.wait()
        second = asyncio.create_task(runs.attach("proj_a", made.thread_id, made.id, 1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not second.done()
        nodes.stored.reply = takeover.rebuilt
        nodes.stored.opened.set()
        assert await first is await second
    names = names_of(await second, after=1)
    assert names["thread.run.created"] == 0
    assert names["thread.run.completed"] == 1


async def test_a_client_that_looked_for_a_log_before_this_server_executes_the_run_follows_that_execution(
    logs, takeover
):
    nodes = Nodes(takeover, logs)
    executed = logs.create("run_1", takeover.new_encoder)
    append_entries(executed, takeover.new_encoder(), takeover.first)
    async with asyncio.timeout(WITHIN):
        assert await nodes.remote.follow("run_1", takeover.new_encoder) is executed
    assert logs.get("run_1") is executed
    assert nodes.untracked == []


async def test_the_streams_of_a_copy_end_once_this_server_has_ended_the_run(logs, takeover):
    nodes = Nodes(takeover, logs)
    nodes.stored.reply = takeover.rebuilt
    nodes.stored.opened.set()
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    nodes.remote._apply(run, takeover.rebuilt[:-1])
    await nodes.remote._check_owner(run, RunOwner("in_progress", SilentBroker.node_id, 2))
    assert not run.log.closed
    await nodes.remote._check_owner(run, RunOwner("completed", SilentBroker.node_id, 2))
    assert run.log.has_ended
    assert run.log.closed


async def test_the_end_of_a_run_is_that_of_its_log_if_the_log_arrives_soon(logs, takeover):
    nodes = Nodes(takeover, logs)
    nodes.stored.reply = []
    nodes.stored.opened.set()
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    nodes.remote._apply(run, takeover.rebuilt[:-1])
    client = run.log.reader()
    # Neither the broker nor a node has the end, since this node or the owner connects to the broker again.
    nodes.copies = None
    await nodes.remote._check_owner(run, RunOwner("completed", None, 2))
    assert not run.log.closed
    assert not nodes.completed
    nodes.copies = takeover.log
    await nodes.remote._check_owner(run, RunOwner("completed", None, 2))
    assert numbers_of(run.log) == numbers_of(takeover.log)
    assert run.log.closed
    assert not nodes.completed
    assert client.read()


async def test_a_run_whose_log_has_lost_its_end_is_completed_from_the_database_in_the_end(logs, takeover, monkeypatch):
    nodes = Nodes(takeover, logs)
    nodes.stored.reply = []
    nodes.stored.opened.set()
    run = nodes.remote._add_run("run_1", logs.create("run_1", takeover.new_encoder))
    nodes.remote._apply(run, takeover.rebuilt[:-1])
    monkeypatch.setattr(remote_logs, "_END_PATIENCE_SECONDS", -1.0)
    await nodes.remote._check_owner(run, RunOwner("completed", None, 2))
    assert nodes.completed == ["run_1"]
    assert run.log.closed


async def test_a_log_that_waited_here_is_not_written_any_more_once_a_copy_replaces_it(logs, takeover):
    nodes = Nodes(takeover, logs)
    logs.create("run_1", takeover.new_encoder).close()
    nodes.stored.opened.set()
    async with asyncio.timeout(WITHIN):
        await nodes.remote.follow("run_1", takeover.new_encoder)
    assert nodes.untracked == ["run_1"]
