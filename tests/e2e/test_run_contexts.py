"""The context of a run's model turns: what the model got, and what was left out by which rule."""

from e2e.assistants_client import new_thread, on_both, outputs_for, run_of
from envelope import assert_error
from upstream import call, calls, text


def context_of(server, run, query=""):
    reply = server.ask("GET", f"/v1/threads/{run.thread_id}/runs/{run.id}/context?{query}")
    assert reply.status == 200, reply.body
    return reply.json


def marks(context):
    return [(item["text"], item["rule"]) for item in reversed(context["data"])]


@on_both
def test_each_turn_has_the_items_that_its_prompt_had(server, client, upstream, forecaster):
    thread = new_thread(client, "Weather in Oslo?")
    upstream.answer(calls(call("get_weather", city="Oslo"), usage=(50, 5)), text("Mild.", usage=(70, 2)))
    run = run_of(client, thread, forecaster, instructions="Be brief.")
    waiting = context_of(server, run)
    assert (waiting["turn"], waiting["turns"], waiting["prompt_tokens"]) == (1, 1, 50)
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    client.beta.threads.messages.create(thread.id, role="user", content="later")
    first, second = context_of(server, run, "turn=1"), context_of(server, run)
    assert first == {**waiting, "turns": 2}
    assert marks(first) == [("Weather in Oslo?", None)]
    assert marks(second) == [
        ("Weather in Oslo?", None),
        ('get_weather({"city": "Oslo"})', None),
        ("18 degrees", None),
    ]
    assert (second["turn"], second["prompt_tokens"], second["dropped_messages"]) == (2, 70, 0)
    assert second["instructions_tokens"] == 3
    assert second["tools_tokens"] > 10
    assert second["window"] > second["prompt_limit"] > 1000
    assert all(item["tokens"] > 4 for item in second["data"])
    page = context_of(server, run, "limit=2&order=asc")
    assert (len(page["data"]), page["has_more"]) == (2, True)
    rest = context_of(server, run, f"order=asc&after={page['last_id']}")
    assert [*page["data"], *rest["data"]] == second["data"][::-1]
    missing = server.ask("GET", f"/v1/threads/{thread.id}/runs/{run.id}/context?turn=3")
    told = f"No context found for model turn 3 of run '{run.id}'. It has not begun, or an earlier version executed it."
    assert_error(missing, 404, told)


@on_both
def test_what_truncation_left_out_has_its_rule(server, client, upstream, assistant):
    thread = new_thread(client, "one", "two", "x" * 4_000, "four", "five")
    upstream.always(text("Fine."))
    limited = run_of(client, thread, assistant, truncation_strategy={"type": "last_messages", "last_messages": 2})
    context = context_of(server, limited)
    assert [rule for _, rule in marks(context)] == ["last_messages"] * 3 + [None, None]
    assert context["dropped_messages"] == 3
    bounded = run_of(client, thread, assistant, max_prompt_tokens=300)
    context = context_of(server, bounded)
    assert [rule for _, rule in marks(context)] == ["max_prompt_tokens"] * 3 + [None] * 3
    assert context["prompt_limit"] == 300
    sent = upstream.requests[-1].body["messages"]
    assert [one["content"] for one in sent] == [text for text, rule in marks(context) if rule is None]
    both = run_of(
        client,
        thread,
        assistant,
        max_prompt_tokens=300,
        truncation_strategy={"type": "last_messages", "last_messages": 5},
    )
    rules = [rule for _, rule in marks(context_of(server, both))]
    assert rules == ["last_messages"] * 2 + ["max_prompt_tokens"] + [None] * 4
