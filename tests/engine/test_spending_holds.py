"""What work holds in memory, and how lines of batches wait for it."""

import asyncio
from types import SimpleNamespace

import pytest

from understudy.api.batch_endpoints import _estimate_work, batch_endpoints
from understudy.app import create_app, server
from understudy.engine.accounting import Work
from understudy.engine.jobs import batch_lines
from understudy.engine.realtime.meter import RealtimeMeter
from understudy.engine.spending_holds import Hold, SpendingHolds
from understudy.errors import FundsReserved
from understudy.settings import Settings


def test_a_released_hold_holds_nothing_again():
    holds = SpendingHolds()
    hold = Hold(holds, "proj_1", "key_1")
    hold.estimate(5)
    assert holds.sum_credits("proj_1") == holds.sum_credits("key_1") == 5
    hold.release()
    # Its next estimate was being made when it ended.
    hold.estimate(7)
    hold.charge(3)
    assert holds.sum_credits("proj_1") == holds.sum_credits("key_1") == 0
    assert holds.recorded == {}


async def test_a_hold_of_a_job_that_another_server_has_ended_is_released_without_a_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_SWEEP_HOLDS_SECONDS", 0.01)
    app = create_app(Settings(data=tmp_path))
    async with app.router.lifespan_context(app):
        holds = app.state.parts.accounting.holds
        hold = Hold(holds, "proj_1", "key_1")
        hold.estimate(5)
        hold.bind("video_1", "video")
        hold.bound_at -= 3600
        async with asyncio.timeout(10):
            while holds.bound:  # noqa: ASYNC110 - the loop calls nobody
                await asyncio.sleep(0)
        assert holds.sum_credits("key_1") == 0


def test_a_line_nested_too_deeply_is_left_to_its_endpoint():
    nested = b"[" * 700 + b"]" * 700
    body = b'{"model": "gpt-4o", "messages": ' + nested + b', "user": "' + b"x" * 70_000 + b'"}'
    work = _estimate_work("/v1/chat/completions", body)
    assert work.measure is None or work.measure().input > 0


async def test_a_response_of_a_session_holds_the_mean_whatever_its_maximum():
    held = []

    async def note(*_, **__):
        return None

    async def hold(_project_id, _key_id, work):
        held.append(work)

    accounting = SimpleNamespace(admit=note, hold=hold, prefetch_price=lambda _: None)
    meter = RealtimeMeter(accounting, SimpleNamespace(reserve=note), "proj_1", "key_1", "gpt-realtime")
    await meter.request_response({"response": {"max_output_tokens": 10}})
    assert held == [Work("gpt-realtime")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", batch_lines.MESSAGES])
async def test_lines_of_each_dialect_wait_for_funds_as_long_as_the_batch_lasts(path):
    async def refuse(*_):
        raise FundsReserved("What is left is reserved for work in progress.")

    parts = SimpleNamespace(admission=SimpleNamespace(check_funds=refuse))
    result = await batch_endpoints(parts)[path]("proj_1", "key_1", b"{}")
    assert (result.status, result.retry_after) == (429, 1.0)
    assert batch_lines._find_delay(result, 1000) is not None
