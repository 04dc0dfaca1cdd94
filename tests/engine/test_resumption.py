"""Behind which events a client resumes the stream of a run whose owner died before it stored what it had sent."""

import pytest

from engine import answers, histories
from engine.test_takeover import stored_state
from understudy.engine.run import events
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.log import RunLog
from understudy.engine.run_specs import build_spec
from understudy.engine.views.assistants import RunView
from understudy.engine.views.frames import ResponseEncoder, RunEncoder
from understudy.engine.views.origins import FinishedStep, RestoredOrigin
from understudy.engine.views.replay import restored_event
from understudy.engine.views.response_replay import is_behind
from understudy.engine.views.resumption import first_resumable, is_lost, last_resumable
from understudy.store.run_state import Plan, Progress, StoredRun

SENT = [
    events.RunStarted(histories.AT),
    events.MessageOpened("step_1", "msg_1", histories.AT),
    events.TextDelta("Hel"),
    events.TextDelta("lo"),
    events.MessageClosed(histories.AT, histories.USAGE),
    events.MessageOpened("step_2", "msg_2", histories.AT),
    events.TextDelta("Wor"),
]


def next_owner_log(stored, finished):
    """The log of an owner that has the first events of the last one; the store has the first message or has not."""
    made, _ = histories.run()
    history = [histories.queued(made), *SENT]
    view = RunView.of(history)
    (step,), (message,) = view.closed_steps, view.closed_messages
    steps = (FinishedStep(step, message),) if finished else ()
    origin = RestoredOrigin(RunView.of(history[:2]).run, (), steps)
    log, encoder = RunLog(RunEncoder), RunEncoder()
    for event in history[:stored]:
        log.append(event, encoder.encode(event))
    log.begin_epoch(2)
    restored = events.RunRestored(build_spec(made, None), "in_progress", origin)
    log.append(restored, encoder.encode(restored))
    return log


@pytest.mark.parametrize(("stored", "finished"), [(4, False), (6, True), (8, True)])
def test_a_client_resumes_behind_any_event_if_only_ends_follow(stored, finished):
    log = next_owner_log(stored, finished)
    for after in (*range(20), EVENTS_PER_EPOCH + 1, EVENTS_PER_EPOCH + 9):
        assert last_resumable(log, after) is None


def test_a_client_does_not_resume_where_it_may_have_a_part_of_what_follows():
    log = next_owner_log(4, True)
    assert [last_resumable(log, after) for after in range(7)] == [None, None, None, None, None, 4, 4]
    assert last_resumable(log, EVENTS_PER_EPOCH + 1) is None


def stored_response(epoch, sequence, stored_by):
    """A response of that epoch; the number of stream events at the last checkpoint, and the epoch of its owner."""
    progress = Progress(plan=Plan(sequence=sequence), epoch=stored_by)
    made, _ = histories.run()
    return StoredRun("project", None, 0, made, progress, [], None, answers.response(), epoch)


@pytest.mark.parametrize(
    ("epoch", "sequence", "stored_by", "resumable", "lost"),
    [
        (2, 3, 0, [0, 3, 9], []),
        # Queued by the first owner, started by the second.
        (3, 3, 2, [0, 3, 9], []),
        (3, 3, 0, [0, 2, 990_000, 1_000_007], [3, 9]),
        (4, 2_000_003, 3, [2, 1_990_000, 2_000_007], [3, 1_000_007]),
        (4, 1_000_003, 2, [2, 1_990_000, 2_000_001], [3, 1_000_007]),
    ],
)
def test_a_client_resumes_a_response_behind_events_of_its_last_owner_only(epoch, sequence, stored_by, resumable, lost):
    log = RunLog(RunEncoder)
    log.first_resumable = first_resumable(stored_response(epoch, sequence, stored_by))
    assert [number for number in (*resumable, *lost) if is_lost(log, number)] == lost


def test_a_client_resumes_behind_all_that_is_stored_if_its_numbers_are_unknown():
    log = RunLog(RunEncoder)
    log.first_resumable = first_resumable(stored_response(2, 12, 1), is_exact=False)
    assert [number for number in (2, 3, 10, 11, 12, 20) if is_lost(log, number)] == [3, 10]


def test_a_client_resumes_a_run_behind_events_of_its_last_owner_only():
    made, _ = histories.run()
    log = RunLog(RunEncoder)
    log.first_resumable = first_resumable(StoredRun("project", None, 0, made, Progress(), [], None, None, 3))
    numbers = [0, 2, 3, EVENTS_PER_EPOCH, EVENTS_PER_EPOCH + 1]
    assert [number for number in numbers if is_lost(log, number)] == [3, EVENTS_PER_EPOCH]


@pytest.mark.parametrize(
    ("sent", "rebuilt", "resumable", "lost"),
    [
        (4, 8, [0, 1, 2, 4, 5], [3]),
        # Nobody had followed it: the second message began with the fifth event or a later one.
        (0, 8, [0, 2, 5, 20], [3, 4]),
        (0, 3, [0, 2, 3], []),
    ],
)
def test_a_client_resumes_a_run_behind_all_that_its_owner_has_stored(sent, rebuilt, resumable, lost):
    made, _ = histories.run()
    history = [histories.queued(made), *SENT][:rebuilt]
    stored = StoredRun("project", None, 0, made, Progress(sent=sent), [], None, None, 2)
    log = RunLog(RunEncoder)
    log.first_resumable = first_resumable(stored, history)
    assert [number for number in (*resumable, *lost) if is_lost(log, number)] == lost


@pytest.mark.parametrize(("is_stored", "behind"), [(True, [(5, False), (6, True), (8, True)]), (False, [(8, False)])])
def test_a_client_does_not_resume_a_response_at_a_log_that_lacks_its_events_and_renders_them_again(is_stored, behind):
    made, _ = histories.run()
    queued = histories.queued(made, response=answers.response(background=True, status="queued"))
    history = [queued, *SENT[:1], events.MessageOpened("step_1", "msg_1", histories.AT), events.TextDelta("Hello")]
    end = events.MessageClosed(histories.AT, histories.USAGE)
    stored, past = stored_state([*history, end] if is_stored else history[:2], response=True)
    log, encoder = RunLog(ResponseEncoder), ResponseEncoder()
    restored = restored_event(stored, past)
    for event in (*history[:3], events.TextDelta("Hel"), restored):
        if event is restored:
            log.begin_epoch(2)
        log.append(event, encoder.encode(event))
    assert [(number, is_behind(log, number)) for number, _ in behind] == behind
