"""Relayed responses that providers break, cut off or label wrongly: what clients get of them, and what they cost."""

import contextlib
import json

import httpx
import openai
import pytest

from e2e.batching import wait_for_batch
from e2e.billing import balance
from e2e.test_relayed import IMAGES, MODERATION, PNG
from serving import KEY, Server, serve
from upstream import DROP, raw, reply, text
from waiting import eventually

PRICES = """
[models."gpt-4o"]
unit_price = 0.001
input_price = 1.0
output_price = 2.0
"""
UNIT, TOKENS = 2000, 10 * 2 + 20 * 4
"""Credits of an image, of a character or a second, and of the usage of `IMAGES`."""
EVENTS = "text/event-stream"
SPEECH = {"model": "gpt-4o", "voice": "alloy", "input": "Hello"}


def frame(name, **members):
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


PARTIAL = frame("image_generation.partial_image", b64_json="aGk=", partial_image_index=0)
COMPLETED = frame("image_generation.completed", b64_json="aG8=", usage=IMAGES["usage"])
DELTA = frame("speech.audio.delta", audio="aGk=")
SECRET = frame("error", error={"code": "boom", "message": "upstream-key has no credit at http://10.1.2.3/v1"})


def cut_off(data, content_type=EVENTS):
    """A response whose connection is lost behind `data`."""
    return text(raw(data), DROP, finish=None, done=False).but(opens=False, headers={"content-type": content_type})


@pytest.fixture(scope="module")
def server(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("priced"), session_upstream.url, PRICES))


def send(server, path, body):
    """The status, type and bytes of a response, as many as have arrived."""
    received = b""
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        httpx.stream("POST", f"{server.url}{path}", json={"stream": True, **body}, headers=headers) as response,
        contextlib.suppress(httpx.RemoteProtocolError),
    ):
        for chunk in response.iter_bytes():
            received += chunk
    return response.status_code, response.headers["content-type"], received


@pytest.mark.parametrize(
    ("answer", "expected", "cost"),
    [
        (reply(PARTIAL + COMPLETED, content_type=EVENTS), COMPLETED, UNIT + TOKENS),
        (reply(PARTIAL + COMPLETED * 3, content_type="Text/Event-Stream"), COMPLETED, 3 * (UNIT + TOKENS)),
        (cut_off(PARTIAL + COMPLETED), b'"upstream_unreachable"', UNIT + TOKENS),
        (cut_off(PARTIAL), b'"upstream_unreachable"', 0),
        (reply(b"", content_type=EVENTS), b'"upstream_malformed"', 0),
        (reply(PARTIAL + SECRET, content_type=EVENTS), b'"message":"*** has no credit at [address]"', 0),
        (reply(b'data: {"type":"error","message":"No."}\n\n', content_type=EVENTS), b'{"error":{"message":"No."', 0),
    ],
)
def test_a_stream_of_images_costs_what_is_complete(server, upstream, answer, expected, cost):
    before = balance(server)
    upstream.answer(answer)
    status, content_type, received = send(server, "/images/generations", {"model": "gpt-4o", "prompt": "A cat", "n": 3})
    assert (status, content_type) == (200, "text/event-stream; charset=utf-8")
    assert expected in received.split(b"\n\n")[-2] + b"\n\n"
    assert b"upstream-key" not in received
    eventually(lambda: before - balance(server) == cost)


@pytest.mark.parametrize(
    ("answer", "received", "cost"),
    [
        (cut_off(b"x" * 1000, "audio/mpeg"), b"x" * 1000, 5 * UNIT),
        (
            reply(DELTA + frame("speech.audio.done", usage=IMAGES["usage"]), content_type=EVENTS),
            None,
            5 * UNIT + TOKENS,
        ),
        (cut_off(DELTA), None, 5 * UNIT),
        (reply(SECRET, content_type=EVENTS), None, 0),
    ],
)
def test_speech_that_breaks_arrives_as_far_as_it_goes(server, upstream, answer, received, cost):
    before = balance(server)
    upstream.answer(answer)
    status, _, body = send(server, "/audio/speech", SPEECH)
    assert status == 200
    assert received in (None, body)
    eventually(lambda: before - balance(server) == cost)


@pytest.mark.parametrize("path", ["/images/generations", "/audio/speech", "/moderations"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(b"<html>A page</html>", content_type="text/html; charset=utf-8"), "check its base URL"),
        (reply(b"", content_type="application/octet-stream"), "The upstream returned"),
    ],
)
def test_what_is_no_response_of_the_endpoint_is_an_error_without_a_cost(server, upstream, path, answer, message):
    before = balance(server)
    upstream.answer(answer)
    answered = server.ask("POST", path, {**SPEECH, "prompt": "A cat"})
    assert (answered.status, answered.json["error"]["code"]) == (502, "upstream_malformed")
    assert message in answered.json["error"]["message"]
    assert balance(server) == before


@pytest.mark.parametrize("path", ["/tts", "/stt"])
def test_a_stream_of_events_is_neither_speech_nor_a_transcript(server, upstream, path):
    before = balance(server)
    upstream.answer(reply(SECRET, content_type=EVENTS))
    form = {"data": {"model": "gpt-4o"}, "files": {"audio": ("a.mp3", b"ID3")}}
    sent = form if path == "/stt" else {"json": {"model": "gpt-4o", "text": "Hello"}}
    answered = httpx.post(f"{server.url}{path}", headers={"authorization": f"Bearer {KEY}"}, **sent)
    assert answered.status_code == 502
    assert "a stream of events" in answered.text
    assert "upstream-key" not in answered.text
    assert balance(server) == before


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain"])
def test_images_are_json_whatever_type_the_provider_names(server, upstream, content_type):
    before = balance(server)
    upstream.answer(reply(IMAGES, content_type=content_type))
    assert server.client.images.generate(model="gpt-4o", prompt="A cat").data[1].b64_json == "aG8="
    assert before - balance(server) == 2 * UNIT + TOKENS
    upstream.answer(reply({"created": 7, "data": []}))
    assert server.client.images.generate(model="gpt-4o", prompt="A cat").data == []
    assert before - balance(server) == 2 * UNIT + TOKENS


def test_seconds_in_a_text_are_counted(server, upstream):
    before = balance(server)
    upstream.answer(reply({"text": "Hello", "duration": "8.47"}))
    server.client.audio.transcriptions.create(model="gpt-4o", file=("a.mp3", b"ID3"), response_format="verbose_json")
    assert before - balance(server) == 9 * UNIT


WAV = b"RIFF\0\0\0\0WAVEfmt " + bytes(12) + (32_000).to_bytes(4, "little") + bytes(96_000)
SUBTITLES = b"1\n00:00:00,000 --> 00:00:02,000\nOne\n\n2\n00:00:02,000 --> 01:00:04,500\nTwo\n"


@pytest.mark.parametrize(
    ("recording", "answer", "content_type", "seconds"),
    [
        (b"ID3" + bytes(40_000), b"Hello", "text/plain; charset=utf-8", 3),
        (WAV, b"Hello", "text/plain", 4),
        (WAV, b'{"text": "Hello"}', "application/json", 4),
        (WAV, SUBTITLES, "application/x-subrip", 4),
        (WAV, SUBTITLES, "text/plain", 3605),
        (WAV, b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "text/vtt", 2),
    ],
)
def test_a_transcript_without_its_seconds_costs_an_estimate(server, upstream, recording, answer, content_type, seconds):
    before = balance(server)
    upstream.answer(reply(answer, content_type=content_type))
    answered = httpx.post(
        f"{server.url}/audio/transcriptions",
        data={"model": "gpt-4o"},
        files={"file": ("talk.wav", recording)},
        headers={"authorization": f"Bearer {KEY}"},
    )
    assert (answered.status_code, answered.content) == (200, answer)
    assert before - balance(server) == seconds * UNIT


@pytest.mark.parametrize(
    ("endpoint", "members", "answer", "cost"),
    [
        ("/v1/images/generations", {"prompt": "A cat"}, {"created": 7, "data": [{"b64_json": "aGk="}] * 2}, UNIT),
        ("/v1/images/generations", {"prompt": "A cat"}, {"created": 7, "data": []}, 0),
        ("/v1/moderations", {"input": "Hello"}, MODERATION, 0),
    ],
)
def test_a_line_of_a_batch_costs_half_of_its_request(server, upstream, endpoint, members, answer, cost):
    before = balance(server)
    upstream.answer(reply(answer))
    line = {"custom_id": "a", "method": "POST", "url": endpoint, "body": {"model": "gpt-4o", **members}}
    file = server.client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = server.client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
    wait_for_batch(server, batch, "completed")
    assert before - balance(server) == cost


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": "€" * 32_001}, "prompt", "string_above_max_length"),
        ({"prompt": "A cat", "n": "0"}, "n", "integer_below_min_value"),
        ({"prompt": "A cat", "n": "11"}, "n", "integer_above_max_value"),
        ({"prompt": "A cat", "n": "two"}, "n", "invalid_type"),
    ],
)
def test_a_form_has_the_bounds_of_a_body(server, upstream, fields, param, code):
    client = server.client
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(model="gpt-4o", image=("a.png", PNG), **fields)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert upstream.requests == []


def test_a_prompt_of_a_form_has_32000_characters_of_any_script(server, upstream):
    upstream.answer(reply(IMAGES))
    server.client.images.edit(model="gpt-4o", image=("a.png", PNG), prompt="𝄞" * 32_000)
    assert dict(upstream.requests[-1].body["fields"])["prompt"] == "𝄞" * 32_000
