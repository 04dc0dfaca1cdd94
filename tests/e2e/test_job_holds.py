"""Jobs in the background hold what they may cost, and what a turn has cost is spent while its tools are executed."""

import time
from types import SimpleNamespace

import httpx
import pytest

from e2e.billing import PRICES
from e2e.test_image_generation import DRAW, TOOL
from e2e.test_reindex import vectors
from e2e.test_relayed import PNG
from e2e.test_spending_holds import CHAT, LIMIT, Limited
from e2e.test_stored_images import encode
from serving import Server, serve
from understudy.engine.job_holds import JobHolds
from understudy.engine.spending_holds import Hold, SpendingHolds
from upstream import Gate, reply, text
from waiting import eventually

CONFIG = f"""{PRICES}
[models."gone/embedder"]
input_price = 1000.0

[models."scribe"]
unit_price = 0.000075

[embeddings]
model = "gone/embedder"

[video]
concurrent = 1

[providers.gone]
base_url = "{{url}}"
models = ["embedder", "scribe"]
retries = 0
"""
USED = (25, 100)
"""1,700 credits of the 4,000 of `LIMIT`."""
VIDEO = {"prompt": "Static", "model": "sora-2", "seconds": "4"}


@pytest.fixture(scope="module")
def priced(session_upstream, tmp_path_factory):
    directory = tmp_path_factory.mktemp("jobs")
    yield from serve(Server(directory, session_upstream.url, CONFIG.format(url=session_upstream.url)))


def test_videos_hold_their_price_until_they_end(priced):
    # A video costs 0.25 USD.
    tenant = Limited(priced, "0.6USD")
    replies = [tenant.post("/v1/videos", VIDEO) for _ in range(4)]
    assert [one.status for one in replies] == [200, 200, 429, 429], [one.body for one in replies]
    assert replies[-1].json["error"]["code"] == "funds_reserved"
    # The second waits for the first, and costs nothing.
    deleted = tenant.server.ask("DELETE", f"/v1/videos/{replies[1].json['id']}", key=tenant.key)
    assert deleted.status == 200
    third, fourth = (tenant.post("/v1/videos", VIDEO) for _ in range(2))
    assert (third.status, fourth.status) == (200, 429)
    for one in (replies[0], third):
        tenant.server.ask("DELETE", f"/v1/videos/{one.json['id']}", key=tenant.key)


def test_transcriptions_in_the_background_hold_what_their_seconds_cost(priced, upstream):
    tenant = Limited(priced, "0.006USD")
    gate = Gate()
    gate.open()
    # 3,000 credits each, by their bytes and by what the provider reports.
    upstream.always(lambda _: reply({"text": "Hello", "duration": 20}).but(stall=gate))
    assert tenant_task(tenant) == "completed"
    gate = Gate()
    statuses = [post_recording(tenant).status_code for _ in range(6)]
    assert statuses == [200, 200, 200, 429, 429, 429]
    gate.open()
    # Nothing is left then.
    refused = eventually(
        lambda: one if b"spend limit of this API key is reached" in (one := post_recording(tenant)).content else None
    )
    assert refused.status_code == 429


def post_recording(tenant):
    return httpx.post(
        f"{tenant.server.url}/stt/create",
        data={"model": "scribe"},
        files={"audio": ("talk.mp3", bytes(20 * 16_000), "audio/mpeg")},
        headers={"Authorization": f"Bearer {tenant.key}"},
    )


def tenant_task(tenant):
    task_id = post_recording(tenant).json()["generation_id"]

    def ended():
        status = tenant.server.ask("GET", f"/v1/stt/{task_id}", key=tenant.key).json["status"]
        return status if status in {"completed", "error"} else None

    return eventually(ended)


def test_files_hold_what_their_embeddings_may_cost(priced, upstream):
    tenant = Limited(priced, "1.2USD")
    client = tenant.server.new_client(api_key=tenant.key)
    gate = Gate()
    upstream.always(lambda asked: vectors(asked).but(stall=gate))
    # 500 tokens at 0.001 USD are estimated, and one is used.
    files = [
        client.files.create(file=("a.txt", f"{number} harbour ".encode() * 100), purpose="assistants")
        for number in range(4)
    ]
    store = client.vector_stores.create()
    paths = [(f"/v1/vector_stores/{store.id}/files", {"file_id": one.id}) for one in files]
    paths[1] = ("/v1/vector_stores", {"file_ids": [files[1].id]})
    paths[2] = (f"/v1/vector_stores/{store.id}/file_batches", {"file_ids": [files[2].id]})
    paths[3] = (
        "/v1/threads",
        {
            "messages": [
                {
                    "role": "user",
                    "content": "?",
                    "attachments": [{"file_id": files[3].id, "tools": [{"type": "file_search"}]}],
                }
            ]
        },
    )
    replies = [tenant.post(*one) for one in paths]
    assert [one.status for one in replies] == [200, 200, 429, 429], [one.body for one in replies]
    gate.open()
    eventually(lambda: tenant.post(*paths[2]).status == 200)
    eventually(lambda: tenant.post(*paths[3]).status == 200)


def test_a_turn_is_not_held_while_its_tools_are_executed(priced, upstream):
    tenant, gate = Limited(priced, LIMIT), Gate()
    image = reply({"created": 7, "data": [{"b64_json": encode(PNG)}]}).but(stall=gate)
    upstream.answer(DRAW.but(usage=USED), image, text("Far.", usage=USED))
    body = {"model": "gpt-4o", "input": "Draw", "tools": [TOOL | {"model": "gpt-4o"}], "background": True}
    before = len(upstream.requests)
    made = tenant.post("/v1/responses", body | {"max_output_tokens": 100})
    assert made.status == 200, made.body
    upstream.wait_for(before + 2)
    # 1,700 of 4,000 credits are spent, and a call takes as much.
    upstream.always(text("Far.", usage=USED))
    stored = tenant.post("/v1/chat/completions", CHAT | {"store": True})  # by what is spent in the database
    assert stored.status == 200, stored.body
    gate.open()


def test_a_hold_of_a_file_in_two_vector_stores_is_the_sum_of_both():
    holds = SpendingHolds()
    first, second = Hold(holds, "proj_1", "key_1"), Hold(holds, "proj_1", "key_1")
    first.estimate(5)
    first.bind("file-1", "file")
    second.estimate(7)
    second.bind("file-1", "file")
    assert (holds.sum_credits("proj_1"), holds.sum_credits("key_1")) == (12, 12)
    holds.release("file-1")
    assert holds.sum_credits("proj_1") == 0
    assert not holds.bound


async def test_jobs_that_ended_elsewhere_hold_nothing():
    accounting = SimpleNamespace(holds=SpendingHolds(), releasers=[])
    states = {"active": True, "ended": False}

    async def find(kind, ids):
        assert kind == "video"
        return {one: states[one] for one in ids if one in states}

    JobHolds(accounting, SimpleNamespace(find=find), "video")
    names = {"active": "video", "ended": "video", "new": "video", "gone": "video", "run": "run"}
    for name, kind in names.items():
        hold = Hold(accounting.holds, "proj_1", "key_1")
        hold.estimate(1)
        hold.bind(name, kind)
    accounting.holds.bound["gone"].bound_at = time.monotonic() - 60
    (release,) = accounting.releasers
    await release()
    assert sorted(accounting.holds.bound) == ["active", "new", "run"]
    assert accounting.holds.sum_credits("proj_1") == 3
