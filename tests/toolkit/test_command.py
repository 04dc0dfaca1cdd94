"""`understudy tools`, as people and scripts use it."""

import json

import pytest
from click.testing import CliRunner

import launches
from serving import KEY
from toolkit.seed import TABLE
from understudy.cli import commands

CREATE = "AI_ML_API_CREATE_ASSISTANT"


@pytest.fixture
def understudy(server, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_BASE_URL", server.url)
    monkeypatch.setenv("UNDERSTUDY_API_KEY", KEY)

    def run(*arguments, code=0, **options):
        done = CliRunner().invoke(commands, ["tools", *arguments], **options)
        assert done.exit_code == code, done.output
        return done

    return run


def test_tools_are_listed_and_searched(understudy):
    lines = understudy("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SLUG", *TABLE]
    nothing = understudy("list", "zzz")
    assert (nothing.stdout, "No tools found" in nothing.stderr) == ("", True)
    assert understudy("list", "cancel run").stdout.splitlines()[1].split()[0] == "AI_ML_API_CANCEL_RUN"
    reading = json.loads(understudy("list", "--tag", "readOnlyHint", "--important", "--json").stdout)
    assert {"AI_ML_API_GET_RUN", "AI_ML_API_LIST_MODELS"} <= {tool["slug"] for tool in reading}
    assert all({"readOnlyHint", "important"} <= {*tool["tags"]} for tool in reading)


def test_a_tool_is_described_by_its_slug(understudy):
    shown = understudy("show", "ai_ml_api_get_run").stdout
    for text in ("AI_ML_API_GET_RUN: Get Run", "GET /threads/{thread_id}/runs/{run_id}", "thread_id", "readOnlyHint"):
        assert text in shown
    assert "It takes no parameters." in understudy("show", "AI_ML_API_LIST_MODELS").stdout
    facts = json.loads(understudy("show", "AI_ML_API_GET_RUN", "--json").stdout)
    assert facts["input_parameters"]["required"] == ["run_id", "thread_id"]
    assert "Did you mean AI_ML_API_GET_RUN" in understudy("show", "GET_RUN", code=2).stderr


def test_arguments_come_from_options_from_json_and_from_stdin(understudy):
    given = ["--arg", "model=rehearsal", "--arg", "name=3", "--arg", 'metadata={"k": "v"}', "--arg", "temperature=0.5"]
    made = json.loads(understudy("call", CREATE, *given).stdout)["data"]
    assert (made["name"], made["metadata"], made["temperature"]) == ("3", {"k": "v"}, 0.5)
    both = understudy(
        "call", CREATE, "--arguments", "-", "--arg", "name=b", input='{"model": "rehearsal", "name": "a"}'
    )
    assert json.loads(both.stdout)["data"]["name"] == "b"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--arguments", "{"], "--arguments '{' is not valid JSON"),
        (["--arguments", "[]"], "--arguments takes an object of arguments, not '[]'."),
        (["--arg", "name"], "--arg 'name' has no '='; write NAME=VALUE."),
        (["--base-url", "nowhere"], "Invalid base URL 'nowhere': it must look like 'http://127.0.0.1:8642/v1'."),
        (["--base-url", "http://127.0.0.1:x/v1"], "Invalid base URL 'http://127.0.0.1:x/v1': it must look like"),
        (["--base-url", "http://["], "Invalid base URL 'http://[': it must look like"),
        (["--key", "sk-\n"], "Invalid API key: it may hold printable ASCII characters only."),
    ],
)
def test_unreadable_input_is_a_usage_error(understudy, arguments, sentence):
    assert sentence in understudy("call", CREATE, *arguments, code=2).stderr


def test_a_failed_call_prints_its_reason_and_exits_with_1(understudy):
    done = understudy("call", CREATE, "--arg", "model=rehearsal", "--arg", "temperature=hot", code=1)
    sentence = "Invalid 'temperature': expected a number, but got 'hot'."
    assert json.loads(done.stdout) == {"data": {}, "error": sentence, "successful": False}
    assert done.stderr == f"Error: {sentence}\n"
    wrong = understudy("call", "AI_ML_API_LIST_ASSISTANTS", "--key", "sk-wrong-0123456789", code=1)
    assert "The API answered 401: Incorrect API key provided" in wrong.stderr


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:9", "connection refused"), ("host.invalid", "the host name was not found")],
)
def test_a_call_without_a_server_names_the_address_and_the_remedy(understudy, address, reason):
    done = understudy("call", "AI_ML_API_LIST_MODELS", "--base-url", f"http://{address}/v1", code=1)
    assert done.stderr == (
        f"Error: Cannot reach a server at http://{address}: {reason}. Start the server with `understudy serve`, or name"
        " its address with --base-url, `base_url` or UNDERSTUDY_BASE_URL.\n"
    )


def test_the_command_itself_works_beside_a_server(server):
    environ = server.environ | {"UNDERSTUDY_BASE_URL": server.url}
    done = launches.run(["tools", "call", "AI_ML_API_LIST_MODELS"], environ)
    assert "rehearsal" in {model["id"] for model in json.loads(done.stdout)["data"]["data"]}
    # The address of a client is no setting of the server's commands.
    config = launches.run(server.arguments("config"), environ)
    assert config.returncode == 0, config.stderr
