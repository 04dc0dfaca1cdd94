"""A LiteLLM proxy between the server and a provider, as many installations have one."""

import json

import pytest
from processes import free_port, serving

from clients.environments import environment
from clients.scenario import scenario
from serving import Server

pytestmark = pytest.mark.slow

KEY = "sk-proxy-0123456789abcdef"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def client(session_upstream, tmp_path_factory):
    place, port = tmp_path_factory.mktemp("litellm"), free_port()
    models = place / "litellm.yaml"
    served = {"model": "openai/gpt-4o", "api_base": session_upstream.url, "api_key": "upstream-key"}
    models.write_text(json.dumps({"model_list": [{"model_name": "proxied", "litellm_params": served}]}))
    command = [environment("litellm").program("litellm"), "--config", models, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--telemetry", "False"]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
    with serving(command, port, place / "log", "/health/liveliness", **offline) as url:
        config = f'[providers.litellm]\nbase_url = "{url}"\napi_key = "{KEY}"\nmodels = ["proxied"]\n'
        server = Server(tmp_path_factory.mktemp("server"), session_upstream.url, config).start()
        try:
            yield server.client
            server.stop()
        finally:
            server.kill()


def test_a_function_is_called_and_answered_by_streams_through_the_proxy(client, upstream):
    upstream.always(scenario)
    assistant = client.beta.assistants.create(model="proxied", tools=[WEATHER])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "weather: Paris, Rome"}])
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        stream.until_done()
        run = stream.get_final_run()
    assert run.status == "requires_action", run.last_error
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": call.id, "output": "mild"} for call in calls],
    ) as stream:
        assert "".join(stream.text_deltas) == "Outputs: mild, mild"
        run = stream.get_final_run()
    assert run.status == "completed"
    assert run.usage.total_tokens == 24


def test_a_fault_behind_the_proxy_fails_the_run(client, upstream):
    upstream.always(scenario)
    assistant = client.beta.assistants.create(model="proxied")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "fail"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
