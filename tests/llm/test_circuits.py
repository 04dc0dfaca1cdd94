"""Models that fail call after call are tried after their fallbacks."""

import asyncio
import logging

import pytest

from llm.reading import BODY, collect, failure, said, until
from understudy.errors import UpstreamError
from upstream import DROP, HANG, error, fault, stalled, text

MESSAGE = {"model": "gpt-4o", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def routed(upstream, other, models):
    def make(spare=None, **settings):
        main = {
            "base_url": upstream.url,
            "models": ["gpt-4o", "mini"],
            "retries": 0,
            "fallbacks": ["spare"],
            **settings,
        }
        own = {"base_url": other.url, "models": ["gpt-4o", "mini"], "retries": 0, **(spare or {})}
        return models({"main": main, "spare": own})

    return make


@pytest.fixture
def counts(upstream, other):
    """The requests of each provider since the last call."""

    def take():
        found = len(upstream.requests), len(other.requests)
        upstream.requests.clear()
        other.requests.clear()
        return found

    return take


async def fail(models, upstream, times=5, answer=None):
    upstream.always(answer or fault(500))
    for _ in range(times):
        await models.complete(BODY)


async def collect_raw(stream):
    return [chunk async for chunks in stream for chunk in chunks]


def recover(upstream):
    upstream.always(text("Hi"))


@pytest.mark.parametrize("answer", [fault(500), fault(503), fault(529), stalled(DROP), text(DROP)])
async def test_five_faults_in_a_row_put_the_fallback_first(upstream, routed, counts, answer):
    models = routed()
    await fail(models, upstream, answer=answer)
    assert counts() == (5, 5)
    await models.complete(BODY)
    await collect(models.stream(BODY))
    await models.message(MESSAGE)
    assert counts() == (0, 3)
    assert models.list_skipped() == {"main": ["gpt-4o"]}


@pytest.mark.parametrize("answer", [fault(401), fault(402), fault(404, code="model_not_found"), fault(408), fault(429)])
async def test_other_refusals_do_not(upstream, routed, counts, answer):
    models = routed()
    await fail(models, upstream, 7, answer)
    assert counts() == (7, 7)
    assert models.list_skipped() == {}


async def test_a_success_in_between_starts_the_count_again(upstream, routed, counts):
    models = routed()
    await fail(models, upstream, 4)
    recover(upstream)
    await models.complete(BODY)
    await fail(models, upstream, 4)
    assert counts() == (9, 8)
    await models.complete(BODY)
    assert counts() == (1, 1)


async def test_one_call_tries_after_ten_seconds_and_the_time_doubles_to_a_minute(upstream, routed, counts, clock):
    models = routed()
    await fail(models, upstream)
    counts()
    for seconds in (10, 20, 40, 60, 60):
        clock.time += seconds - 0.5
        await models.complete(BODY)
        assert counts() == (0, 1)
        clock.time += 0.5
        await asyncio.gather(*(models.complete(BODY) for _ in range(5)))
        assert counts() == (1, 5)


async def test_a_trial_that_succeeds_puts_the_model_first_again(upstream, routed, counts, clock, caplog):
    models = routed()
    caplog.set_level(logging.INFO)
    await fail(models, upstream)
    recover(upstream)
    clock.time += 10
    assert said(await collect(models.stream(BODY))) == "Hi"
    counts()
    await models.complete(BODY)
    assert counts() == (1, 0)
    assert models.list_skipped() == {}
    changes = [one.fields for one in caplog.records if getattr(one, "event", "") == "upstream.circuit"]
    assert changes == [{"provider": "main", "model": "gpt-4o", "code": state} for state in ("open", "closed")]


async def test_a_trial_whose_client_leaves_is_followed_by_another(upstream, routed, counts, clock):
    models = routed()
    await fail(models, upstream)
    counts()
    upstream.always(stalled())
    clock.time += 10
    trial = asyncio.create_task(models.complete(BODY))
    await asyncio.to_thread(upstream.wait_for, 1)
    trial.cancel()
    await asyncio.wait([trial], timeout=10)
    recover(upstream)
    counts()
    await models.complete(BODY)
    assert counts() == (0, 1)
    clock.time += 10
    await models.complete(BODY)
    assert counts() == (1, 0)


@pytest.mark.parametrize("cause", [DROP, error(code="server_error")])
@pytest.mark.parametrize("form", ["chat", "messages"])
async def test_five_streams_that_die_midway_put_the_fallback_first(upstream, routed, counts, clock, cause, form):
    models = routed()
    upstream.always(text("Hel", cause))

    def stream():
        return models.stream(BODY) if form == "chat" else models.message_stream(MESSAGE)

    for _ in range(5):
        with pytest.raises(UpstreamError):
            await collect_raw(stream())
    assert counts() == (5, 0)
    assert models.list_skipped() == {"main": ["gpt-4o"]}
    await collect_raw(stream())
    assert counts() == (0, 1)
    # The trial begins and dies again: the time doubles.
    clock.time += 10
    with pytest.raises(UpstreamError):
        await collect_raw(stream())
    clock.time += 19
    await collect_raw(stream())
    assert counts() == (1, 1)
    recover(upstream)
    clock.time += 1
    await collect_raw(stream())
    await collect_raw(stream())
    assert counts() == (2, 0)
    assert models.list_skipped() == {}


async def test_a_stream_whose_client_leaves_is_no_fault(upstream, routed, counts):
    models = routed()
    for _ in range(6):
        upstream.answer(text("Hel", HANG))
        stream = models.stream(BODY)
        await until(stream, "Hel")
        await stream.aclose()
    assert counts() == (6, 0)
    assert models.list_skipped() == {}


async def test_streams_that_take_longer_than_this_server_allows_are_no_faults(upstream, routed, counts):
    models = routed()
    models.limit_calls(0.3, private_urls=True)
    for _ in range(6):
        upstream.answer(text("Hel", HANG))
        with pytest.raises(UpstreamError, match="chat_seconds"):
            await collect_raw(models.stream(BODY))
    assert counts() == (6, 0)
    assert models.list_skipped() == {}


async def test_retries_end_once_the_model_is_tried_last(upstream, routed, counts):
    models = routed(retries=2)
    upstream.always(fault(500))
    await models.complete(BODY)
    await models.complete(BODY)
    assert counts() == (5, 2)


async def test_a_model_is_still_tried_if_its_fallback_fails(upstream, other, routed, counts):
    models = routed()
    await fail(models, upstream)
    recover(upstream)
    other.always(fault(404, code="model_not_found"))
    assert b"Hi" in await models.complete(BODY)
    upstream.always(fault(500, "Main is down."))
    await failure(models.complete(BODY))
    counts()
    assert (await failure(models.complete(BODY))).message == "Main is down."
    assert counts() == (1, 1)


async def test_another_model_of_the_provider_is_called_as_before(upstream, routed, counts):
    models = routed()
    await fail(models, upstream)
    recover(upstream)
    counts()
    await models.complete({**BODY, "model": "mini"})
    assert counts() == (1, 0)


async def test_without_fallbacks_the_model_is_always_called(upstream, routed, counts):
    models = routed(fallbacks=[])
    upstream.always(fault(500))
    for _ in range(7):
        await failure(models.complete(BODY))
    assert counts() == (7, 0)
    assert models.list_skipped() == {}
