"""A server without a provider: the embedded model serves every feature that programs try first.

Here, with hosted names of models, at every edge that generates: an answer from the conversation, one arithmetic
expression, a function call whose output is used, citations of files. Elsewhere:

| behaviour | test |
| --- | --- |
| the first-start program | `tests/test_serve.py`, `test_the_first_start_prints_a_program_that_runs_as_it_is` |
| every example of the pages | `tests/docs/test_blocks.py`, `tests/docs/test_migrating.py` |
| the 30 tools, by Python, REST, MCP and commands | `tests/toolkit/test_tools.py` |
| a value for a JSON schema, or a refusal that names the keyword | `tests/e2e/test_structured_output.py` |
| parallel calls, budgets, the same answer again | `tests/e2e/test_rehearsal.py` |
| legacy functions, log probabilities, several choices | `tests/e2e/test_rehearsal_chat.py` |
| code in backticks, an expression, a plot of a file, in the sandbox | `tests/e2e/test_code_interpreter.py`, `…_without_any_provider` |
| a file in a message | `tests/e2e/test_chat_files.py`, `test_rehearsal_reads_files` |
| embeddings | `tests/e2e/test_embeddings.py` |
| a video of a prompt | `tests/e2e/test_luma.py`, `test_the_rehearsal_video_is_playable_and_names_its_renderer` |
| the header that names the stand-in | `tests/e2e/test_stand_in.py` |
"""

import json

import pytest

from e2e.assistants_client import POLL, WEATHER, new_thread, outputs_for, run_of, texts, user

MODEL = "gpt-4o"
SCHEMA = WEATHER["function"]["parameters"]
FOODS = b"Favourite foods of the team.\n\nTravis likes pizza. Mona likes lentil soup.\n"


@pytest.fixture
def client(offline_server):
    return offline_server.client


def by_run(server, *said):
    client = server.client
    thread = new_thread(client)
    assistant = client.beta.assistants.create(model=MODEL)
    for words in said:
        client.beta.threads.messages.create(thread.id, role="user", content=words)
        assert run_of(client, thread, assistant).status == "completed"
    return texts(client, thread)[-1]


def by_chat(server, *said):
    messages = []
    for words in said:
        messages.append(user(words))
        answer = server.client.chat.completions.create(model=MODEL, messages=messages).choices[0].message
        messages.append({"role": "assistant", "content": answer.content})
    return answer.content


def by_response(server, *said):
    last = None
    for words in said:
        response = server.client.responses.create(
            model=MODEL, input=words, previous_response_id=last.id if last else None
        )
        last = response
    return last.output_text


def by_message(server, *said):
    messages = []
    for words in said:
        messages.append(user(words))
        body = {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": messages}
        (block,) = server.ask("POST", "/v1/messages", body).json["content"]
        messages.append({"role": "assistant", "content": block["text"]})
    return block["text"]


each_edge = pytest.mark.parametrize("answer", [by_run, by_chat, by_response, by_message])


@each_edge
def test_an_answer_comes_from_the_conversation(offline_server, answer):
    assert "Ada" in answer(offline_server, "My name is Ada.", "Thank you.", "What is my name?")


@each_edge
def test_one_arithmetic_expression_is_computed(offline_server, answer):
    assert "391" in answer(offline_server, "What is 17 * 23?")


def test_a_run_calls_a_function_and_uses_its_output(client):
    assistant = client.beta.assistants.create(model=MODEL, tools=[WEATHER])
    thread = new_thread(client, "What is the weather in Lisbon?")
    run = run_of(client, thread, assistant)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Lisbon"})
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run, "18 degrees"), poll_interval_ms=POLL
    )
    assert run.status == "completed"
    assert "18 degrees" in texts(client, thread)[-1]


def test_chat_calls_a_function_and_uses_its_output(client):
    messages = [user("What is the weather in Lisbon?")]
    called = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0]
    assert called.finish_reason == "tool_calls"
    (call,) = called.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Lisbon"})
    messages += [called.message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    done = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0]
    assert done.finish_reason == "stop"
    assert "18 degrees" in done.message.content


def test_a_response_calls_a_function_and_uses_its_output(client):
    tool = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
    first = client.responses.create(model=MODEL, input="What is the weather in Lisbon?", tools=[tool])
    (call,) = first.output
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Lisbon"})
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
    done = client.responses.create(model=MODEL, input=[output], tools=[tool], previous_response_id=first.id)
    assert "18 degrees" in done.output_text


def test_a_message_calls_a_function_and_uses_its_output(offline_server):
    body = {"model": "claude-sonnet-4-5", "max_tokens": 200, "tools": [{"name": "get_weather", "input_schema": SCHEMA}]}
    messages = [user("What is the weather in Lisbon?")]
    first = offline_server.ask("POST", "/v1/messages", {**body, "messages": messages}).json
    assert first["stop_reason"] == "tool_use"
    call = first["content"][-1]
    assert (call["name"], call["input"]) == ("get_weather", {"city": "Lisbon"})
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "18 degrees"}
    messages += [{"role": "assistant", "content": first["content"]}, user([result])]
    done = offline_server.ask("POST", "/v1/messages", {**body, "messages": messages}).json
    assert "18 degrees" in done["content"][0]["text"]


@pytest.fixture(scope="module")
def foods(offline_server):
    client = offline_server.client
    file = client.files.create(file=("food.txt", FOODS), purpose="assistants")
    store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=POLL)
    return file, store


def test_the_answer_of_a_run_cites_the_file_that_it_comes_from(client, foods):
    file, store = foods
    assistant = client.beta.assistants.create(
        model=MODEL,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = new_thread(client, "What does Travis like?")
    assert run_of(client, thread, assistant).status == "completed"
    text = client.beta.threads.messages.list(thread.id).data[0].content[0].text
    assert "pizza" in text.value
    (annotation,) = text.annotations
    assert annotation.file_citation.file_id == file.id
    assert text.value[annotation.start_index : annotation.end_index] == annotation.text


def test_the_answer_of_a_response_cites_the_file_that_it_comes_from(client, foods):
    file, store = foods
    tool = {"type": "file_search", "vector_store_ids": [store.id]}
    response = client.responses.create(model=MODEL, input="What does Travis like?", tools=[tool])
    assert [item.type for item in response.output] == ["file_search_call", "message"]
    text = response.output[-1].content[0]
    assert "pizza" in text.text
    assert [annotation.file_id for annotation in text.annotations] == [file.id]
