"""Two projects in one database see nothing of each other: what is not theirs is not there, in the same words."""

import pytest

from store import samples
from store.samples import OURS, THEIRS
from understudy.errors import InvalidRequest, NotFound
from understudy.store.pages import PageRequest
from understudy.store.run_state import Checkpoint
from understudy.store.threads import ThreadFilter


@pytest.fixture
async def owned(store):
    """One of each, of the other project."""
    assistant, thread = samples.assistant(), samples.thread(metadata={"team": "theirs"})
    message, run = samples.message(thread.id, "their words"), samples.run(thread.id, "in_progress")
    step = samples.step(run)
    await store.assistants.create(THEIRS, assistant)
    await store.threads.create(THEIRS, thread, [message])
    await store.runs.create(THEIRS, run, "worker")
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, new_steps=[step]))
    return assistant.id, thread.id, message.id, run.id, step.id


def nothing(_):
    return None


def attempts(store, project, assistant, thread, message, run, step):
    """Every verb that names an object, and what it says it did not find."""
    whole = PageRequest()
    yield store.assistants.get(project, assistant), "assistant", assistant
    yield store.assistants.modify(project, assistant, nothing), "assistant", assistant
    yield store.assistants.delete(project, assistant), "assistant", assistant
    yield store.threads.get(project, thread), "thread", thread
    yield store.threads.modify(project, thread, nothing), "thread", thread
    yield store.threads.delete(project, thread), "thread", thread
    yield store.messages.create(project, samples.message(thread)), "thread", thread
    yield store.messages.get(project, thread, message), "thread", thread
    yield store.messages.page(project, thread, whole), "thread", thread
    yield store.messages.modify(project, thread, message, nothing), "thread", thread
    yield store.messages.delete(project, thread, message), "thread", thread
    yield store.runs.create(project, samples.run(thread), None), "thread", thread
    yield store.runs.get(project, thread, run), "thread", thread
    yield store.runs.page(project, thread, whole), "thread", thread
    yield store.runs.modify(project, thread, run, nothing), "thread", thread
    yield store.runs.get_step(project, thread, run, step), "thread", thread
    yield store.runs.page_steps(project, thread, run, whole), "thread", thread
    yield store.runs.history(project, thread, run), "thread", thread
    yield store.runs.transition(project, thread, run, None, nothing), "thread", thread


async def test_objects_of_another_project_give_the_same_not_found_error_as_unknown_ids(store, owned):
    unknown = ("asst_unknown", "thread_unknown", "msg_unknown", "run_unknown", "step_unknown")
    for identifiers in (owned, unknown):
        for attempt, noun, identifier in attempts(store, OURS, *identifiers):
            with pytest.raises(NotFound) as caught:
                await attempt
            assert caught.value.message == f"No {noun} found with id '{identifier}'."
            assert (caught.value.param, caught.value.code) == (None, None)


async def test_objects_of_another_project_are_not_found_through_an_own_thread(store, owned):
    _, _, message, run, step = owned
    thread = samples.thread()
    await store.threads.create(OURS, thread, [])
    for attempt, noun, identifier in (
        (store.messages.get(OURS, thread.id, message), "message", message),
        (store.messages.modify(OURS, thread.id, message, nothing), "message", message),
        (store.messages.delete(OURS, thread.id, message), "message", message),
        (store.runs.get(OURS, thread.id, run), "run", run),
        (store.runs.modify(OURS, thread.id, run, nothing), "run", run),
        (store.runs.transition(OURS, thread.id, run, None, nothing), "run", run),
        (store.runs.history(OURS, thread.id, run), "run", run),
        (store.runs.page_steps(OURS, thread.id, run, PageRequest()), "run", run),
        (store.runs.get_step(OURS, thread.id, run, step), "run", run),
    ):
        with pytest.raises(NotFound) as caught:
            await attempt
        assert caught.value.message == f"No {noun} found with id '{identifier}'."


async def test_a_step_of_another_run_is_not_found(store):
    first, second = samples.thread(), samples.thread()
    runs = [samples.run(thread.id, "in_progress") for thread in (first, second)]
    for thread, run in zip((first, second), runs, strict=True):
        await store.threads.create(OURS, thread, [])
        await store.runs.create(OURS, run, "worker")
    step = samples.step(runs[1])
    await store.runs.advance("worker", 1, Checkpoint(runs[1].id, new_steps=[step]))
    with pytest.raises(NotFound, match="No run step found"):
        await store.runs.get_step(OURS, first.id, runs[0].id, step.id)


async def test_lists_and_searches_show_our_own_alone(store, owned):
    assistant, thread = samples.assistant(), samples.thread(metadata={"team": "theirs"})
    await store.assistants.create(OURS, assistant)
    await store.threads.create(OURS, thread, [samples.message(thread.id, "their words")])
    assert [row[0] for row in (await store.assistants.page(OURS, PageRequest())).rows] == [assistant.id]
    for condition in (ThreadFilter(), ThreadFilter((("team", "theirs"),)), ThreadFilter(text="their words")):
        assert [row[0] for row in (await store.threads.page(OURS, PageRequest(), condition)).rows] == [thread.id]


async def test_a_cursor_of_another_project_gives_the_same_error_as_an_unknown_one(store, owned):
    for cursor in (owned[0], "asst_unknown"):
        with pytest.raises(InvalidRequest) as caught:
            await store.assistants.page(OURS, PageRequest(after=cursor))
        assert caught.value.message == (
            f"Invalid 'after': no object with id {cursor!r} in this list. Use an id that the list has returned."
        )


async def test_refused_requests_change_nothing_of_the_other_project(store, owned):
    assistant, thread, message, run, step = owned
    for attempt, *_ in attempts(store, OURS, *owned):
        with pytest.raises(NotFound):
            await attempt
    await store.assistants.get(THEIRS, assistant)
    await store.messages.get(THEIRS, thread, message)
    await store.runs.get_step(THEIRS, thread, run, step)
    assert len((await store.messages.page(THEIRS, thread, PageRequest())).rows) == 1
