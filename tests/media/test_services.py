"""Videos that other services make: Luma's own, through its official package, and the AI/ML API, as another Understudy."""

import pytest

from e2e.test_luma import CREATE, QUICK, create, ended, fetched, look
from envelope import assert_aimlapi_error
from media.films import Film
from media.luma_service import KEY, PICTURE, VIDEO, LumaService
from serving import KEY as OURS
from serving import Server, serve
from waiting import eventually


@pytest.fixture(scope="module")
def service():
    with LumaService() as running:
        yield running


@pytest.fixture
def luma(service):
    service.forget()
    return service


def settings_for(service):
    return {"video__provider": "luma", "video__base_url": service.url, "video__api_key": KEY}


@pytest.fixture(scope="module")
def server(service, session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("luma"), session_upstream.url, **settings_for(service)))


@pytest.mark.proves("luma.services")
def test_luma_renders_the_video_and_its_files_are_stored(server, luma):
    made = create(server, prompt="A boat", duration="9s", loop=True, concepts=[{"key": "orbit_left"}])
    assert look(server, made["id"], state="dreaming")["state"] in {"dreaming", "completed"}
    found = ended(server, made["id"])
    assert luma.orders == [
        {
            "prompt": "A boat",
            "model": "ray-2",
            "aspect_ratio": "16:9",
            "resolution": "540p",
            "duration": "9s",
            "loop": True,
            "concepts": [{"key": "orbit_left"}],
        }
    ]
    assert fetched(server, found["video"]["url"]).body == VIDEO
    assert fetched(server, found["video"]["thumbnail"]).body == PICTURE
    assert (found["video"]["width"], found["video"]["height"]) == (960, 540)


@pytest.mark.slow
@pytest.mark.proves("luma.services")
def test_a_transient_error_is_retried_and_the_video_is_ordered_once(server, luma):
    luma.next(429, {"retry-after": "1"})
    luma.next(503)
    luma.next(500, on="GET")
    made = create(server)
    assert ended(server, made["id"])
    assert len(luma.orders) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_permanent_error_fails_the_video_at_once(server, luma, status):
    luma.next(status)
    found = look(server, create(server)["id"], state="completed")
    assert found["state"] == "failed"
    assert str(status) in found["failure_reason"]
    assert KEY not in str(found)


def test_a_failure_of_luma_has_its_reason(server, luma):
    luma.reason = "The prompt was moderated."
    found = look(server, create(server)["id"], state="completed")
    assert (found["state"], found["failure_reason"]) == ("failed", "The prompt was moderated.")


@pytest.mark.proves("luma.ordered_once")
def test_an_order_whose_answer_was_lost_is_found_and_not_sent_again(server, luma):
    luma.accept_and_drop()
    assert ended(server, create(server, prompt="Lost and found")["id"])
    assert len(luma.orders) == len(luma.jobs) == 1


@pytest.mark.slow
@pytest.mark.proves("luma.ordered_once")
def test_a_server_that_is_killed_while_luma_works_waits_for_the_same_job_after_its_start(new_server, luma):
    server = new_server(**settings_for(luma)).start()
    luma.stuck = True
    made = create(server)
    eventually(lambda: luma.looks)
    server.kill()
    luma.stuck = False
    server.start()
    assert fetched(server, ended(server, made["id"])["video"]["url"]).body == VIDEO
    assert len(luma.orders) == 1


def test_luma_extends_its_own_videos_and_fetches_pictures_itself(server, luma):
    first = ended(server, create(server)["id"])
    (job,) = luma.jobs
    url = "https://pictures.example.com/a.png"
    keyframes = {"frame0": {"type": "generation", "id": first["id"]}, "frame1": {"type": "image", "url": url}}
    ended(server, create(server, keyframes=keyframes)["id"])
    assert luma.orders[-1]["keyframes"] == {
        "frame0": {"type": "generation", "id": job},
        "frame1": {"type": "image", "url": url},
    }
    refused = server.ask("POST", CREATE, QUICK)
    assert_aimlapi_error(
        refused,
        400,
        "Invalid 'keyframes.frame0': a data: URL cannot be sent to 'luma', which fetches pictures itself. Send an http"
        " or https URL that it can reach.",
        "keyframes.frame0",
        "invalid_value",
    )


@pytest.mark.slow
@pytest.mark.proves("luma.services")
def test_another_understudy_makes_the_video(new_server):
    back = new_server().start()
    settings = {"video__provider": "aimlapi", "video__base_url": f"{back.url[:-3]}/v2", "video__api_key": OURS}
    front = new_server(**settings).start()
    made = ended(front, create(front, **QUICK)["id"])
    assert made["video"]["url"].startswith(front.url)
    seen = Film(fetched(front, made["video"]["url"]).body)
    assert (seen.size, seen.seconds) == ((960, 540), 5.0)
    assert fetched(front, made["video"]["thumbnail"]).body.startswith(b"\xff\xd8")
    (behind,) = back.ask("GET", "/luma-ai/generations").json
    assert (behind["prompt"], behind["state"]) == ("Static", "completed")
    later = ended(
        front, create(front, prompt="Static", keyframes={"frame0": {"type": "generation", "id": made["id"]}})["id"]
    )
    assert later["state"] == "completed"
    assert len(back.ask("GET", "/luma-ai/generations").json) == 2
