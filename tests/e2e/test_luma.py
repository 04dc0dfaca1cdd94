"""Videos over HTTP: created, polled, retrieved, extended and deleted, with the embedded renderer."""

import base64
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import lumaai
import pytest

from e2e.assistants_client import on_both
from e2e.billing import balance, check_sums, grant
from envelope import assert_aimlapi_error
from media.films import Film, colour, difference, picture, variety
from receiver import Receiver
from serving import KEY, Server
from waiting import eventually

PROMPT = "A red fox runs through a snowy forest at dawn. It stops at a lake. Camera push in"
V1 = {"user_prompt": PROMPT, "aspect_ratio": "16:9"}
SMALL = {"prompt": PROMPT, "resolution": "540p"}
CREATE = "/v2/generate/video/luma-ai/generation"
# A film of one picture that does not move, which is drawn the quickest.
STILL = "data:image/png;base64," + base64.b64encode(picture((220, 30, 30))).decode()
QUICK = {"prompt": "Static", "keyframes": {"frame0": {"type": "image", "url": STILL}}}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def create(server, **members):
    answer = server.ask("POST", CREATE, {**SMALL, **members})
    assert answer.status == 200, answer.body
    return answer.json


def look(server, generation_id, **query):
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    answer = server.ask("GET", f"{CREATE}?generation_id={generation_id}{asked}")
    assert answer.status == 200, answer.body
    return answer.json


def ended(server, generation_id):
    """Waits as clients do, with the long poll."""
    found = eventually(lambda: _ended(server, generation_id), within=90)
    assert found["state"] == "completed", found
    return found


def _ended(server, generation_id):
    found = look(server, generation_id, state="completed")
    return found if found["state"] in {"completed", "failed"} else None


def fetched(server, url, headers=None):
    """A file by its address, without a key."""
    assert url.startswith(server.url)
    return server.ask("GET", url.removeprefix(server.url.removesuffix("/v1")), headers=headers, key=None)


def film(server, **members):
    made = ended(server, create(server, **members)["id"])
    return Film(fetched(server, made["video"]["url"]).body)


@pytest.fixture(scope="module")
def video(sqlite_server):
    """A video that has ended, for the tests that only look at one."""
    return ended(sqlite_server, create(sqlite_server)["id"])


@pytest.mark.proves("luma.create", "luma.states")
def test_a_video_is_created_polled_and_retrieved_in_version_1(server):
    made = server.ask("POST", "/luma-ai/generations", V1).json
    assert re.fullmatch(UUID, made["id"])
    assert (made["state"], made["prompt"], made["model"]) == ("pending", PROMPT, "ray-1-6")
    assert (made["video"], made["video_url"], made["assets"], made["liked"]) == (None, None, None, None)
    assert made["estimate_wait_seconds"] >= 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    states = []

    def state():
        found = server.ask("GET", f"/luma-ai/generation?ids={made['id']}").json[0]
        states.append(found["state"])
        return found if found["state"] == "completed" else None

    found = eventually(state, within=90)
    assert list(dict.fromkeys(states))[-2:] == ["processing", "completed"]
    assert set(states) <= {"pending", "processing", "completed"}
    assert found["estimate_wait_seconds"] is None
    assert (found["video"]["width"], found["video"]["height"]) == (1280, 720)
    seen = Film(fetched(server, found["video"]["url"]).body)
    assert (seen.size, seen.seconds, len(seen.frames)) == ((1280, 720), 5.0, 120)


@pytest.mark.proves("luma.v2", "luma.storyboard")
def test_the_rehearsal_video_is_playable_and_names_its_renderer(server, video):
    assert video["video"]["url"] == video["video_url"] == video["assets"]["video"]
    answer = fetched(server, video["video_url"])
    assert answer.headers["content-type"] == "video/mp4"
    seen = Film(answer.body)
    assert (seen.codec, seen.size, seen.seconds, seen.rate) == ("h264", (960, 540), 5.0, 24)
    assert "Understudy's rehearsal renderer" in seen.metadata["comment"]
    assert all(variety(frame) > 10 for frame in seen.frames)
    assert difference(seen.frames[0], seen.frames[-1]) > 3


@pytest.mark.proves("luma.files")
def test_ranges_and_thumbnails_are_served_by_signed_url(server, video):
    whole = fetched(server, video["video"]["url"]).body
    part = fetched(server, video["video"]["url"], {"Range": "bytes=100-299"})
    assert (part.status, part.body) == (206, whole[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole)}"
    assert part.headers["content-disposition"].startswith("inline")
    beyond = fetched(server, video["video"]["url"], {"Range": f"bytes={len(whole)}-"})
    assert beyond.status == 416
    thumbnail = fetched(server, video["video"]["thumbnail"])
    assert (thumbnail.status, thumbnail.headers["content-type"]) == (200, "image/jpeg")
    assert thumbnail.body.startswith(b"\xff\xd8")
    for wrong in ("", "?token=", "?token=x", "?token=" + "x" * 32, "?token=%ff"):
        answer = server.ask("GET", f"/v1/generations/{video['id']}/video.mp4{wrong}", key=None)
        assert answer.status == 404, wrong
    other = fetched(server, video["video"]["url"].replace(video["id"], UNKNOWN))
    assert other.json["error"]["message"] == answer.json["error"]["message"].replace(video["id"], UNKNOWN)


@pytest.mark.proves("luma.union")
def test_one_video_is_the_same_in_every_version(server, video):
    generation_id = video["id"]
    first = server.ask("GET", f"/v1/luma-ai/generation?ids={generation_id}").json[0]
    assert first == video
    for path in ("/v2/video/generations", "/v1/video/generations", "/video/generations"):
        for shown in (generation_id, f"{generation_id}:luma/ray-2"):
            universal = server.ask("GET", f"{path}?generation_id={shown}").json
            assert universal["id"] == f"{generation_id}:luma/ray-2"
            assert (universal["status"], universal["error"], universal["video"]) == ("completed", None, video["video"])
            assert universal["meta"] == {"usage": {"credits_used": 500_000, "usd_spent": 0.25}}


@pytest.mark.proves("luma.ids")
@pytest.mark.parametrize("form", ["ids={0},{1}", "ids={0}&ids={1}", "ids[0]={0}&ids[1]={1}", "ids[]={0}&ids[]={1}"])
def test_ids_come_in_every_form_that_clients_write_them_in(server, video, form):
    other = create(server)["id"]
    query = form.format(video["id"], other).replace("[", "%5B").replace("]", "%5D")
    found = server.ask("GET", f"/luma-ai/generation?{query}").json
    assert [one["id"] for one in found] == [video["id"], other]
    several = server.ask("GET", f"/v2/generate/video/luma-ai/generations?{query.replace('ids', 'generation_ids')}").json
    assert [one["id"] for one in several] == [video["id"], other]
    server.ask("DELETE", f"/luma-ai/generations/{other}")


@pytest.mark.proves("luma.list")
def test_the_list_is_newest_first_and_pages_after_an_id(server):
    made = [create(server)["id"] for _ in range(3)]
    listed = server.ask("GET", "/luma-ai/generations?limit=3").json
    assert [one["luma_generation_id"] for one in listed] == made[::-1]
    assert [one["prompt"] for one in listed] == [PROMPT] * 3
    after = server.ask("GET", f"/v1/luma-ai/generations?limit=2&after={made[2]}").json
    assert [one["id"] for one in after] == [made[1], made[0]]
    for one in made:
        assert server.ask("DELETE", f"/luma-ai/generations/{one}").json["deleted"] is True
        assert server.ask("GET", f"/luma-ai/generation?ids={one}").status == 404


@pytest.mark.proves("luma.extend")
@pytest.mark.slow
def test_an_extension_begins_with_the_last_frame_of_its_source(server, video):
    body = {"user_prompt": "The fox sleeps under the stars", "aspect_ratio": "16:9"}
    made = server.ask("POST", f"/luma-ai/generations/{video['id']}/extend", body).json
    assert made["request"]["keyframes"] == {"frame0": {"type": "generation", "id": video["id"]}}
    later = Film(fetched(server, ended(server, made["id"])["video"]["url"]).body)
    earlier = Film(fetched(server, video["video"]["url"]).body)
    assert difference(earlier.frames[-1], later.frames[0]) < 3
    assert difference(earlier.frames[-1], later.frames[-1]) > 15


@pytest.mark.slow
@pytest.mark.proves("luma.keyframes")
def test_keyframes_come_inside_of_the_request_or_from_a_file(server, client):
    blue = client.files.create(file=("blue.png", picture((20, 40, 200))), purpose="vision")
    address = f"{server.url}/files/{blue.id}/content"
    seen = film(
        server,
        prompt="Static",
        keyframes={
            "frame0": {"type": "image", "url": STILL},
            "frame1": {"type": "image", "url": address},
        },
    )
    red_seen, blue_seen = colour(seen.frames[0]), colour(seen.frames[-1])
    assert red_seen[0] > 180
    assert red_seen[2] < 90
    assert blue_seen[2] > 160
    assert blue_seen[0] < 90


@pytest.mark.slow
def test_a_file_that_is_deleted_afterwards_is_still_the_keyframe_and_addresses_are_the_operators(new_server):
    server = new_server(video__concurrent=1, video__public_url="https://api.example.com/v1/").start()
    ahead = create(server)
    file = server.client.files.create(file=("red.png", picture((220, 30, 30))), purpose="vision")
    made = create(server, prompt="Static", keyframes={"frame0": {"type": "image", "url": file.id}})
    assert server.client.files.delete(file.id).deleted
    server.ask("DELETE", f"/luma-ai/generations/{ahead['id']}")
    url = ended(server, made["id"])["video"]["url"]
    assert url.startswith(f"https://api.example.com/v1/generations/{made['id']}/video.mp4?token=")


@pytest.mark.slow
@pytest.mark.proves("luma.loop")
def test_a_loop_ends_as_it_begins_and_the_same_words_make_the_same_film(server):
    first = ended(server, create(server, loop=True, prompt="A boat on the sea")["id"])
    again = ended(server, create(server, loop=True, prompt="A boat on the sea")["id"])
    one, other = (fetched(server, made["video"]["url"]).body for made in (first, again))
    assert one == other
    seen = Film(one)
    assert difference(seen.frames[0], seen.frames[-1]) < 0.5
    assert difference(seen.frames[0], seen.frames[60]) > 1


@pytest.mark.slow
@pytest.mark.proves("luma.sizes")
def test_aspect_ratio_and_duration_are_as_requested(server):
    body = {
        "model": "luma/ray-flash-2",
        "prompt": "A tall tree",
        "aspect_ratio": "9:21",
        "resolution": "540p",
        "duration": 9,
    }
    made = server.ask("POST", "/v2/video/generations", body).json
    assert re.fullmatch(UUID + ":luma/ray-flash-2", made["id"])
    assert (made["status"], made["video"], made["model"]) == ("queued", None, "luma/ray-flash-2")
    found = ended(server, made["id"].partition(":")[0])
    seen = Film(fetched(server, found["video"]["url"]).body)
    assert (seen.size, seen.seconds) == ((540, 1260), 9.0)


@pytest.mark.proves("luma.wait")
def test_the_long_poll_returns_when_the_state_is_reached(server):
    made = create(server, **QUICK)
    begun = time.monotonic()
    assert look(server, made["id"], state="queued")["state"] in {"queued", "dreaming"}
    assert time.monotonic() - begun < 5
    with ThreadPoolExecutor() as pool:
        polls = [pool.submit(look, server, made["id"], state=state) for state in ("dreaming", "completed")]
        seen = [poll.result() for poll in polls]
    assert seen[0]["state"] in {"dreaming", "completed"}
    assert seen[1]["state"] == "completed"


@pytest.mark.proves("luma.idempotency")
@on_both
def test_a_request_that_is_sent_twice_under_one_key_makes_one_video(server):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: server.ask("POST", CREATE, SMALL, key).json, range(4)))
    assert len({answer["id"] for answer in answers}) == 1
    other = server.ask("POST", CREATE, {**SMALL, "prompt": "Another"}, key)
    assert_aimlapi_error(
        other,
        400,
        f"The idempotency key {key['Idempotency-Key']!r} was used for another request. Use a new key for a new request.",
        code="idempotency_key_reused",
    )
    server.ask("DELETE", f"/luma-ai/generations/{answers[0]['id']}")


@pytest.mark.proves("luma.package")
def test_lumas_own_package_makes_finds_lists_and_deletes_a_video(server):
    root = server.url.removesuffix("/v1")
    with lumaai.LumaAI(auth_token=KEY, base_url=f"{root}/dream-machine/v1", max_retries=0) as luma:
        made = luma.generations.create(model="ray-2", **QUICK, duration="5s", resolution="540p", loop=False)
        assert (made.state, made.request.prompt) == ("queued", "Static")
        ended(server, made.id)
        found = luma.generations.get(made.id)
        assert found.state == "completed"
        assert Film(fetched(server, found.assets.video).body).seconds == 5.0
        assert luma.generations.list(limit=1).generations == [found]
        luma.generations.delete(made.id)
        with pytest.raises(lumaai.NotFoundError):
            luma.generations.get(made.id)


@pytest.mark.proves("luma.unknown")
def test_an_unknown_generation_is_not_found(server):
    sentence = f"No generation found with id '{UNKNOWN}'."
    for method, path in (
        ("GET", f"/luma-ai/generation?ids={UNKNOWN}"),
        ("GET", f"{CREATE}?generation_id={UNKNOWN}&state=completed"),
        ("GET", f"/v2/generate/video/luma-ai/generations?generation_ids={UNKNOWN}"),
        ("GET", f"/v2/video/generations?generation_id={UNKNOWN}"),
        ("DELETE", f"/luma-ai/generations/{UNKNOWN}"),
        ("DELETE", f"/video/generations/{UNKNOWN}"),
    ):
        assert_aimlapi_error(server.ask(method, path), 404, sentence)
    assert_aimlapi_error(server.ask("POST", f"/luma-ai/generations/{UNKNOWN}/extend", V1), 404, sentence)
    keyframes = {"frame0": {"type": "generation", "id": UNKNOWN}}
    assert_aimlapi_error(server.ask("POST", CREATE, {**SMALL, "keyframes": keyframes}), 404, sentence)


@pytest.mark.proves("luma.refused")
@pytest.mark.parametrize(
    ("path", "body", "message", "param", "code"),
    [
        ("/luma-ai/generations", {"aspect_ratio": "1:1"}, "Missing required parameter: 'user_prompt'.", "user_prompt", "missing_required_parameter"),
        ("/luma-ai/generations", {"user_prompt": "x"}, "Missing required parameter: 'aspect_ratio'.", "aspect_ratio", "missing_required_parameter"),
        ("/luma-ai/generations", {**V1, "loop": True}, "Unknown parameter: 'loop'.", "loop", "unknown_parameter"),
        ("/luma-ai/generations", {**V1, "image_url": "nowhere"}, "Invalid 'image_url': 'nowhere' is not an image URL. Pass an http or https URL, a data: URL, or the id of a file.", "image_url", "invalid_value"),
        (CREATE, {"prompt": "x" * 2049}, "Invalid 'prompt': string too long. Expected a string with maximum length 2048, but got a string with length 2049 instead.", "prompt", "string_above_max_length"),
        (CREATE, {"prompt": "x", "duration": "6s"}, "Invalid value: '6s'. Supported values are: '5s' and '9s'.", "duration", "invalid_value"),
        ("/v2/video/generations", {"model": "luma/ray-2", "prompt": "x", "duration": 6}, "Invalid value: 6. Supported values are: 5 and 9.", "duration", "invalid_value"),
        (CREATE, {**SMALL, "keyframes": {"frame0": {"type": "image", "url": "https://example.com/a.png"}}}, "Invalid 'keyframes.frame0': pictures are not fetched from other servers. Send the picture as a data: URL or upload it as a file; an operator can set `video.fetch_images`.", "keyframes.frame0", "invalid_value"),
        (CREATE, {**SMALL, "keyframes": {"frame1": {"type": "image", "url": "data:image/png;base64,§"}}}, "Invalid 'keyframes.frame1': what follows 'data:image/png;base64,' is not base64.", "keyframes.frame1", "invalid_value"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_in_a_sentence(server, path, body, message, param, code):
    assert_aimlapi_error(server.ask("POST", path, body), 400, message, param, code)


@pytest.mark.proves("luma.refused")
@pytest.mark.parametrize(
    ("path", "message", "param", "code"),
    [
        ("/luma-ai/generation", "Missing required parameter: 'ids'.", "ids", "missing_required_parameter"),
        ("/luma-ai/generation?ids=,", "Invalid 'ids': empty array. Expected an array with minimum length 1, but got an empty array instead.", "ids", "empty_array"),
        ("/luma-ai/generation?ids=x", "Invalid 'ids[0]': 'x'. Expected a UUID, as the answer that made the object has it.", "ids[0]", "invalid_value"),
        (f"/luma-ai/generation?ids={UNKNOWN}&limit=1", "Unknown parameter: 'limit'.", "limit", "unknown_parameter"),
        (f"{CREATE}?generation_id={UNKNOWN}&state=failed", "Invalid value: 'failed'. Supported values are: 'queued', 'dreaming', and 'completed'.", "state", "invalid_value"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_refused_in_a_sentence(server, path, message, param, code):
    assert_aimlapi_error(server.ask("GET", path), 400, message, param, code)


@pytest.mark.proves("luma.failed")
def test_an_invalid_picture_fails_the_video_with_a_reason(server):
    wrong = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
    made = create(server, keyframes={"frame0": {"type": "image", "url": wrong}})
    found = look(server, made["id"], state="completed")
    assert found["state"] == "failed"
    assert found["failure_reason"].startswith("Unreadable keyframe (")
    assert (found["video"], found["assets"]) == (None, None)
    universal = server.ask("GET", f"/v2/video/generations?generation_id={made['id']}").json
    assert universal["status"] == "error"
    assert universal["error"] == {"name": "GenerationFailed", "message": found["failure_reason"]}
    unfinished = server.ask("POST", f"/luma-ai/generations/{made['id']}/extend", V1)
    assert_aimlapi_error(
        unfinished,
        400,
        f"Invalid 'generation_id': the generation {made['id']!r} is failed. Use one that is completed.",
        "generation_id",
        "invalid_value",
    )


def test_camera_motions_are_listed(server):
    assert "Orbit Left" in server.ask("GET", "/v2/generate/video/luma-ai/camera-motions").json


@pytest.mark.proves("luma.crash")
@pytest.mark.slow
def test_a_server_that_is_killed_while_it_draws_ends_each_video_once(new_server):
    server = new_server(video__concurrent=1).start()
    made = [create(server, **{**QUICK, "prompt": f"Static {number}"})["id"] for number in range(2)]
    assert look(server, made[0], state="dreaming")["state"] == "dreaming"
    server.kill()
    server.start()
    for generation_id in made:
        seen = Film(fetched(server, ended(server, generation_id)["video"]["url"]).body)
        assert seen.seconds == 5.0
    # A film and its thumbnail for each of the two, the picture that both begin with, and nothing left over.
    eventually(lambda: len(list(server.data.glob("blobs/??/*"))) == 5)


@pytest.mark.proves("luma.limits")
def test_a_project_has_a_bounded_number_under_way(new_server):
    server = new_server(video__concurrent=1, video__waiting=2).start()
    made = [create(server)["id"] for _ in range(2)]
    refused = server.ask("POST", CREATE, SMALL)
    assert_aimlapi_error(
        refused,
        429,
        "2 videos of this project are waiting or being made, which is the limit. Try again when one has ended.",
        code="rate_limit_exceeded",
        type="requests",
    )
    for one in made:
        server.ask("DELETE", f"/luma-ai/generations/{one}")
    again = create(server)["id"]
    # What was being drawn is stopped, so that the new one has its place.
    assert look(server, again, state="dreaming")["state"] == "dreaming"
    server.ask("DELETE", f"/luma-ai/generations/{again}")


@pytest.mark.slow
def test_a_stopping_server_ends_long_polls_and_resumes_the_video_after_a_restart(new_server):
    server = new_server().start()
    made = create(server, **QUICK)
    look(server, made["id"], state="dreaming")
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(look, server, made["id"], state="completed")
        server.stop()
        assert poll.exception() is not None or poll.result()["state"] in {"dreaming", "completed"}
    server.start()
    assert ended(server, made["id"])["state"] == "completed"


@pytest.mark.proves("luma.billing")
def test_a_video_is_charged_when_it_is_completed_and_needs_funds(new_server):
    server = new_server().start()
    grant(server, "600000")
    wrong = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
    failed = create(server, keyframes={"frame0": {"type": "image", "url": wrong}})
    assert look(server, failed["id"], state="completed")["state"] == "failed"
    assert balance(server) == 600_000
    for left in (100_000, -400_000):
        ended(server, create(server, **QUICK)["id"])
        assert balance(server) == left
        check_sums(server)
    refused = server.ask("POST", CREATE, SMALL)
    assert refused.status == 403
    assert refused.json["message"].startswith("You've run out of funds")


@pytest.mark.slow
@pytest.mark.proves("luma.callback")
def test_a_callback_is_retried_until_it_succeeds(new_server):
    with Receiver() as receiver:
        receiver.answer(503)
        server = new_server(video__callbacks=True, webhooks__allow_private=True).start()
        made = ended(server, create(server, **QUICK, callback_url=f"{receiver.url}/done")["id"])
        assert [receiver.next().json for _ in range(2)] == [made, made]


@pytest.mark.proves("luma.callback")
def test_callbacks_are_refused_unless_the_operator_allows_them(server, new_server):
    answer = server.ask("POST", CREATE, {**QUICK, "callback_url": "https://example.com/done"})
    said = "This server sends no callbacks. Retrieve the video instead; an operator can set `video.callbacks`."
    assert_aimlapi_error(
        answer, 400, f"Invalid 'callback_url': 'https://example.com/done'. {said}", "callback_url", "invalid_value"
    )
    careful = new_server(video__callbacks=True).start()
    for url in ("https://127.0.0.1/done", "https://[::1]/", "http://example.com/", "ftp://example.com"):
        refused = careful.ask("POST", CREATE, {**QUICK, "callback_url": url})
        assert (refused.status, refused.json["error"]["param"]) == (400, "callback_url"), url


class WithMore(Server):
    """With variables of the environment that are no settings."""

    more = {}  # noqa: RUF012 - replaced, never changed

    @property
    def environ(self):
        return super().environ | self.more


def test_the_renderer_without_its_packages_returns_the_install_command(tmp_path, session_upstream):
    server = WithMore(tmp_path, session_upstream.url)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['av'] = None\n")
    server.more = {"PYTHONPATH": str(hidden)}
    try:
        server.start()
        answer = server.ask("POST", CREATE, SMALL)
        assert_aimlapi_error(
            answer,
            503,
            "The rehearsal renderer needs packages that are not installed. Run `pip install 'understudy[video]'` and start"
            " the server again, or set `video.provider`.",
            type="server_error",
        )
        server.stop()
    finally:
        server.kill()
