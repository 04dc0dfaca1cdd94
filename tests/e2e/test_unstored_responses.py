"""Responses that are not to be stored, and whose clients leave before the end: nothing of them remains."""

import contextlib
import http.client
import json
import sqlite3

import pytest

from e2e.test_stored_data import MODEL, image, new_url, user
from serving import KEY, Server
from upstream import Gate, text
from waiting import eventually

TABLES = ("responses", "runs", "items", "item_images", "response_contexts")


def count_rows(server: Server) -> dict[str, int]:
    with sqlite3.connect(f"file:{server.data / 'understudy.sqlite3'}?mode=ro", uri=True) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


@pytest.mark.parametrize("pieces", [("Far",), ("Far", " away")])
def test_a_response_whose_client_disconnects_is_erased_once_it_is_over(new_server, upstream, pieces):
    server: Server = new_server().start()
    gate = Gate()
    upstream.answer(text(*pieces, gate, "."))
    body = {"model": MODEL, "input": [user(image(new_url()))], "store": False, "stream": True}
    with server.opened("POST", "/v1/responses", body) as stream:
        for line in stream:
            if line.startswith(b'data: {"type":"response.created"'):
                response_id = json.loads(line[6:])["response"]["id"]
            if line.startswith(b"event: response.output_text.delta"):
                break
    # The response continues without its client.
    eventually(lambda: count_rows(server)["responses"] == 1)
    gate.open()
    eventually(lambda: not any(count_rows(server).values()))
    assert server.ask("GET", f"/v1/responses/{response_id}").status == 404


def test_a_client_that_disconnects_before_the_first_event_leaves_nothing(new_server, upstream):
    server: Server = new_server().start()
    gate = Gate()
    upstream.answer(text(gate, "Far."))
    body = {"model": MODEL, "input": "How far?", "store": False, "stream": True}
    with server.opened("POST", "/v1/responses", body):
        upstream.wait_for(1)
    gate.open()
    eventually(lambda: not any(count_rows(server).values()))


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_disconnects_at_once_leaves_nothing(new_server, upstream, streamed):
    server: Server = new_server().start()
    upstream.always(lambda _: text("Far."))
    body = json.dumps({"model": MODEL, "input": "How far?", "store": False, "stream": streamed})
    host = server.url.removeprefix("http://").removesuffix("/v1")
    for _ in range(5):
        with contextlib.closing(http.client.HTTPConnection(host)) as connection:
            connection.request("POST", "/v1/responses", body, {"Authorization": f"Bearer {KEY}"})
    upstream.wait_for(5)
    eventually(lambda: not any(count_rows(server).values()))


def test_a_whole_response_whose_client_disconnects_is_erased(new_server, upstream):
    server: Server = new_server().start()
    gate = Gate()
    upstream.answer(text(gate, "Far."))
    body = json.dumps({"model": MODEL, "input": "How far?", "store": False})
    host = server.url.removeprefix("http://").removesuffix("/v1")
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        connection.request("POST", "/v1/responses", body, {"Authorization": f"Bearer {KEY}"})
        upstream.wait_for(1)
    # The model may be called before the response is committed.
    eventually(lambda: count_rows(server)["responses"] == 1)
    gate.open()
    eventually(lambda: not any(count_rows(server).values()))
