"""A background response whose server is killed while an item is open: each client resumes a stream that is consistent.

Nothing but the database has what the killed server sent: it had no Redis.
"""

import json

import pytest

from e2e.test_responses import MODEL, WEATHER, ended
from sandbox.machine import interpreter, require_sandbox
from upstream import HANG, Answer, call, calls, deltas, text
from web_pages import WebPages

THOUGHT = deltas({"reasoning_content": "Let me"}, {"reasoning_content": " think."}).items
ROME = call("get_weather", call_id="call_0", city="Rome")
PARIS = call("get_weather", call_id="call_1", city="Paris, which is in France")
TOOLS = [WEATHER, {"type": "custom", "name": "note"}, {"type": "web_search"}]
CODE = {"type": "code_interpreter", "container": {"type": "auto"}}
ARGUMENTS = "function_call_arguments.delta"


def cut(answer):
    """The answer without its last piece; the provider sends nothing more."""
    return answer.but(items=(*answer.items[:-1], HANG))


# What the provider sends, and the number of the event of this kind after which the server is killed.
CASES = {
    "message": (text("Hel", "lo", HANG), "output_text.delta", 2),
    "reasoning": (Answer((*THOUGHT, HANG)), "reasoning_summary_text.delta", 2),
    "call": (cut(calls(PARIS)), ARGUMENTS, 1),
    "second call": (cut(calls(ROME, PARIS)), ARGUMENTS, 3),
    "reasoning, call": (Answer((*THOUGHT, *cut(calls(PARIS)).items)), ARGUMENTS, 1),
    "reasoning, message": (Answer((*THOUGHT, *text("Hel", "lo", HANG).items)), "output_text.delta", 2),
    "message, call": (cut(calls(PARIS, say=("Look: ", "so."))), ARGUMENTS, 1),
    "custom call": (cut(calls(call("note", input="A note which is long"))), "custom_tool_call_input.delta", 1),
    "web search": (cut(calls(call("web_search", queries=["engines"]))), "web_search_call.in_progress", 1),
    "running web search": (calls(call("web_search", queries=["engines"])), "web_search_call.searching", 1),
    "code": (cut(calls(call("code_interpreter", code="6 * 7 + 6 * 7"))), "code_interpreter_call_code.delta", 1),
    "complete calls": (calls(ROME, PARIS), "output_item.done", 2),
}
FAST = {"second call", "reasoning, call", "running web search"}


@pytest.fixture(scope="module")
def web_pages():
    with WebPages() as web:
        yield web


@pytest.fixture
def search_settings(web_pages):
    web_pages.reset()
    settings = {"provider": "searxng", "url": web_pages.url, "price": "0.005", "allow_private": "true"}
    return {f"web_search__{name}": value for name, value in settings.items()}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("case", [one if one in FAST else pytest.param(one, marks=pytest.mark.slow) for one in CASES])
def test_each_item_begins_and_ends_once_for_any_client(new_server, upstream, database, search_settings, case):
    check_takeover(new_server, upstream, {**database, **search_settings}, case)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("case", [pytest.param(one, marks=pytest.mark.slow) for one in CASES if one != "second call"])
def test_on_postgresql_as_well(new_server, upstream, database, search_settings, case):
    check_takeover(new_server, upstream, {**database, **search_settings}, case)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_on_postgresql_with_two_calls(new_server, upstream, database):
    check_takeover(new_server, upstream, database, "second call", [WEATHER])


def test_items_before_the_open_one_have_the_numbers_that_clients_know(new_server, upstream):
    """Those of a stored message and its deltas, and of reasoning that is not stored yet."""
    first = calls(PARIS, say=("One ", "two ", "three."))
    upstream.answer(first.but(items=(*THOUGHT, *first.items[:3], *cut(calls(ROME, PARIS)).items)))
    server = new_server().start()
    seen = read_until(server, (ARGUMENTS, 3), [WEATHER])
    upstream.always(text("Hello", " again"))
    server.start()
    check_clients(server, seen)


LATER = [call("get_weather", call_id=f"call_{number}", city="Oslo, which is in Norway") for number in (2, 3)]
LATER_CALLS = (cut(calls(*LATER, say=("Look: ", "so."))), ARGUMENTS, 2)
CRASHES = {
    "messages": [CASES["message"], CASES["message"]],
    "message, calls": [CASES["message"], LATER_CALLS],
    "calls, calls": [CASES["reasoning, call"], LATER_CALLS],
    "three times": [CASES["second call"], CASES["reasoning, message"], LATER_CALLS],
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "case", [one if one == "calls, calls" else pytest.param(one, marks=pytest.mark.slow) for one in CRASHES]
)
def test_a_client_of_any_owner_resumes_a_response_over_which_several_died(new_server, upstream, database, case):
    server, seen = new_server(**database), []
    upstream.answer(*[answer for answer, *_ in CRASHES[case]])
    upstream.always(text("Hello", " again"))
    for count, (_, *last) in enumerate(CRASHES[case]):
        server.start()
        if seen:
            upstream.wait_for(count + 1)
        seen += read_until(server, last, [WEATHER], seen)
    check_clients(server.start(), seen)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_an_owner_that_stored_nothing_has_ended_what_was_open_for_all_clients(new_server, upstream, database):
    server = new_server(**database).start()
    upstream.answer(CASES["second call"][0], Answer((HANG,)))
    upstream.always(text("Hello", " again"))
    seen = read_until(server, CASES["second call"][1:], [WEATHER])
    server.start()
    upstream.wait_for(2)
    seen += read_until(server, ("output_item.done", 1), [WEATHER], seen)
    check_clients(server.start(), seen)


def check_takeover(new_server, upstream, settings, case, tools=TOOLS):
    if case == "code":
        require_sandbox()
        settings, tools = {**settings, "sandbox__python": interpreter()}, [*tools, CODE]
    server = new_server(**settings).start()
    answer, *last = CASES[case]
    upstream.answer(answer)
    upstream.always(text("Hello", " again"))
    seen = read_until(server, last, tools)
    server.start()
    check_clients(server, seen)


def read_until(server, last, tools, known=()):
    """The events of a response in the background, up to the moment at which the server is killed.

    A new one, or one of which events are `known`.
    """
    ending, count = last
    body = {"model": MODEL, "input": "Hello", "background": True, "stream": True, "tools": tools}
    body |= {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    request = ("POST", "/v1/responses", body)
    if known:
        after = known[-1]["sequence_number"]
        request = ("GET", f"/v1/responses/{known[0]['response']['id']}?stream=true&starting_after={after}")
    seen = []
    with server.opened(*request) as response:
        while count and (line := response.readline().decode()):
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                count -= seen[-1]["type"].endswith(ending)
        server.kill()
    assert not count
    return seen


def check_clients(server, seen):
    """Of the killed server's clients, some have received all that it has sent, and others less.

    They also resume once the response has ended, and nothing but the database has its events.
    """
    check_rest(server, seen)
    server.stop()
    check_rest(server.start(), seen)


def check_rest(server, seen):
    client, response_id = server.client, seen[0]["response"]["id"]
    done = ended(client, response_id)
    check_stream([one.to_dict() for one in client.responses.retrieve(response_id, stream=True)], done)
    for received in range(1, len(seen) + 1):
        after = seen[received - 1]["sequence_number"]
        rest = client.responses.retrieve(response_id, stream=True, starting_after=after)
        check_stream([*seen[:received], *(one.to_dict() for one in rest)], done)
        with client.responses.stream(response_id=response_id, starting_after=after) as stream:
            numbers = [event.sequence_number for event in stream]
            assert [item.id for item in stream.get_final_response().output] == [item.id for item in done.output]
        assert numbers == sorted({*numbers})
    if done.output_text:
        more = client.responses.create(model=MODEL, input="More", previous_response_id=response_id)
        context = client.responses.input_items.list(more.id, order="asc").data
        assert [item.id for item in context][1:-1] == [item.id for item in done.output]


def check_stream(stream, done):
    numbers = [event["sequence_number"] for event in stream]
    assert numbers == sorted({*numbers})
    added, over = (
        [(event["output_index"], event["item"]["id"]) for event in stream if event["type"].endswith(f"item.{end}")]
        for end in ("added", "done")
    )
    assert [index for index, _ in added] == list(range(len(added)))
    assert sorted(over) == added
    texts, output = {}, done.to_dict()["output"]
    for event in stream:
        if event["type"].endswith(".delta"):
            texts[event["item_id"]] = texts.get(event["item_id"], "") + event["delta"]
    ends = {event["item"]["id"]: event["item"] for event in stream if event["type"].endswith("item.done")}
    assert [item for item in ends.values() if item in output] == output
    for item_id, item in ends.items():
        is_whole = item.get("status", "completed") == "completed"
        assert not is_whole or texts.get(item_id, "") == text_of(item)
        assert is_whole or item not in output
    assert stream[-1]["response"]["output"] == output


def text_of(item):
    parts = [part["text"] for part in (*item.get("content", ()), *item.get("summary", ()))]
    return "".join([*parts, *(item.get(name) or "" for name in ("arguments", "input", "code"))])
