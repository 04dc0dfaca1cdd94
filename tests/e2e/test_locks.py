"""One active run a thread: what is refused while it lasts, and what is not."""

import asyncio

import openai
import pytest

from e2e.assistants_client import new_thread, on_both, reached, run_of, texts, user
from envelope import assert_error
from upstream import Gate, call, calls, text


@pytest.fixture
def busy(client, upstream, assistant, thread):
    """A thread with a run on it, and the gate that lets the run end."""
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    yield run
    gate.open()
    assert reached(client, run).status == "completed"


@on_both
def test_no_message_is_added_while_a_run_is_active(client, busy):
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.messages.create(busy.thread_id, role="user", content="wait")
    assert_error(caught.value, 400, f"Can't add messages to {busy.thread_id} while a run {busy.id} is active.")
    assert texts(client, client.beta.threads.retrieve(busy.thread_id))[:1] == ["Hello"]


@on_both
@pytest.mark.parametrize("stream", [False, True])
def test_no_run_is_added_while_a_run_is_active(client, assistant, busy, stream):
    more = [{"role": "user", "content": "must not stay"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.runs.create(
            busy.thread_id, assistant_id=assistant.id, additional_messages=more, stream=stream
        )
    assert_error(caught.value, 400, f"Thread {busy.thread_id} already has an active run {busy.id}.")
    assert len(client.beta.threads.runs.list(busy.thread_id).data) == 1
    assert "must not stay" not in texts(client, client.beta.threads.retrieve(busy.thread_id))


@on_both
def test_everything_else_is_allowed_while_a_run_is_active(client, busy):
    threads = client.beta.threads
    message = threads.messages.list(busy.thread_id, order="asc").data[0]
    assert threads.update(busy.thread_id, metadata={"a": "b"}).metadata == {"a": "b"}
    assert threads.messages.update(message.id, thread_id=busy.thread_id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert threads.messages.retrieve(message.id, thread_id=busy.thread_id).metadata == {"c": "d"}
    assert threads.messages.delete(message.id, thread_id=busy.thread_id).deleted
    assert threads.runs.list(busy.thread_id).data[0].id == busy.id


@on_both
def test_a_run_that_requires_action_locks_its_thread_until_it_ends(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", city="Paris")))
    run = run_of(client, thread, forecaster)
    with pytest.raises(openai.BadRequestError, match="while a run"):
        client.beta.threads.messages.create(thread.id, role="user", content="wait")
    with pytest.raises(openai.BadRequestError, match="already has an active run"):
        client.beta.threads.runs.create(thread.id, assistant_id=forecaster.id)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    reached(client, run)
    client.beta.threads.messages.create(thread.id, role="user", content="now")
    assert run_of(client, thread, forecaster).status == "completed"


@on_both
async def test_only_one_of_many_concurrent_runs_on_a_thread_is_created(async_client, client, upstream, assistant):
    thread = new_thread(client, "Hello")
    gate = Gate()
    upstream.always(text("Hel", gate, "lo"))
    create = async_client.beta.threads.runs.create
    tries = [
        create(thread.id, assistant_id=assistant.id, additional_messages=[user(f"try {number}")])
        for number in range(10)
    ]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    (won,) = [one for one in ended if not isinstance(one, Exception)]
    for lost in ended:
        if lost is not won:
            assert_error(lost, 400, f"Thread {thread.id} already has an active run {won.id}.")
    gate.open()
    assert reached(client, won).status == "completed"
    # The messages of those that lost are not there either.
    assert len(texts(client, thread)) == 3


@on_both
async def test_many_runs_on_different_threads_all_complete(async_client, upstream, assistant):
    async def whole(number):
        run = await async_client.beta.threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [user(f"number {number}")]}, stream=True
        )
        async with run as events:
            shown = [event async for event in events]
        assert shown[-1].event == "thread.run.completed"
        return shown[-3].data.content[0].text.value

    answers = await asyncio.gather(*[whole(number) for number in range(100)])
    assert answers == [f"You said: number {number}" for number in range(100)]
