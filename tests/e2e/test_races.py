"""Conflicting concurrent requests: one succeeds, the other is refused, and no partial state remains."""

import asyncio

import openai
import pytest

from e2e.assistants_client import ENDED, WEATHER, on_both
from upstream import call, calls, text
from waiting import WITHIN

TIMES = 15
PARIS = call("get_weather", call_id="call_a", city="Paris")


async def waiting_runs(client, upstream):
    """Runs that each wait for the output of a function, on threads of their own."""
    assistant = await client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    upstream.always(lambda asked: text("Mild.") if asked.body["messages"][-1]["role"] == "tool" else calls(PARIS))
    question = {"messages": [{"role": "user", "content": "Weather?"}]}
    made = [client.beta.threads.create_and_run_poll(**_run(assistant, question)) for _ in range(TIMES)]
    runs = await asyncio.gather(*made)
    assert {run.status for run in runs} == {"requires_action"}
    return runs


def _run(assistant, thread):
    return {"assistant_id": assistant.id, "thread": thread, "poll_interval_ms": 10}


async def ended(client, run):
    async with asyncio.timeout(WITHIN):
        found = run
        while found.status not in ENDED:
            await asyncio.sleep(0.01)
            found = await client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    return found


async def outcome(answer):
    """What the server said to one of the two: the object, or its refusal."""
    try:
        return await answer
    except openai.BadRequestError as refusal:
        return refusal


def submitting(client, run, output):
    outputs = [{"tool_call_id": "call_a", "output": output}]
    return client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)


def cancelling(client, run):
    return client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)


async def race(*answers):
    results = await asyncio.gather(*(outcome(answer) for answer in answers))
    refused = [result for result in results if isinstance(result, openai.BadRequestError)]
    return results, [refusal.body["message"] for refusal in refused]


async def messages_of(client, run):
    return [message async for message in client.beta.threads.messages.list(run.thread_id, order="asc")]


@pytest.mark.proves("runs.race")
@on_both
async def test_only_one_of_two_concurrent_submissions_is_accepted(async_client, upstream):
    for run in await waiting_runs(async_client, upstream):
        results, refusals = await race(submitting(async_client, run, "A"), submitting(async_client, run, "B"))
        assert len(refusals) == 1
        assert refusals[0].endswith("do not accept tool outputs.")
        assert (await ended(async_client, run)).status == "completed"
        taken = "A" if not isinstance(results[0], openai.BadRequestError) else "B"
        steps = [step async for step in async_client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id)]
        outputs = [step.step_details.tool_calls[0].function.output for step in steps if step.type == "tool_calls"]
        assert outputs == [taken]
        assert len(await messages_of(async_client, run)) == 2


@on_both
async def test_only_one_of_two_concurrent_cancels_is_accepted(async_client, upstream):
    for run in await waiting_runs(async_client, upstream):
        _, refusals = await race(cancelling(async_client, run), cancelling(async_client, run))
        assert len(refusals) == 1
        assert refusals[0] in {f"Cannot cancel run with status '{status}'." for status in ("cancelling", "cancelled")}
        assert (await ended(async_client, run)).status == "cancelled"


@on_both
async def test_a_submission_and_a_cancel_agree_on_how_the_run_ends(async_client, upstream):
    for run in await waiting_runs(async_client, upstream):
        (submitted, cancelled), _ = await race(submitting(async_client, run, "A"), cancelling(async_client, run))
        final = await ended(async_client, run)
        if isinstance(cancelled, openai.BadRequestError):
            assert cancelled.body["message"] == "Cannot cancel run with status 'completed'."
            assert final.status == "completed"
        else:
            assert final.status in {"cancelled", "completed"}
        if isinstance(submitted, openai.BadRequestError):
            assert final.status == "cancelled"
        statuses = [message.status for message in await messages_of(async_client, run)]
        assert "in_progress" not in statuses
        assert statuses.count("completed") == (2 if final.status == "completed" else 1)


@on_both
async def test_a_cancel_that_comes_as_the_run_ends_leaves_one_end(async_client, upstream):
    assistant = await async_client.beta.assistants.create(model="gpt-4o")
    upstream.always(text("Hello"))
    threads = async_client.beta.threads
    for wait in range(TIMES):
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        run = await threads.create_and_run(assistant_id=assistant.id, thread=body)
        await asyncio.sleep(wait * 0.001)
        cancelled = await outcome(cancelling(async_client, run))
        final = await ended(async_client, run)
        if isinstance(cancelled, openai.BadRequestError):
            assert final.status == "completed"
        answers = [message for message in await messages_of(async_client, run) if message.role == "assistant"]
        assert all(message.status != "in_progress" for message in answers)
        assert [message.status for message in answers].count("completed") == (final.status == "completed")
        again = await threads.runs.create_and_poll(
            thread_id=run.thread_id, assistant_id=assistant.id, poll_interval_ms=10
        )
        assert again.status == "completed"


@on_both
async def test_a_message_and_a_run_agree_on_which_came_first(async_client, upstream):
    assistant = await async_client.beta.assistants.create(model="gpt-4o")
    upstream.always(text("Hello"))
    threads = async_client.beta.threads
    for _ in range(TIMES):
        thread = await threads.create(messages=[{"role": "user", "content": "one"}])
        asked = len(upstream.requests)
        (message, run), refusals = await race(
            threads.messages.create(thread.id, role="user", content="two"),
            threads.runs.create(thread.id, assistant_id=assistant.id),
        )
        assert not isinstance(run, openai.BadRequestError)
        await ended(async_client, run)
        told = [said["content"] for said in upstream.requests[asked].body["messages"]]
        if isinstance(message, openai.BadRequestError):
            assert refusals == [f"Can't add messages to {thread.id} while a run {run.id} is active."]
            assert told == ["one"]
        else:
            assert told in (["one", "two"], ["one"])
            said = [part.content[0].text.value for part in await messages_of(async_client, run)]
            assert said in (["one", "two", "Hello"], ["one", "Hello", "two"])


@on_both
async def test_deleting_a_thread_under_its_run_leaves_neither(async_client, upstream):
    for run in await waiting_runs(async_client, upstream):
        threads = async_client.beta.threads
        results = await asyncio.gather(
            submitting(async_client, run, "A"), threads.delete(run.thread_id), return_exceptions=True
        )
        assert results[1].deleted
        assert not isinstance(results[0], Exception) or isinstance(results[0], openai.NotFoundError)
        for gone in (threads.retrieve(run.thread_id), threads.runs.retrieve(run.id, thread_id=run.thread_id)):
            assert isinstance(await outcome_of(gone), openai.NotFoundError)


async def outcome_of(answer):
    try:
        return await answer
    except openai.NotFoundError as missing:
        return missing
