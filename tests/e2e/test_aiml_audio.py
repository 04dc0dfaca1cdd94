"""The AI/ML API's own forms of speech and transcriptions: relayed to the model's provider, charged, also in jobs."""

import urllib.request

import httpx
import pytest

from e2e.assistants_client import on_both
from e2e.test_relayed import TRANSCRIPT, usage_of
from serving import KEY
from upstream import fault, reply
from waiting import eventually

AUTH = {"authorization": f"Bearer {KEY}"}
RECORDING = b"RIFF" + bytes(400_000)
# At 32,000 bytes per second, as the header has it.
WAV = b"RIFF\0\0\0\0WAVEfmt " + bytes(12) + (32_000).to_bytes(4, "little") + bytes(96_000)
RESULTS = {"channels": [{"alternatives": [{"transcript": "Hello there"}]}]}


def post_recording(server, path, **fields):
    files = {"audio": ("talk.wav", RECORDING, "audio/wav")}
    return httpx.post(f"{server.url}{path}", data={"model": "gpt-4o", **fields}, files=files, headers=AUTH)


def wait_for_task(server, task_id):
    def ended():
        reply = server.ask("GET", f"/v1/stt/{task_id}")
        assert reply.status == 200, reply.body
        task = reply.json
        return task if task["status"] in {"completed", "error"} else None

    return eventually(ended)


@on_both
def test_the_speech_of_a_text_has_a_url_that_needs_no_key(server, upstream):
    audio = bytes(range(256)) * 500
    upstream.answer(reply(audio, content_type="audio/mpeg"))
    made = server.ask("POST", "/tts", {"model": "gpt-4o", "text": "Hellö", "speed": 1.5})
    assert made.status == 200, made.body
    assert upstream.requests[-1].path == "/v1/audio/speech"
    assert upstream.requests[-1].body == {"model": "gpt-4o", "input": "Hellö", "voice": "alloy", "speed": 1.5}
    assert made.json["meta"]["usage"] == {"credits_used": 0, "usd_spent": 0.0}
    for _ in range(2):
        with urllib.request.urlopen(made.json["audio"]["url"]) as response:
            assert response.read() == audio
    (file,) = [one for one in server.ask("GET", "/v1/files").json["data"] if one["filename"] == "speech.mp3"]
    assert file["expires_at"] - file["created_at"] == 86_400

    def characters():
        return sum(one["characters"] for one in usage_of(server, "audio_speeches") if one["model"] == "gpt-4o")

    eventually(lambda: characters() >= 5)


def test_streamed_speech_is_the_bytes_of_the_provider(server, upstream):
    upstream.answer(reply(b"ID3" * 9, content_type="audio/mpeg"))
    made = server.ask("POST", "/v1/tts", {"model": "gpt-4o", "text": "Hi", "voice": "coral", "stream": True})
    assert (made.headers["content-type"], made.body) == ("audio/mpeg", b"ID3" * 9)
    assert upstream.requests[-1].body == {"model": "gpt-4o", "input": "Hi", "voice": "coral"}


def test_a_recording_is_transcribed_at_once(server, upstream):
    upstream.answer(reply(TRANSCRIPT), reply(b"Hello there", content_type="text/plain"))
    heard = post_recording(server, "/stt", language="en", diarize="true")
    assert heard.status_code == 200, heard.text
    assert {"results": RESULTS, **TRANSCRIPT}.items() <= heard.json().items()
    fields = dict(upstream.requests[-1].body["fields"])
    assert upstream.requests[-1].path == "/v1/audio/transcriptions"
    assert fields["file"] == ("talk.wav", "audio/wav", RECORDING)
    assert (fields["language"], fields["diarize"], fields["model"]) == ("en", "true", "gpt-4o")
    plain = post_recording(server, "/stt", response_format="text").json()
    assert (plain["text"], plain["results"]) == ("Hello there", RESULTS)


@on_both
def test_a_recording_is_transcribed_in_the_background_and_charged_once(server, upstream):
    upstream.answer(reply(TRANSCRIPT))
    created = post_recording(server, "/stt/create", temperature="0.2")
    assert created.status_code == 200, created.text
    assert created.json()["status"] == "queued"
    task = wait_for_task(server, created.json()["generation_id"])
    assert task["status"] == "completed"
    assert task["result"] == {"results": RESULTS, **TRANSCRIPT}
    assert task["meta"]["usage"]["credits_used"] == 0
    assert dict(upstream.requests[-1].body["fields"])["file"] == ("talk.wav", "audio/wav", RECORDING)
    assert sum(one["seconds"] for one in usage_of(server, "audio_transcriptions")) >= 62


def test_a_failed_task_has_the_error_of_the_provider(server, upstream):
    upstream.answer(fault(400, "This recording has no sound."))
    task = wait_for_task(server, post_recording(server, "/stt/create").json()["generation_id"])
    assert (task["status"], task["error"]["name"]) == ("error", "invalid_request")
    assert "no sound" in task["message"]
    assert "result" not in task


RETRYING = """
[providers.hasty]
base_url = "{url}"
retries = 0
models = ["whisper"]

[models."whisper"]
unit_price = 0.001
"""


def test_a_task_is_tried_again_and_downloads_its_recording_from_a_url(new_server, upstream, tmp_path):
    server = new_server(RETRYING.format(url=upstream.url), limits__private_urls="true").start()
    source = server.client.files.create(file=("talk one.mp3", RECORDING), purpose="user_data")
    link = server.ask("POST", f"/v1/files/{source.id}/download_link").json["url"]
    upstream.answer(fault(503), reply(TRANSCRIPT))
    body = {"model": "whisper", "url": f"{link}", "tag": ["a", "b"], "punctuate": True, "language": None}
    task_id = server.ask("POST", "/v1/stt/create", body).json["generation_id"]
    task = wait_for_task(server, task_id)
    assert task["meta"]["usage"] == {"credits_used": 124_000, "usd_spent": 0.062}
    first, second = (one.body["fields"] for one in upstream.requests[-2:])
    assert first == second
    assert [one for one in first if one[0] == "tag[]"] == [("tag[]", "a"), ("tag[]", "b")]
    assert dict(first)["punctuate"] == "true"
    assert dict(first)["file"][2] == RECORDING
    wave = server.client.files.create(file=("a.wav", WAV), purpose="user_data")
    body["url"] = server.ask("POST", f"/v1/files/{wave.id}/download_link").json["url"]
    upstream.answer(reply({"text": "Hello"}))
    # A bit more than three seconds.
    assert server.ask("POST", "/stt", body).json["meta"]["usage"]["usd_spent"] == 0.004


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tts", {"model": "gpt-4o"}, "text"),
        ("/v1/tts", {"text": "Hi"}, "model"),
        ("/stt", {"model": "gpt-4o"}, "url"),
        ("/stt", {"model": "gpt-4o", "url": "http://169.254.169.254/a.mp3"}, "url"),
        ("/v1/stt/create", {"model": "gpt-4o", "url": "file:///etc/passwd"}, "url"),
    ],
)
def test_an_invalid_request_is_refused(server, upstream, path, body, param):
    refused = server.ask("POST", path, body)
    assert (refused.status, refused.json["error"]["param"]) == (400, param), refused.body
    assert upstream.requests == []


def test_an_unknown_task_is_not_found(server):
    assert server.ask("GET", "/v1/stt/00000000-0000-4000-8000-000000000000").status == 404
    assert post_recording(server, "/stt", model="").status_code == 400


@pytest.mark.parametrize(
    "broken", [reply(b'["no object"]'), reply(b"{", content_type="application/json; charset=utf-8")]
)
def test_a_malformed_transcription_is_the_fault_of_the_provider(server, upstream, broken):
    upstream.answer(broken)
    refused = post_recording(server, "/stt")
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_malformed")
