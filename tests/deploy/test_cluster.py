"""The compose file's commands as processes on one machine: two nodes, a worker, and Caddy in front."""

import httpx
import openai
import pytest

from deploy.proxies import caddy
from deploy.reading import COMPOSE, substitute
from serving import KEY, WAIT
from upstream import call, calls, text
from waiting import eventually

SERVICES = ("node-1", "node-2", "worker")
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def cluster(new_server, postgres, session_redis):
    """The three services with the environment and the commands of the file, by name, started."""
    variables = {"POSTGRES_PASSWORD": "secret"}
    servers = {}
    for name in SERVICES:
        service = COMPOSE["services"][name]
        server = servers[name] = new_server()
        server.variables = {name: substitute(value, variables) for name, value in service["environment"].items()}
        assert "secret@postgres/" in server.variables["UNDERSTUDY_DATABASE"]
        # The key comes from .env; this machine has one address for all of them.
        server.variables |= {"UNDERSTUDY_API_KEY": KEY} | {
            name: "0" for name in server.variables if name == "UNDERSTUDY_METRICS__PORT"
        }
        server.variables |= {"UNDERSTUDY_DATABASE": postgres, "UNDERSTUDY_BROKER": session_redis}
        if name != "node-1":
            server.share_files(servers["node-1"])
        command, *flags = service["command"]
        if command == "serve":
            server.flags = tuple(flags)
            server.start()
        else:
            assert [command, *flags] == ["worker"]
            server.start_worker()
    return servers


@pytest.mark.slow
def test_a_client_of_the_proxy_streams_runs_through_the_cluster(cluster, upstream, tmp_path):
    nodes = [cluster[name] for name in SERVICES if cluster[name].url]
    upstreams = COMPOSE["services"]["proxy"]["environment"]["UPSTREAMS"].split()
    assert upstreams == [f"{name}:8642" for name in SERVICES[: len(nodes)]]
    addresses = " ".join(node.url.removeprefix("http://").removesuffix("/v1") for node in nodes)
    with (
        caddy(tmp_path, addresses) as port,
        openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, max_retries=0, timeout=WAIT) as client,
    ):
        eventually(lambda: client.models.list().data)
        file = client.files.create(file=("notes.txt", b"notes"), purpose="assistants")
        assistant = client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
        for _ in range(4):
            upstream.answer(calls(call("get_weather")), text("sunny"))
            with client.beta.threads.create_and_run_stream(
                assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "weather?"}]}
            ) as stream:
                run = stream.get_final_run()
            (needed,) = run.required_action.submit_tool_outputs.tool_calls
            with client.beta.threads.runs.submit_tool_outputs_stream(
                run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": needed.id, "output": "sun"}]
            ) as stream:
                assert "".join(stream.text_deltas) == "sunny"
            assert client.files.content(file.id).read() == b"notes"
        # The other node serves on while one of them stops.
        nodes[0].stop()
        eventually(lambda: all(httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success for _ in range(4)))
        assert client.files.content(file.id).read() == b"notes"
    assert cluster["worker"].process.poll() is None
