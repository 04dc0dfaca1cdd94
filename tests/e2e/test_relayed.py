"""Images, speech, transcriptions and moderations: relayed to the model's provider, charged, and returned unchanged."""

import base64
import json
import time

import httpx
import openai
import pytest

from e2e.assistants_client import on_both
from e2e.batching import wait_for_batch
from e2e.billing import new_key
from serving import KEY
from upstream import DROP, fault, raw, reply, text
from waiting import eventually

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGES = {
    "created": 7,
    "data": [{"b64_json": "aGk="}, {"b64_json": "aG8="}],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 20,
        "total_tokens": 30,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    },
}
MODERATION = {
    "id": "modr-1",
    "model": "gpt-4o",
    "results": [{"flagged": False, "categories": {}, "category_scores": {}}],
}
TRANSCRIPT = {"text": "Hello there", "usage": {"type": "duration", "seconds": 61.2}}


def usage_of(server, path, **options):
    """The sums of today's usage."""
    asked = f"/organization/usage/{path}?start_time={int(time.time()) - 86_400}&group_by[]=model&bucket_width=1d"
    data = server.ask("GET", f"/v1{asked}", **options).json["data"]
    return [result for bucket in data for result in bucket["results"]]


@on_both
def test_images_are_made_by_the_provider_and_counted(server, upstream):
    upstream.answer(reply(IMAGES))
    key = new_key(server, "--name", "images")
    options = {"key": key["key"]} if "key" in key else {"key": key["value"]}
    body = {"model": "gpt-4o", "prompt": "A cat", "n": 2, "quality": "high", "size": "1024x1024", "new_member": [1]}
    answered = server.ask("POST", "/images/generations", body, **options)
    assert {name: answered.json[name] for name in IMAGES} == IMAGES
    assert answered.json["meta"]["usage"]["credits_used"] == int(answered.headers["x-aimlapi-credits-used"])
    assert upstream.requests[-1].path == "/v1/images/generations"
    assert upstream.requests[-1].body == body

    def images():
        return [one for one in usage_of(server, "images", **options) if one["model"] == "gpt-4o"]

    # Another node sees the usage of one within 100 ms.
    counted = eventually(images)
    assert [(one["object"], one["images"] >= 2) for one in counted] == [("organization.usage.images.result", True)]


def test_the_official_client_makes_edits_and_varies_images(client, upstream):
    upstream.answer(*[reply(IMAGES)] * 3)
    assert client.images.generate(model="gpt-4o", prompt="A cat").data[1].b64_json == "aG8="
    client.images.edit(model="gpt-4o", prompt="A hat", image=[("a.png", PNG), ("b.png", PNG)], mask=("m.png", PNG), n=2)
    client.images.create_variation(model="gpt-4o", image=("a.png", PNG), response_format="b64_json")
    edit, variation = upstream.requests[-2:]
    assert edit.path == "/v1/images/edits"
    assert sorted(name for name, _ in edit.body["fields"]) == ["image[]", "image[]", "mask", "model", "n", "prompt"]
    assert [value for name, value in edit.body["fields"] if name == "image[]"] == [
        ("a.png", "image/png", PNG),
        ("b.png", "image/png", PNG),
    ]
    assert dict(edit.body["fields"])["prompt"] == "A hat"
    assert variation.body["fields"][0] == ("model", "gpt-4o")


def test_an_edit_in_json_sends_the_bytes_of_a_file(server, client, upstream):
    upstream.answer(reply(IMAGES))
    file = client.files.create(file=("a.png", PNG), purpose="vision")
    body = {"model": "gpt-4o", "prompt": "A hat", "images": [{"file_id": file.id}]}
    assert server.ask("POST", "/images/edits", body).status == 200
    (image,) = upstream.requests[-1].body["images"]
    assert image == {"image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}


def test_the_files_of_an_edit_have_a_limit_together(server, client, upstream):
    file = client.files.create(file=("a.png", PNG + bytes(10 << 20)), purpose="vision")
    body = {"model": "gpt-4o", "prompt": "A hat", "images": [{"file_id": file.id}] * 4}
    answered = server.ask("POST", "/images/edits", body)
    assert (answered.status, answered.json["error"]["param"], upstream.requests) == (400, "images[3]", [])


def test_partial_images_are_streamed_with_their_event_names(client, upstream):
    events = [
        ("image_generation.partial_image", {"b64_json": "aGk=", "partial_image_index": 0}),
        ("image_generation.completed", {"b64_json": "aG8=", "usage": IMAGES["usage"]}),
    ]
    frames = b"".join(
        f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode() for name, members in events
    )
    upstream.answer(reply(frames, content_type="text/event-stream"))
    received = list(client.images.generate(model="gpt-4o", prompt="A cat", stream=True, partial_images=1))
    assert [one.type for one in received] == [name for name, _ in events]
    assert received[1].usage.output_tokens == 20


def test_speech_arrives_as_the_bytes_of_the_provider(server, client, upstream):
    audio = bytes(range(256)) * 1000
    upstream.answer(reply(audio, content_type="audio/mpeg"))
    with client.audio.speech.with_streaming_response.create(model="gpt-4o", voice="alloy", input="Hellö") as spoken:
        assert spoken.headers["content-type"] == "audio/mpeg"
        assert b"".join(spoken.iter_bytes()) == audio
    counted = [one["characters"] for one in usage_of(server, "audio_speeches") if one["model"] == "gpt-4o"]
    assert sum(counted) >= 5


def test_speech_that_is_cut_off_is_cut_off_for_the_client(server, upstream):
    answer = text(raw(b"x" * 1000), DROP, finish=None, done=False)
    upstream.answer(answer.but(opens=False, headers={"content-type": "audio/mpeg"}))
    body = {"model": "gpt-4o", "voice": "alloy", "input": "Hello", "stream": True}
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{server.url}/audio/speech", json=body, headers={"authorization": f"Bearer {KEY}"})


def test_a_recording_is_transcribed_and_its_seconds_are_counted(server, client, upstream):
    upstream.answer(reply(TRANSCRIPT))
    recording = b"RIFF" + bytes(700_000)
    heard = client.audio.transcriptions.create(
        model="gpt-4o", file=("talk.wav", recording, "audio/wav"), timestamp_granularities=["word"], temperature=0.2
    )
    assert heard.text == "Hello there"
    fields = dict(upstream.requests[-1].body["fields"])
    assert fields["file"] == ("talk.wav", "audio/wav", recording)
    assert (fields["temperature"], fields["timestamp_granularities[]"]) == ("0.2", "word")
    (counted,) = [one for one in usage_of(server, "audio_transcriptions") if one["model"] == "gpt-4o"]
    assert counted["seconds"] >= 62


def test_texts_and_subtitles_are_returned_unchanged(client, upstream):
    subtitles = "WEBVTT\n\n00:00.000 --> 00:01.000\nHellö\n"
    upstream.answer(*[reply(subtitles.encode(), content_type="text/plain; charset=utf-8")] * 2)
    asked = {"model": "gpt-4o", "file": ("a.mp3", b"ID3"), "response_format": "vtt"}
    assert client.audio.transcriptions.create(**asked) == subtitles
    assert client.audio.translations.create(**asked) == subtitles
    assert upstream.requests[-1].path == "/v1/audio/translations"


def test_a_transcript_is_streamed(client, upstream):
    done = {"type": "transcript.text.done", "text": "Hi", "usage": {"input_tokens": 3, "output_tokens": 1}}
    frames = f'data: {{"type":"transcript.text.delta","delta":"Hi"}}\n\ndata: {json.dumps(done)}\n\ndata: [DONE]\n\n'
    upstream.answer(reply(frames.encode(), content_type="text/event-stream"))
    events = list(client.audio.transcriptions.create(model="gpt-4o", file=("a.mp3", b"ID3"), stream=True))
    assert [one.type for one in events] == ["transcript.text.delta", "transcript.text.done"]


def test_texts_are_moderated(server, client, upstream):
    upstream.answer(reply(MODERATION))
    parts = [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]
    assert client.moderations.create(model="gpt-4o", input=parts).results[0].flagged is False
    assert upstream.requests[-1].body == {"model": "gpt-4o", "input": parts}


PRICED = """
[providers.patient]
base_url = "{url}"
retries = 1
models = ["whisper"]
aliases = {{ painter = "upstream-painter" }}

[models."painter"]
unit_price = 0.04
request_price = 0.01
"""


def test_a_repeated_form_is_whole_and_images_have_a_unit_price(new_server, upstream):
    server = new_server(PRICED.format(url=upstream.url)).start()
    upstream.answer(fault(503), reply(TRANSCRIPT), reply(IMAGES))
    recording = b"RIFF" + bytes(500_000)
    server.client.audio.transcriptions.create(model="whisper", file=("talk.wav", recording))
    first, second = (dict(one.body["fields"]) for one in upstream.requests[-2:])
    assert first == second
    assert first["file"][2] == recording
    painted = server.ask("POST", "/images/generations", {"model": "painter", "prompt": "A cat"})
    assert painted.headers["x-aimlapi-usd-spent"] == "0.09"
    assert upstream.requests[-1].body["model"] == "upstream-painter"


def test_lines_of_a_batch_moderate_texts_and_make_images(server, client, upstream):
    bodies = {"/v1/moderations": ({"model": "gpt-4o", "input": "Hello"}, MODERATION)}
    bodies["/v1/images/generations"] = ({"model": "gpt-4o", "prompt": "A cat"}, IMAGES)
    for endpoint, (body, answer) in bodies.items():
        upstream.answer(reply(answer))
        line = {"custom_id": "a", "method": "POST", "url": endpoint, "body": body}
        file = client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
        done = wait_for_batch(server, batch, "completed")
        result = json.loads(client.files.content(done.output_file_id).read())
        assert result["response"]["body"] == answer


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (fault(400, "Your prompt was rejected.", code="moderation_blocked"), 400, "Your prompt was rejected."),
        (reply({"error": {"message": "Inside a 200."}}), 502, "Inside a 200."),
        (reply(b"[1, 2]"), 502, "JSON that is not an object"),
    ],
)
def test_an_error_of_the_provider_is_an_error_of_the_request(server, upstream, answer, status, message):
    upstream.answer(answer)
    answered = server.ask("POST", "/images/generations", {"model": "gpt-4o", "prompt": "A cat"})
    assert answered.status == status
    assert message in answered.json["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/images/generations", {"model": "gpt-4o"}, "prompt"),
        ("/images/generations", {"model": "gpt-4o", "prompt": "A cat", "n": 11}, "n"),
        ("/images/edits", {"model": "gpt-4o", "prompt": "A cat", "images": []}, "images"),
        (
            "/images/edits",
            {"model": "gpt-4o", "prompt": "A", "images": [{"file_id": "file-none"}]},
            "images[0].file_id",
        ),
        (
            "/images/edits",
            {"model": "gpt-4o", "prompt": "A", "images": [{"image_url": "http://127.0.0.1/"}]},
            "images[0].image_url",
        ),
        (
            "/images/edits",
            {"model": "gpt-4o", "prompt": "A", "images": [{"image_url": "data:,"}], "mask": {"image_url": "file:///x"}},
            "mask.image_url",
        ),
        ("/images/generations", {"model": "gpt-4o", "prompt": "A", "image_url": "http://10.0.0.1/"}, "image_url"),
        ("/images/generations", {"model": "gpt-4o", "prompt": "A", "refs": ["x", "http://[::1]/"]}, "refs[1]"),
        ("/tts", {"model": "gpt-4o", "text": "A", "voice": {"sample": {"at": "ht\ntp://127.1/"}}}, "voice.sample.at"),
        ("/audio/speech", {"model": "gpt-4o", "input": "Hello"}, "voice"),
        ("/audio/speech", {"model": "gpt-4o", "input": "a" * 4097, "voice": "alloy"}, "input"),
        ("/moderations", {"model": "gpt-4o"}, "input"),
        (
            "/moderations",
            {"input": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]},
            "input[0].image_url.url",
        ),
    ],
)
def test_an_invalid_request_is_refused(server, upstream, path, body, param):
    before = len(upstream.requests)
    answered = server.ask("POST", path, body)
    assert answered.status == 400
    assert answered.json["error"]["param"] == param
    assert len(upstream.requests) == before


def test_a_private_url_in_a_form_is_refused(server, upstream):
    for name in ("url", "image[]", "extra"):
        answered = httpx.post(
            f"{server.url}/images/variations",
            data={"model": "gpt-4o", "prompt": "http://127.0.0.1/ is a text", name: "http://169.254.169.254/"},
            files={"image": ("a.png", PNG)},
            headers={"authorization": f"Bearer {KEY}"},
        )
        assert (answered.status_code, answered.json()["error"]["param"]) == (400, f"{name.removesuffix('[]')}[0]")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "fields", "files", "param"),
    [
        ("/audio/transcriptions", {"model": "gpt-4o"}, {}, "file"),
        ("/audio/transcriptions", {}, {"file": ("a.mp3", b"ID3")}, "model"),
        ("/images/variations", {"model": "gpt-4o"}, {}, "image"),
        ("/images/edits", {"model": "gpt-4o"}, {"image": ("a.png", PNG)}, "prompt"),
    ],
)
def test_an_incomplete_form_is_refused(server, path, fields, files, param):
    files = files or {"other": ("a", b"a")}
    answered = httpx.post(f"{server.url}{path}", data=fields, files=files, headers={"authorization": f"Bearer {KEY}"})
    assert answered.status_code == 400
    assert answered.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b'name="model[]"', "Invalid type for 'model'"),
        (b'name="model"; filename="a.txt"', "Invalid type for 'model'"),
        (b'name="\\"; filename="; name=model; x="', "Invalid name of a form field"),
        (b'name="a%22; name=%22model"', "Invalid name of a form field"),
        ('name="a\x85X-Header: 1"'.encode(), "Invalid name of a form field"),
    ],
)
def test_no_field_can_pass_for_another_one_at_the_provider(server, upstream, head, message):
    parts = [b'name="model"\r\n\r\ngpt-4o', b'name="file"; filename="a.wav"\r\n\r\nsound', head + b"\r\n\r\ntts-1-hd"]
    body = b"".join(b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--x--\r\n"
    headers = {"authorization": f"Bearer {KEY}", "content-type": "multipart/form-data; boundary=x"}
    answered = httpx.post(f"{server.url}/audio/transcriptions", content=body, headers=headers)
    assert (answered.status_code, upstream.requests) == (400, [])
    assert message in answered.json()["error"]["message"]


def test_a_server_without_a_provider_names_the_setting(offline_server):
    for path, body in (
        ("/images/generations", {"prompt": "A cat"}),
        ("/moderations", {"input": "Hello"}),
        ("/audio/speech", {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy"}),
    ):
        answered = offline_server.ask("POST", path, body)
        assert answered.status == 400
        assert answered.json["error"]["code"] == "no_provider"
        assert "[providers.NAME]" in answered.json["error"]["message"]


def test_a_deployment_of_azure_names_the_model_in_its_path(server, upstream):
    upstream.answer(reply(IMAGES), reply(TRANSCRIPT))
    root = server.url.removesuffix("/v1")
    with openai.AzureOpenAI(azure_endpoint=root, api_key=KEY, api_version="2024-10-21", max_retries=0) as azure:
        azure.images.generate(model="gpt-4o", prompt="A cat")
        azure.audio.transcriptions.create(model="gpt-4o", file=("a.mp3", b"ID3"))
    assert [one.path for one in upstream.requests[-2:]] == ["/v1/images/generations", "/v1/audio/transcriptions"]
    assert [one.body["model"] for one in upstream.requests[-2:]] == ["gpt-4o", "gpt-4o"]
