"""The whole API with the embedded model: no key, no upstream, nothing fetched."""

import json

import jsonschema
import pytest

from e2e.assistants_client import POLL, WEATHER, new_thread, outputs_for, run_of, steps_of, texts, user

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}


@pytest.fixture
def actor(client):
    return client.beta.assistants.create(model="rehearsal", tools=[WEATHER])


@pytest.fixture(autouse=True)
def _nothing_is_asked_of_an_upstream(upstream):
    yield
    assert upstream.requests == []


def test_a_run_answers_and_counts(client, actor):
    thread = new_thread(client, "Hello, who are you?")
    run = run_of(client, thread, actor)
    assert run.status == "completed"
    assert texts(client, thread)[-1]
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens > 0


def test_the_same_question_has_the_same_answer(client, actor):
    answers = set()
    for _ in range(3):
        thread = new_thread(client, "Tell me about the sea.")
        run_of(client, thread, actor)
        answers.add(texts(client, thread)[-1])
    assert len(answers) == 1


def test_a_function_is_called_with_fitting_arguments_and_its_output_is_used(client, actor):
    thread = new_thread(client, "What is the weather in Lisbon?")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=actor.id) as events:
        run = events.get_final_run()
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Lisbon"})
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run, "18 degrees, clear sky")
    ) as events:
        said = "".join(events.text_deltas)
    assert "18 degrees" in said
    assert texts(client, thread)[-1] == said
    assert [step.type for step in steps_of(client, run)] == ["tool_calls", "message_creation"]


def test_a_question_about_two_cities_makes_two_tool_calls(client, actor):
    thread = new_thread(client, "What is the weather in Paris and in Rome?")
    run = run_of(client, thread, actor)
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=POLL
    )
    assert run.status == "completed"


def test_a_reply_satisfies_the_requested_schema(client, actor):
    thread = new_thread(client, "Describe Ada, 36 years old, as JSON.")
    run = run_of(client, thread, actor, response_format=FORMAT, tools=[])
    assert run.status == "completed"
    jsonschema.validate(json.loads(texts(client, thread)[-1]), PERSON)


def test_a_budget_cuts_the_answer(client, actor):
    thread = new_thread(client, "Tell me a long story about the sea.")
    run = run_of(client, thread, actor, max_completion_tokens=5, tools=[])
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert run.usage.completion_tokens == 5


@pytest.mark.parametrize("stream", [False, True])
def test_chat_completions_answer_too(client, stream):
    asked = {"model": "rehearsal", "messages": [user("Hello")]}
    if stream:
        with client.chat.completions.create(**asked, stream=True) as chunks:
            said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        said = client.chat.completions.create(**asked).choices[0].message.content
    assert said
