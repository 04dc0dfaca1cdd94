"""A replay of a run from the database has the events of the original stream."""

from hypothesis import given

from engine import histories
from serving import parse_events
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.engine.views.replay import run_events
from understudy.store.run_state import Progress, RunHistory

SECONDS = 600


def kept(history):
    """The stream of a run, and what a store has of it in the end."""
    projection, progress, frames, steps, messages = RunProjection(), Progress(), [], {}, {}
    for event in history:
        frames += projection.encode(event)
        stored = projection.checkpoint(progress, with_run=True)
        steps |= {step.id: step for step in (*stored.new_steps, *stored.changed_steps)}
        messages |= {message.id: message for message in (*stored.new_messages, *stored.changed_messages)}
    return b"".join(frames), RunHistory(stored.run, list(steps.values()), messages)


def told_again(history):
    encoder = RunEncoder()
    return b"".join(frame for event in run_events(history, SECONDS) for frame in encoder.encode(event))


def milestones(frames):
    """The names of the events, but for the deltas, whose number is not kept, and the thread's, which is not the run's."""
    return [name for name, _ in parse_events(frames) if not name.endswith(".delta") and name != "thread.created"]


@given(histories.histories(late=False))
def test_a_replay_from_the_database_has_the_same_events_in_the_same_order(history):
    frames, stored = kept(history)
    assert milestones(told_again(stored)) == milestones(frames)


@given(histories.histories())
def test_a_replay_has_the_same_events_when_text_follows_tool_calls(history):
    frames, stored = kept(history)
    again, once = milestones(told_again(stored)), milestones(frames)
    assert sorted(again) == sorted(once)
    assert again[-1] == once[-1]


@given(histories.histories())
def test_a_replay_from_the_database_returns_the_streamed_objects(history):
    frames, stored = kept(history)
    once = dict(parse_events(frames))
    again = dict(parse_events(told_again(stored)))
    for name in ("thread.run.completed", "thread.run.failed", "thread.run.cancelled", "thread.run.requires_action"):
        if name in once:
            assert again[name] == {**once[name], "expires_at": again[name]["expires_at"]}
    for name in ("thread.message.completed", "thread.message.incomplete"):
        assert (name in once) is (name in again)
        if name in once:
            assert (again[name]["id"], again[name]["content"]) == (once[name]["id"], once[name]["content"])
