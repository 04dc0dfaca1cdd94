"""`understudy ls`, `get`, `rm`, `tail`, `ask`, `chat` and `completion`, as clients of a running server."""

import contextlib
import importlib
import json
import os
import pty
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from serving import KEY, WAIT
from understudy.cli import commands
from understudy.cli.resources import RESOURCES
from understudy.cli.terminal import split_blocks
from upstream import HANG, call, calls, text

SHELLS = {
    "bash": "complete -o nosort -F",
    "zsh": "#compdef understudy",
    "fish": "complete --no-files --command understudy",
}


@pytest.fixture
def understudy(server, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_BASE_URL", server.url)
    monkeypatch.setenv("UNDERSTUDY_API_KEY", KEY)

    def run(*arguments, code=0, **options):
        done = CliRunner().invoke(commands, list(arguments), **options)
        assert done.exit_code == code, done.output
        return done

    return run


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", [kind for kind, resource in RESOURCES.items() if not resource.parent])
def test_objects_of_every_kind_are_listed(understudy, kind):
    done = understudy("ls", kind, "--limit", "2")
    if not done.stdout:
        assert done.stderr == f"No {kind}.\n"
        return
    table = done.stdout.splitlines()
    assert table[0].split() == [name.upper() for name in RESOURCES[kind].columns]
    assert len(table) <= 3
    ids = [row["id"] for row in lines(understudy("ls", kind, "--limit", "2", "--json"))]
    assert [line.split()[0] for line in table[1:]] == ids


def test_an_object_is_found_shown_and_deleted(understudy, server):
    made = server.client.beta.assistants.create(model="rehearsal", name="Archivist of rm", metadata={"shelf": "7"})
    (row,) = lines(understudy("ls", "assistants", "--search", "Archivist of rm", "--json"))
    assert row["id"] == made.id
    assert json.loads(understudy("get", made.id, "--json").stdout) == row
    shown = understudy("get", made.id).stdout
    assert "Archivist of rm" in shown
    assert '"shelf": "7"' in shown
    assert "needs --yes" in understudy("rm", made.id, code=2).stderr
    assert understudy("rm", made.id, "--yes").stdout == f"Deleted {made.id}\n"
    assert "No assistant found" in understudy("get", made.id, code=4).stderr


@pytest.mark.parametrize("command", [("get", ""), ("rm", "", "--yes"), ("rm", "asst_1", " ", "--yes"), ("ask", " ")])
def test_an_empty_argument_is_wrong_usage(understudy, command):
    assert "is empty." in understudy(*command, code=2).stderr


@pytest.mark.parametrize("command", [("delete", "--metadata", "user=1"), ("projects", "archive", "default")])
def test_nothing_is_asked_without_a_terminal(understudy, command):
    done = understudy(*command, code=2)
    assert "needs --yes." in done.stderr
    assert done.stdout == ""


def test_bytes_of_a_question_that_are_not_utf8_are_question_marks(understudy):
    broken = b"Repeat this: caf\xe9".decode("utf-8", "surrogateescape")
    assert "caf?" in understudy("ask", broken, "--model", "rehearsal").stdout


def test_objects_of_a_thread_need_its_id(understudy, server):
    thread = server.client.beta.threads.create(messages=[{"role": "user", "content": f"number {n}"} for n in range(3)])
    assert "--in thread_" in understudy("ls", "messages", code=2).stderr
    rows = lines(understudy("ls", "messages", "--in", thread.id, "--oldest-first", "--all", "--json"))
    assert [row["content"][0]["text"]["value"] for row in rows] == ["number 0", "number 1", "number 2"]
    assert "number 2" in understudy("ls", "messages", "--in", thread.id).stdout.splitlines()[1]
    assert "cannot be deleted" in understudy("rm", "run_x", "--yes", code=2).stderr


def test_the_exit_code_tells_an_unreachable_server_from_a_refusal(understudy):
    assert "Cannot reach a server" in understudy("ls", "files", "--base-url", "http://127.0.0.1:1/v1", code=3).stderr
    assert "Incorrect API key" in understudy("ls", "files", "--key", "sk-wrong-0123456789", code=1).stderr


def test_a_question_is_answered_on_stdout(understudy, server):
    assert understudy("ask", "What is 6 * 7?", "--model", "rehearsal").stdout.startswith("6 × 7 = 42.")
    asked = understudy("ask", "-", "--model", "rehearsal", "--json", input="What is 6 * 7?")
    assert json.loads(asked.stdout)["status"] == "completed"
    assistant = server.client.beta.assistants.create(model="rehearsal", name="Calculator of ask")
    thread = server.client.beta.threads.create(messages=[{"role": "user", "content": "My name is Ada."}])
    answer = understudy("ask", "Who am I?", "--assistant", assistant.name, "--thread", thread.id).stdout
    assert "Ada" in answer
    assert "Ada" in understudy("ask", "Who am I?", "--model", "rehearsal", "--thread", thread.id).stdout


def test_an_unknown_assistant_is_not_found_and_a_name_of_two_is_refused(understudy, server):
    assert "No assistant found" in understudy("ask", "Hi", "--assistant", "Nobody", code=4).stderr
    for _ in range(2):
        server.client.beta.assistants.create(model="rehearsal", name="Twin of ask")
    assert "2 assistants have the name" in understudy("ask", "Hi", "--assistant", "Twin of ask", code=2).stderr


def test_a_file_is_sent_with_the_question(understudy, tmp_path):
    (tmp_path / "food.txt").write_text("Travis likes pizza.")
    asked = understudy("ask", "Who likes pizza?", "--model", "rehearsal", "--file", str(tmp_path / "food.txt"))
    assert "Travis" in asked.stdout


def test_a_failed_run_is_a_failed_command(understudy, server):
    assistant = server.client.beta.assistants.create(
        model="rehearsal", tools=[{"type": "function", "function": {"name": "get_weather"}}]
    )
    refused = understudy("ask", "Call get_weather.", "--assistant", assistant.id, code=1)
    assert "get_weather" in refused.stderr


def test_a_chat_answers_functions_by_hand_and_can_be_continued(understudy, server, upstream):
    tool = {"type": "function", "function": {"name": "get_weather"}}
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[tool])
    upstream.answer(calls(call("get_weather", city="Paris")), text("It is ", "mild."), text("Again."))
    talk = understudy("chat", "--assistant", assistant.id, input="Weather?\nmild\n/thread\n/help\nAgain?\n")
    assert "It is mild." in talk.stdout
    assert '[get_weather({"city": "Paris"})]' in talk.stderr
    assert "Again." in talk.stdout
    thread_id = talk.stderr.rstrip().rpartition(" ")[2]
    messages = server.client.beta.threads.messages.list(thread_id, order="asc").data
    assert [message.content[0].text.value for message in messages] == ["Weather?", "It is mild.", "Again?", "Again."]


def test_a_chat_continues_after_a_file_that_cannot_be_read(understudy, tmp_path):
    talk = understudy(
        "chat", "--model", "rehearsal", input=f"/file {tmp_path}/none.txt\n/file {tmp_path}\nRepeat: on\n"
    )
    assert f"Not attached: '{tmp_path}/none.txt' cannot be read (no such file or directory)." in talk.stderr
    assert f"Not attached: '{tmp_path}' cannot be read (is a directory)." in talk.stderr
    assert "on" in talk.stdout


def test_a_run_is_followed_to_its_end(understudy, server):
    assistant = server.client.beta.assistants.create(model="rehearsal")
    run = server.client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    kinds = [line.split()[0] for line in understudy("tail", run.id).stdout.splitlines()]
    assert (kinds[0], kinds[-1]) == ("thread.created", "thread.run.completed")
    events = lines(understudy("tail", run.id, "--json", "--type", "thread.run.completed"))
    assert [event["data"]["id"] for event in events] == [run.id]


@contextlib.contextmanager
def tailing(server, *arguments):
    """A running `understudy tail`, which is killed in the end."""
    command = ["tail", *arguments, "--base-url", server.url, "--key", KEY]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "understudy", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tail:
        try:
            yield tail
        finally:
            tail.kill()


def test_a_project_is_followed_beyond_a_restart_of_its_server(new_server):
    server = new_server()
    server.start()
    with tailing(server) as tail:
        assert tail.stdout.readline().startswith("ready")
        server.stop()
        assert "reconnecting" in tail.stderr.readline()
        restart(server)
        assert tail.stdout.readline().startswith("reset")
        server.client.responses.create(model="rehearsal", input="Hello", background=True)
        assert "response" in tail.stdout.readline()


def restart(server):
    server.flags = ("--port", server.url.rpartition(":")[2].removesuffix("/v1"))
    server.start()


def test_a_run_is_followed_beyond_a_restart_of_its_server(new_server, upstream):
    server = new_server()
    server.start()
    upstream.answer(text("Some ", HANG), text("more."))
    run = server.client.beta.threads.create_and_run(
        assistant_id=server.client.beta.assistants.create(model="gpt-4o").id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
    )
    with tailing(server, run.id) as tail:
        assert tail.stdout.readline().startswith("thread.created")
        server.kill()
        assert "reconnecting" in tail.stderr.readline()
        restart(server)
        kinds = [line.split()[0] for line in tail.stdout]
        assert (kinds.count("thread.run.created"), kinds[-1]) == (1, "thread.run.completed")
        assert (tail.wait(WAIT), tail.stderr.read()) == (0, "")


def test_a_response_is_followed_beyond_a_restart_of_its_server(new_server, upstream):
    server = new_server()
    server.start()
    upstream.answer(text("Some ", HANG), text("more."))
    response = server.client.responses.create(model="gpt-4o", input="Hello", background=True)
    with tailing(server, response.id) as tail:
        assert tail.stdout.readline().startswith("response.created")
        server.stop()
        assert "reconnecting" in tail.stderr.readline()
        restart(server)
        kinds = [line.split()[0] for line in tail.stdout]
        assert (kinds.count("response.created"), kinds[-1]) == (0, "response.completed")
        assert (tail.wait(WAIT), tail.stderr.read()) == (0, "")


class Interrupted(BaseHTTPRequestHandler):
    """A server that follows no response: its streams have an error, after the first event for new clients."""

    def do_GET(self):
        created = b'event: response.created\ndata: {"type":"response.created","sequence_number":0}\n\n'
        error = b'event: error\ndata: {"type":"error","message":"Not followed here."}\n\n'
        is_new = self.path.startswith("/v1/responses/resp_begins") and "starting_after" not in self.path
        self.send_response(200)
        self.end_headers()
        self.wfile.write(created + error if is_new else error)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("response_id", "hint"),
    [("resp_begins", " `understudy tail resp_begins` follows it from its first event again."), ("resp_fails", "")],
)
def test_a_stream_that_a_server_always_interrupts_ends_with_its_error(understudy, monkeypatch, response_id, hint):
    tail = importlib.import_module("understudy.cli.tail")
    monkeypatch.setattr(tail, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(tail, "_RECONNECT_SECONDS", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Interrupted) as other:
        threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("UNDERSTUDY_BASE_URL", f"http://127.0.0.1:{other.server_port}")
        done = understudy("tail", response_id, code=3)
        other.shutdown()
    assert done.stderr.splitlines()[-1] == f"Error: Not followed here.{hint}"


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_printed_and_installed(understudy, monkeypatch, tmp_path, shell):
    monkeypatch.setenv("HOME", str(tmp_path))
    printed = understudy("completion", shell).stdout
    assert SHELLS[shell] in printed
    assert "_UNDERSTUDY_COMPLETE" in printed
    assert str(tmp_path) in understudy("completion", shell, "--install").stdout
    (installed,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert installed.read_text() + "\n" == printed


def test_an_answer_is_rendered_as_markdown_on_a_terminal(server):
    """Only a real terminal has colours; `NO_COLOR` and pipes have none."""
    outer, inner = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    environ |= {"UNDERSTUDY_BASE_URL": server.url, "UNDERSTUDY_API_KEY": KEY}
    command = [sys.executable, "-m", "understudy", "ask", "What is 6 * 7?", "--model", "rehearsal"]
    subprocess.run(command, stdin=inner, stdout=inner, stderr=subprocess.DEVNULL, env=environ, timeout=WAIT, check=True)
    os.close(inner)
    shown = os.read(outer, 65536).decode()
    os.close(outer)
    assert "42" in shown
    assert "\x1b[" in shown


@pytest.mark.parametrize(
    ("arrived", "complete", "rest"),
    [
        ("a", "", "a"),
        ("a\n\nb", "a", "b"),
        ("a\n\n```\nb\n\nc", "a", "```\nb\n\nc"),
        ("```\na\n\nb\n```\n\nc", "```\na\n\nb\n```", "c"),
    ],
)
def test_complete_blocks_of_an_answer_are_rendered_once(arrived, complete, rest):
    assert split_blocks(arrived) == (complete, rest)
