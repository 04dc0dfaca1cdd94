"""Videos in the form of the hosted API, through the official client, with the embedded renderer."""

import base64
import json
import re

import httpx
import openai
import pytest

from envelope import assert_error
from media.films import picture
from serving import KEY
from waiting import eventually

STILL = picture((220, 30, 30))


def completed(client, video_id):
    """The video once it has ended, else None."""
    found = client.videos.retrieve(video_id)
    assert found.status != "failed", found.error
    return found if found.status == "completed" else None


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_a_video_is_made_listed_downloaded_remixed_and_deleted(server, client):
    made = client.videos.create(prompt="Static", input_reference=("still.png", STILL, "image/png"), size="1280x720")
    assert re.fullmatch("video_[0-9a-f]{32}", made.id)
    assert (made.object, made.model, made.seconds, made.size) == ("video", "sora-2", "4", "1280x720")
    assert made.status in {"queued", "in_progress"}
    with pytest.raises(openai.BadRequestError) as refused:
        client.videos.download_content(made.id)
    assert refused.value.code == "video_not_ready"
    done = eventually(lambda: completed(client, made.id), within=90)
    assert (done.progress, done.error, done.size) == (100, None, "1280x720")
    assert done.completed_at >= done.created_at
    assert [one.id for one in client.videos.list(limit=1).data] == [made.id]
    content = client.videos.download_content(made.id)
    assert content.response.headers["content-type"] == "video/mp4"
    assert content.read()[4:8] == b"ftyp"
    assert client.videos.download_content(made.id, variant="thumbnail").read()[:2] == b"\xff\xd8"
    remix = client.videos.remix(made.id, prompt="Static too")
    assert (remix.remixed_from_video_id, remix.size, remix.prompt) == (made.id, "1280x720", "Static too")
    uuid = re.sub("video_(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", made.id)
    same = server.ask("GET", f"/v2/generate/video/luma-ai/generation?generation_id={uuid}").json
    assert same["state"] == "completed"
    after = client.videos.list(after=remix.id, limit=1).data
    assert [one.id for one in after] == [made.id]
    for one in (made.id, remix.id):
        deleted = client.videos.delete(one)
        assert (deleted.id, deleted.object, deleted.deleted) == (one, "video.deleted", True)
    with pytest.raises(openai.NotFoundError) as refused:
        client.videos.retrieve(made.id)
    assert_error(refused.value, 404, f"No video found with id '{made.id}'.")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "A", "seconds": "5"}, "seconds"),
        ({"prompt": "A", "size": "1x1"}, "size"),
        ({"prompt": "A", "model": "gpt-4o"}, "model"),
        ({"prompt": "A", "input_reference": {"file_id": "file-none0000000000000000000"}}, "input_reference"),
    ],
)
def test_an_invalid_video_is_refused(server, body, param):
    answered = server.ask("POST", "/v1/videos", body)
    assert answered.status in {400, 404}
    assert param is None or answered.json["error"]["param"] == param


@pytest.mark.parametrize(
    ("picture", "status", "param"),
    [
        (json.dumps({"image_url": f"data:image/png;base64,{base64.b64encode(STILL).decode()}"}), 200, None),
        (json.dumps({"file_id": "file-a", "image_url": "data:,"}), 400, "input_reference"),
        ("{no JSON", 400, "input_reference"),
    ],
)
def test_a_form_may_have_its_picture_as_json(server, picture, status, param):
    fields = {"prompt": (None, "Static"), "input_reference": (None, picture, "application/json")}
    headers = {"authorization": f"Bearer {KEY}"}
    answered = httpx.post(f"{server.url}/videos", files=fields, headers=headers)
    assert answered.status_code == status
    assert (answered.json()["error"] or {"param": None})["param"] == param
    if status == 200:
        httpx.delete(f"{server.url}/videos/{answered.json()['id']}", headers=headers)


def test_the_files_of_a_form_have_one_limit_together(server):
    files = {f"extra_{number}": ("a.png", b"0" * 1_000_000, "image/png") for number in range(21)}
    answered = httpx.post(f"{server.url}/videos", files=files, headers={"authorization": f"Bearer {KEY}"})
    assert (answered.status_code, answered.json()["error"]["message"]) == (
        413,
        "The file is too large. The limit is 20971520 bytes.",
    )


@pytest.mark.parametrize("video_id", ["video_x", "video_" + "0" * 32, "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_video_is_not_found(server, video_id):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("POST", "/remix")):
        answered = server.ask(method, f"/v1/videos/{video_id}{path}", {"prompt": "A"} if method == "POST" else None)
        assert_error(answered, 404, f"No video found with id '{video_id}'.")
