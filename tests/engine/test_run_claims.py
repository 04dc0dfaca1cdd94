"""Runs that are created while the pool looks for claims without a job, or that wait for a place."""

import asyncio
import math

import httpx
import pytest

from understudy.app import create_app
from understudy.settings import Settings
from waiting import WITHIN

REQUESTS = {
    "run": (
        "/v1/threads/runs",
        {"assistant_id": "", "thread": {"messages": [{"role": "user", "content": "Hi"}]}, "stream": True},
    ),
    "response": ("/v1/responses", {"model": "rehearsal", "input": "Hi", "stream": True}),
}
KEY = "sk-understudy-0123456789abcdef0123456789abcdef"
ENDS = {"run": "thread.run.completed", "response": "response.completed"}


@pytest.fixture
async def app(tmp_path):
    made = create_app(Settings(data=tmp_path, api_key=KEY))
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as opened:
        yield opened


@pytest.fixture
async def assistant_id(client):
    return (await client.post("/v1/assistants", json={"model": "rehearsal"})).json()["id"]


@pytest.fixture
def pool(app):
    return app.state.understudy.worker._pool


async def stored_claims(app):
    def read():
        return (yield "SELECT status, epoch FROM runs", ())

    return await app.state.understudy.store.database.read(read)


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_claim_that_is_stored_before_its_job_starts_is_not_forgotten(
    app, client, pool, assistant_id, monkeypatch, kind
):
    store = app.state.understudy.store
    made = store.runs if kind == "run" else store.responses
    create = made.create

    async def create_during_check(*args, **kwargs):
        created = await create(*args, **kwargs)
        pool.check_soon()
        await pool._sweep()
        await pool._claim_queued()
        return created

    monkeypatch.setattr(made, "create", create_during_check)
    path, body = REQUESTS[kind]
    reply = await client.post(path, json=body | ({"assistant_id": assistant_id} if kind == "run" else {}))
    assert f"event: {ENDS[kind]}\n" in reply.text
    assert await stored_claims(app) == [("completed", 1)]


async def test_a_claim_whose_job_was_never_started_is_claimed_again(app, client, pool, monkeypatch):
    worker = app.state.understudy.worker
    monkeypatch.setattr(worker, "start_run", lambda *_, **__: None)
    body = {"model": "rehearsal", "input": "Hi", "background": True}
    response = (await client.post("/v1/responses", json=body)).json()
    monkeypatch.undo()
    pool.check_soon()
    await pool._sweep()
    reply = await client.get(f"/v1/responses/{response['id']}?stream=true")
    assert "event: response.completed\n" in reply.text
    assert await stored_claims(app) == [("completed", 2)]


async def test_a_run_that_lost_its_claim_to_a_later_one_of_its_own_worker_is_resumed_at_once(
    app, client, pool, monkeypatch
):
    store, advances = app.state.understudy.store, []
    advance = store.runs.advance

    async def advance_after_another_claim(*args):
        if not advances:
            await store.runs.claim(args[2].run_id, pool.id, again=True)
        advances.append(await advance(*args))
        return advances[-1]

    monkeypatch.setattr(store.runs, "advance", advance_after_another_claim)
    monkeypatch.setattr(pool.claim_checks, "_next_check", math.inf)
    body = {"model": "rehearsal", "input": "Hi", "background": True}
    response = (await client.post("/v1/responses", json=body)).json()
    async with asyncio.timeout(WITHIN):
        while (await stored_claims(app))[0][0] != "completed":
            await app.state.understudy.worker.wait_ended(response["id"])
    assert not advances[0]


async def test_events_of_a_run_that_has_waited_for_a_place_keep_their_numbers(
    app, client, pool, assistant_id, monkeypatch
):
    worker = app.state.understudy.worker
    monkeypatch.setattr(worker, "has_capacity", lambda: False)
    path, body = REQUESTS["run"]
    reply = await client.post(path, json=body | {"assistant_id": assistant_id})
    assert "event: thread.run.completed\n" in reply.text
    (run,) = (await client.get("/v1/runs")).json()["data"]
    path = f"/v1/threads/{run['thread_id']}/runs/{run['id']}/events"
    before = (await client.get(path)).text
    await pool._sweep()
    assert (await client.get(path)).text == before
