"""What the model is told: the conversation so far, in order, with the calls of earlier runs, and cut where asked."""

from e2e.assistants_client import POLL, new_thread, on_both, reached, run_of, user
from upstream import Gate, call, calls, text

PARIS = call("get_weather", call_id="call_a", city="Paris")
ROME = call("get_weather", call_id="call_b", city="Rome")


def assistant_says(content, **members):
    return {"role": "assistant", "content": content, **members}


def called(*ones):
    function = {"name": "get_weather"}
    return [
        {"id": one.id, "type": "function", "function": {**function, "arguments": "".join(one.pieces)}} for one in ones
    ]


def tool(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def finish(client, run, **outputs):
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": output} for call_id, output in outputs.items()],
        poll_interval_ms=POLL,
    )


@on_both
def test_a_conversation_is_told_in_its_order(client, upstream, assistant):
    thread = new_thread(client, "one", "two")
    upstream.answer(text("A"), text("B"))
    run_of(client, thread, assistant)
    client.beta.threads.messages.create(thread.id, role="user", content="three")
    run_of(client, thread, assistant, instructions="Be brief.")
    assert upstream.requests[1].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        user("one"),
        user("two"),
        assistant_says("A"),
        user("three"),
    ]


@on_both
def test_calls_and_their_outputs_are_told_to_this_run_and_to_later_ones(client, upstream, forecaster):
    thread = new_thread(client, "Weather?")
    upstream.answer(calls(PARIS, ROME, say=("Let me look.",)), text("Mild."), text("Yes."))
    run = finish(client, run_of(client, thread, forecaster), call_b="24", call_a="18")
    assert run.status == "completed"
    told = [
        user("Weather?"),
        assistant_says("Let me look.", tool_calls=called(PARIS, ROME)),
        tool("call_b", "24"),
        tool("call_a", "18"),
    ]
    assert upstream.requests[1].body["messages"] == told
    client.beta.threads.messages.create(thread.id, role="user", content="Sure?")
    run_of(client, thread, forecaster)
    assert upstream.requests[2].body["messages"] == [*told, assistant_says("Mild."), user("Sure?")]


@on_both
def test_rounds_of_calls_are_told_one_after_another(client, upstream, forecaster):
    thread = new_thread(client, "Weather?")
    upstream.answer(calls(PARIS), calls(ROME), text("Mild."))
    run = finish(client, run_of(client, thread, forecaster), call_a="18")
    finish(client, run, call_b="24")
    assert upstream.requests[2].body["messages"] == [
        user("Weather?"),
        assistant_says("", tool_calls=called(PARIS)),
        tool("call_a", "18"),
        assistant_says("", tool_calls=called(ROME)),
        tool("call_b", "24"),
    ]


@on_both
def test_calls_that_were_never_answered_are_not_told(client, upstream, forecaster):
    thread = new_thread(client, "Weather?")
    upstream.answer(calls(PARIS, say=("Hm.",)), text("Fine."))
    run = run_of(client, thread, forecaster)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    reached(client, run)
    run_of(client, thread, forecaster)
    assert upstream.requests[1].body["messages"] == [user("Weather?"), assistant_says("Hm.")]


def test_what_was_said_before_a_failure_is_told(client, upstream, assistant):
    thread = new_thread(client, "Hello")
    upstream.answer(text("Hel", finish="length"), text("OK"))
    run_of(client, thread, assistant)
    run_of(client, thread, assistant)
    assert upstream.requests[1].body["messages"] == [user("Hello"), assistant_says("Hel")]


def test_images_by_address_are_told_and_texts_stay_parts(client, upstream, assistant):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    thread = new_thread(client, [{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}])
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [
        user([{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}])
    ]


@on_both
def test_only_the_newest_messages_are_told_where_a_run_asks_for_that(client, upstream, assistant):
    thread = new_thread(client, "one", "two", "three")
    run_of(client, thread, assistant, truncation_strategy={"type": "last_messages", "last_messages": 2})
    assert upstream.requests[0].body["messages"] == [user("two"), user("three")]


@on_both
def test_what_a_run_itself_says_does_not_push_the_question_out(client, upstream, forecaster):
    thread = new_thread(client, "one", "Weather?")
    upstream.answer(calls(PARIS, say=("Let me look.",)), calls(ROME, say=("And Rome.",)), text("Mild."))
    run = run_of(client, thread, forecaster, truncation_strategy={"type": "last_messages", "last_messages": 1})
    finish(client, finish(client, run, call_a="18"), call_b="24")
    assert upstream.requests[2].body["messages"] == [
        user("Weather?"),
        assistant_says("Let me look.", tool_calls=called(PARIS)),
        tool("call_a", "18"),
        assistant_says("And Rome.", tool_calls=called(ROME)),
        tool("call_b", "24"),
    ]


def test_the_oldest_messages_are_left_out_where_the_prompt_has_no_room(client, upstream, assistant):
    thread = new_thread(client, *[f"{number} " + "x" * 1000 for number in range(10)])
    run_of(client, thread, assistant, max_prompt_tokens=1000)
    told = [message["content"].split(" ")[0] for message in upstream.requests[0].body["messages"]]
    assert 1 <= len(told) < 10
    assert told == [str(number) for number in range(10 - len(told), 10)]


def test_the_last_message_is_told_even_where_it_is_longer_than_the_window(client, upstream, assistant):
    parts = [{"type": "text", "text": "word " * 40_000}] * 4
    thread = new_thread(client, "old", parts)
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [user(parts)]


def test_a_question_that_does_not_fit_the_prompt_budget_ends_the_run_unasked(client, upstream, assistant):
    thread = new_thread(client, "old", "word " * 5_000)
    run = run_of(client, thread, assistant, max_prompt_tokens=256)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert upstream.requests == []


def test_a_conversation_of_many_pages_is_told_whole(client, upstream, assistant):
    thread = new_thread(client, *[str(number) for number in range(250)])
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [user(str(number)) for number in range(250)]


def test_a_message_that_is_still_being_written_is_not_told(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("B"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    gate.open()
    reached(client, run)
    run_of(client, thread, assistant)
    assert upstream.requests[1].body["messages"] == [user("Hello"), assistant_says("Hello")]
