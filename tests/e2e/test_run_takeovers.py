"""A run whose server is killed: a client resumes its stream behind any event, or is refused and begins again.

Nothing but the database has what the killed server sent: it had no Redis.
"""

import re
from collections import Counter

import msgspec
from openai import AssistantEventHandler
from openai._models import construct_type
from openai.types.beta import AssistantStreamEvent

from e2e.assistants_client import WEATHER, each_database, new_thread, outputs_for, reached, run_of
from e2e.test_attach import path_of, told
from e2e.test_file_search import FOODS, QUERY, searcher, store_of
from envelope import assert_error
from upstream import HANG, Gate, call, calls, text

CREATED = re.compile(r"thread\.(message|run\.step)\.created")
ENDED = re.compile(r"thread\.(message|run\.step)\.(completed|incomplete|cancelled|failed|expired)")


def read_until_kill(server, run, ending, count, sends=None, after=0):
    """The events of a run as `(number, name, data)` up to the event after which its server is killed.

    `sends`: what the provider sends once the client follows the run.
    """
    events, number = [], None
    with server.opened("GET", f"{path_of(run)}?starting_after={after}") as response:
        while count:
            line = response.readline().decode().rstrip("\n")
            assert line or events, "the stream has ended"
            if line.startswith("id: "):
                number = int(line.removeprefix("id: "))
            if line.startswith("event: "):
                events.append((number, line.removeprefix("event: ")))
                number = None
            elif line.startswith("data: "):
                events[-1] = (*events[-1], line.removeprefix("data: "))
                count -= events[-1][1] == ending
            if sends is not None and events:
                sends.open()
                sends = None
        server.kill()
    return [(number, name, msgspec.json.decode(data)) for number, name, data in events]


class Handler(AssistantEventHandler):
    """The official one; raises where a delta has no object."""

    ended = ()

    def on_message_done(self, message):
        self.ended = (*self.ended, message.id)


def check_clients(server, run, seen):
    """Returns the numbers behind which clients do not resume."""
    assert reached(server.client, run).status == "completed"
    refused = []
    check_stream(told(server, run))
    for place, (number, _, _) in enumerate(seen, 1):
        if number is None:
            continue
        reply = server.ask("GET", f"{path_of(run)}?starting_after={number}")
        if reply.status != 200:
            assert_error(reply, 400, re.compile(f"Event {number} is not stored: it was lost .*"), "starting_after")
            refused.append(number)
            continue
        check_stream([*seen[:place], *told(server, run, f"?starting_after={number}")])
    return refused


def check_stream(events):
    created = Counter(data["id"] for _, name, data in events if CREATED.fullmatch(name))
    ended = Counter(data["id"] for _, name, data in events if ENDED.fullmatch(name))
    assert created == ended
    assert {*created.values()} == {1}
    numbers = [number for number, _, _ in events if number is not None]
    assert numbers == sorted({*numbers})
    handler = Handler()
    typed = [{"event": name, "data": data} for _, name, data in events if name != "done"]
    handler._init([construct_type(type_=AssistantStreamEvent, value=event) for event in typed])
    handler.until_done()
    assert handler.current_run.status == "completed"
    messages = {data["id"] for _, name, data in events if name == "thread.message.created"}
    assert messages == {*handler.ended}


@each_database
def test_a_client_with_the_first_events_only_gets_all_that_it_has_not_seen(new_server, upstream, database):
    server, sends = new_server(**database).start(), Gate()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.answer(text(sends, "Hel", "lo", HANG), text("Hello."))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    seen = read_until_kill(server, run, "thread.message.delta", 2, sends)
    server.start()
    assert check_clients(server, run, seen) == []


def test_a_client_behind_a_step_that_has_ended_begins_again(new_server, upstream):
    server, sends = new_server().start(), Gate()
    foods = store_of(server.client, ("foods.txt", FOODS))
    assistant, thread = searcher(server.client, foods), new_thread(server.client, "What does Filip like?")
    query = calls(QUERY)
    upstream.answer(query.but(items=(sends, *query.items)), text("Ca", "ke", HANG), text("Cake."))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    seen = read_until_kill(server, run, "thread.message.delta", 2, sends)
    opened = next(number for number, name, _ in seen if name == "thread.message.in_progress")
    server.start()
    behind = [number for number, _, _ in seen if number is not None and 2 < number < opened]
    assert check_clients(server, run, seen) == behind != []


def test_a_client_resumes_a_run_over_which_two_servers_died_behind_the_events_of_the_last(new_server, upstream):
    server, sends = new_server().start(), Gate()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Weather?")
    silent = text("").but(items=(HANG,))
    upstream.answer(calls(call("get_weather", city="Paris")), text(sends, "Mi", HANG), silent, text("Mild."))
    run = run_of(server.client, thread, assistant)
    first = told(server, run)[:-1]
    server.client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
    seen = [*first, *read_until_kill(server, run, "thread.message.delta", 1, sends, first[-1][0])]
    server.start()
    upstream.wait_for(3)
    # This owner stores nothing: it only ends the message.
    seen += read_until_kill(server, run, "thread.run.step.cancelled", 1, after=seen[-1][0])
    server.start()
    refused = check_clients(server, run, seen)
    assert seen[-1][0] not in refused
