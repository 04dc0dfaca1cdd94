"""llama.cpp behind the server: an engine that we did not write, with a tiny model of noise that the test writes."""

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import openai
import pytest
from processes import free_port, serving

from clients.environments import environment
from serving import Server

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Rome"]}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
FORCED = {"type": "function", "function": {"name": "get_weather"}}
BUDGET = 256
"""The least that a run can be given; left to itself the model speaks on and on."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    if not (shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")):
        pytest.skip("llama.cpp has to be compiled, and there is no C compiler")
    python, place = environment("llama").python, tmp_path_factory.mktemp("llama")
    model, port = place / "tiny.gguf", free_port()
    write = "import sys, tiny_model; tiny_model.write_tiny_model(sys.argv[1])"
    subprocess.run([python, "-c", write, model], check=True, timeout=60, env={"PYTHONPATH": str(HERE)})
    command = [python, "-m", "llama_cpp.server", "--model", model, "--model_alias", "tiny", "--n_ctx", "4096"]
    command += ["--chat_format", "chatml-function-calling", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, place / "log") as url:
        yield url


@pytest.fixture(scope="module")
def client(engine, tmp_path_factory):
    config = f'[providers.llama]\nbase_url = "{engine}"\nmodels = ["tiny"]\n'
    server = Server(tmp_path_factory.mktemp("server"), engine, config).start()
    try:
        yield server.client
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def assistant(client):
    return client.beta.assistants.create(model="tiny", tools=[WEATHER], temperature=0)


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])


def text_of(message):
    return "".join(part.text.value for part in message.content)


def test_an_answer_is_streamed_to_the_end_of_its_budget(client, assistant, thread):
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, tools=[], max_completion_tokens=BUDGET
    ) as stream:
        pieces = list(stream.text_deltas)
        run = stream.get_final_run()
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert len(pieces) > 100
    (message,) = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert "".join(pieces) == text_of(message)
    assert run.usage.completion_tokens >= len(pieces) - 1
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens


def test_a_forced_call_has_arguments_of_its_schema(client, assistant, thread):
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, tool_choice=FORCED, poll_interval_ms=50
    )
    assert run.status == "requires_action", run.last_error
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert call.function.name == "get_weather"
    jsonschema.validate(json.loads(call.function.arguments), PARAMETERS)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)


def test_a_call_and_its_output_are_a_past_that_the_engine_understands(client, assistant, thread):
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=assistant.id,
        tool_choice=FORCED,
        max_completion_tokens=BUDGET,
        poll_interval_ms=50,
    )
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": call.id, "output": "18 degrees"}],
        poll_interval_ms=50,
    )
    # This engine breaks a stream off where the choice to call is the model's, so what comes next has no functions.
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=assistant.id,
        tools=[],
        max_completion_tokens=BUDGET,
        poll_interval_ms=50,
    )
    assert run.status == "incomplete", run.last_error


def test_chats_count_tokens_as_the_engine_does_and_keep_to_a_grammar(client):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answer = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "Hello"}],
        temperature=0,
        max_tokens=BUDGET,
        response_format={"type": "json_object", "schema": schema},
    )
    jsonschema.validate(json.loads(answer.choices[0].message.content), schema)
    assert answer.usage.completion_tokens > 1
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_an_unsupported_request_fails_the_run_with_the_engines_own_text(client, assistant, thread):
    """This engine knows no `json_schema`."""
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, tools=[], response_format=form, poll_interval_ms=50
    )
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert "json_schema" in run.last_error.message


def test_an_unknown_model_is_not_the_engines(client):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "Hello"}])
