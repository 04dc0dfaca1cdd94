"""The context sent to the model: the conversation in order, with tool calls of earlier runs, truncated on request."""

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
def test_a_conversation_is_sent_in_order(client, upstream, assistant):
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
def test_tool_calls_and_outputs_are_sent_in_this_run_and_in_later_ones(client, upstream, forecaster):
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
def test_rounds_of_tool_calls_are_sent_in_order(client, upstream, forecaster):
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
def test_tool_calls_without_outputs_are_not_sent(client, upstream, forecaster):
    thread = new_thread(client, "Weather?")
    upstream.answer(calls(PARIS, say=("Hm.",)), text("Fine."))
    run = run_of(client, thread, forecaster)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    reached(client, run)
    run_of(client, thread, forecaster)
    assert upstream.requests[1].body["messages"] == [user("Weather?"), assistant_says("Hm.")]


def test_text_before_a_failure_is_sent_in_later_runs(client, upstream, assistant):
    thread = new_thread(client, "Hello")
    upstream.answer(text("Hel", finish="length"), text("OK"))
    run_of(client, thread, assistant)
    run_of(client, thread, assistant)
    assert upstream.requests[1].body["messages"] == [user("Hello"), assistant_says("Hel")]


def test_image_urls_and_text_parts_are_sent_unchanged(client, upstream, assistant):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    thread = new_thread(client, [{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}])
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [
        user([{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}])
    ]


@on_both
def test_last_messages_truncation_sends_only_the_newest_messages(client, upstream, assistant):
    thread = new_thread(client, "one", "two", "three")
    run_of(client, thread, assistant, truncation_strategy={"type": "last_messages", "last_messages": 2})
    assert upstream.requests[0].body["messages"] == [user("two"), user("three")]


@on_both
def test_messages_of_the_run_itself_do_not_displace_the_user_message(client, upstream, forecaster):
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


def test_the_last_message_is_sent_even_if_it_exceeds_the_context_window(client, upstream, assistant):
    parts = [{"type": "text", "text": "word " * 40_000}] * 4
    thread = new_thread(client, "old", parts)
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [user(parts)]


def test_a_question_that_does_not_fit_the_prompt_budget_ends_the_run_unasked(client, upstream, assistant):
    thread = new_thread(client, "old", "word " * 5_000)
    run = run_of(client, thread, assistant, max_prompt_tokens=256)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert upstream.requests == []


def test_a_conversation_of_many_pages_is_sent_completely(client, upstream, assistant):
    thread = new_thread(client, *[str(number) for number in range(250)])
    run_of(client, thread, assistant)
    assert upstream.requests[0].body["messages"] == [user(str(number)) for number in range(250)]


def test_a_message_is_sent_to_the_next_run_only_once_it_is_complete(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("B"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    gate.open()
    reached(client, run)
    run_of(client, thread, assistant)
    assert upstream.requests[1].body["messages"] == [user("Hello"), assistant_says("Hello")]
