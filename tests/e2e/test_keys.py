"""Keys beside a running server."""

import json
import subprocess

import openai
import pytest

from e2e.talk import each_database
from serving import WAIT
from waiting import eventually


def run(server, *arguments):
    """A command of the program, in a process of its own."""
    done = subprocess.run(
        server.command(*arguments), env=server.environ, capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_database
def test_a_key_works_as_soon_as_it_is_made_and_not_for_long_once_it_is_revoked(new_server, database):
    server = new_server(**database).start()
    made = json.loads(run(server, "keys", "create", "--name", "mine", "--json"))
    with server.new_client(api_key=made["key"]) as client:
        mine = client.beta.assistants.create(model="gpt-4o")
        assert server.client.beta.assistants.retrieve(mine.id) == mine
        run(server, "keys", "revoke", made["id"])

        def refused():
            try:
                client.models.list()
            except openai.AuthenticationError:
                return True
            return False

        eventually(refused, within=3)
    assert server.client.beta.assistants.retrieve(mine.id) == mine


def test_a_key_is_nowhere_in_what_the_server_keeps_or_says(new_server):
    server = new_server(log_level="debug").start()
    made = json.loads(run(server, "keys", "create", "--json"))
    with server.new_client(api_key=made["key"]) as client:
        client.models.list()
    with server.new_client(api_key=made["key"] + "x") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    server.stop()
    kept = [path for path in server.data.rglob("*") if path.is_file()]
    assert kept
    for path in (*kept, server.log):
        assert made["key"][16:].encode() not in path.read_bytes(), path
