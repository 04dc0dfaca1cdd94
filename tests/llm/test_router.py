"""Retries and fallbacks."""

import asyncio

import pytest

from llm.reading import BODY, collect, failure, finish, said
from understudy import telemetry
from upstream import DROP, HANG, call, calls, deltas, error, fault, raw, reply, stalled, text


@pytest.fixture
def routed(upstream, other, models):
    """Models of a provider with a fallback."""

    def make(**settings):
        main = {"base_url": upstream.url, "models": ["gpt-4o"], "fallbacks": ["spare"], **settings}
        return models({"main": main, "spare": {"base_url": other.url, "models": ["gpt-4o"]}})

    return make


@pytest.fixture
def alone(upstream, models):
    def make(**settings):
        return models({"main": {"base_url": upstream.url, "models": ["gpt-4o"], **settings}})

    return make


RETRYABLE = [
    fault(429),
    fault(500),
    fault(503),
    fault(408),
    fault(529),
    stalled(DROP),
    text(error(type="server_error")),
    text(DROP),
    text(finish=None, usage=None, done=False),
]
HOPELESS = [
    fault(401),
    fault(402),
    fault(403),
    fault(429, code="insufficient_quota"),
    fault(404, code="model_not_found"),
    reply(b"<html>", content_type="text/html"),
]


class TestARetry:
    @pytest.mark.parametrize("answer", RETRYABLE)
    async def test_follows_a_fault_that_may_pass(self, upstream, alone, sleeps, answer):
        upstream.answer(answer, answer)
        assert said(await collect(alone().stream(BODY))) == "You said: Hello"
        assert len(upstream.requests) == 3
        assert len(sleeps) == 2

    async def test_follows_for_whole_answers_too(self, upstream, alone):
        upstream.answer(fault(500), stalled(DROP))
        assert b"You said: Hello" in await alone().complete(BODY)

    async def test_follows_silence_before_the_first_byte(self, upstream, alone):
        upstream.answer(stalled(HANG))
        assert said(await collect(alone(first_byte_timeout=0.2).stream(BODY))) == "You said: Hello"

    async def test_follows_silence_after_the_role(self, upstream, alone):
        upstream.answer(text(HANG))
        assert said(await collect(alone(idle_timeout=0.2).stream(BODY))) == "You said: Hello"

    @pytest.mark.parametrize("answer", [*HOPELESS, fault(400)])
    async def test_follows_nothing_that_will_not_pass(self, upstream, alone, answer):
        upstream.answer(answer)
        await failure(alone().complete(BODY))
        assert len(upstream.requests) == 1

    @pytest.mark.parametrize("retries", [0, 1, 3])
    async def test_happens_as_often_as_the_retries_setting(self, upstream, alone, retries):
        upstream.always(fault(500, "Down."))
        attempts = []
        unsubscribe = telemetry.subscribe(telemetry.ModelCalled, attempts.append)
        caught = await failure(alone(retries=retries).stream(BODY))
        unsubscribe()
        assert [attempt.retry for attempt in attempts] == [False] + [True] * retries
        assert (caught.kind, caught.message) == ("server_error", "Down.")
        assert len(upstream.requests) == retries + 1

    async def test_comes_later_and_later(self, upstream, alone, sleeps):
        upstream.always(fault(500))
        await failure(alone(retries=8).complete(BODY))
        waits = sleeps[:8]
        for number, seconds in enumerate(waits):
            whole = min(0.5 * 2**number, 8.0)
            assert whole / 2 <= seconds <= whole
        assert len(set(waits)) == 8

    async def test_waits_for_the_retry_after_of_the_provider(self, upstream, alone, sleeps):
        upstream.answer(fault(429, headers={"retry-after": "12"}))
        await alone().complete(BODY)
        assert sleeps == [12.0]

    async def test_is_skipped_if_retry_after_is_too_long(self, upstream, alone):
        upstream.answer(fault(429, headers={"retry-after": "3600"}))
        assert (await failure(alone().complete(BODY))).retry_after == 3600.0
        assert len(upstream.requests) == 1


class TestAFallback:
    @pytest.mark.parametrize("answer", HOPELESS)
    async def test_takes_over_at_once_where_waiting_would_not_help(self, upstream, other, routed, answer):
        upstream.answer(answer)
        assert said(await collect(routed().stream(BODY))) == "You said: Hello"
        assert (len(upstream.requests), len(other.requests)) == (1, 1)

    async def test_takes_over_once_the_retries_are_used_up(self, upstream, other, routed):
        upstream.always(fault(500))
        assert b"You said: Hello" in await routed(retries=1).complete(BODY)
        assert (len(upstream.requests), len(other.requests)) == (2, 1)

    async def test_takes_over_if_retry_after_is_too_long(self, upstream, other, routed):
        upstream.answer(fault(429, headers={"retry-after": "3600"}))
        await routed().complete(BODY)
        assert len(other.requests) == 1

    async def test_does_not_take_over_an_invalid_request(self, upstream, other, routed):
        upstream.answer(fault(400, "Bad 'top_p'."), fault(422))
        models = routed()
        assert (await failure(models.stream(BODY))).message == "Bad 'top_p'."
        assert (await failure(models.complete(BODY))).kind == "invalid_request"
        assert other.requests == []

    async def test_that_fails_too_leaves_the_first_providers_error(self, upstream, other, routed):
        upstream.always(fault(500, "Main is down."))
        other.always(fault(401, "Spare has no key."))
        assert (await failure(routed(retries=0).stream(BODY))).message == "Main is down."

    async def test_that_refuses_the_request_returns_its_own_error(self, upstream, other, routed):
        upstream.always(fault(500))
        other.always(fault(400, "Bad 'top_p'."))
        assert (await failure(routed(retries=0).complete(BODY))).message == "Bad 'top_p'."


class TestAStreamThatHasBegun:
    @pytest.mark.parametrize(
        "begun",
        [
            text("Hi", DROP),
            text("Hi", error(type="server_error")),
            text("Hi", finish=None, done=False),
            deltas({"refusal": "No"}, finish=None, done=False),
            deltas({"reasoning_content": "Hm"}, finish=None, done=False),
            calls(call("f"), finish=None).but(done=False),
        ],
    )
    async def test_is_never_restarted(self, upstream, other, routed, sleeps, begun):
        upstream.answer(begun)
        assert (await failure(routed().stream(BODY))).kind in ("unreachable", "server_error")
        assert (len(upstream.requests), len(other.requests)) == (1, 0)
        assert sleeps == []

    async def test_contains_nothing_of_failed_attempts(self, upstream, routed):
        upstream.answer(text(DROP), text(raw(b": ping\n\n"), DROP), text("Hi"))
        chunks = await collect(routed().stream(BODY))
        roles = [chunk for chunk in chunks if chunk["choices"] and chunk["choices"][0]["delta"].get("role")]
        assert (said(chunks), finish(chunks), len(roles)) == ("Hi", "stop", 1)

    async def test_holds_back_only_so_many_empty_chunks(self, upstream, alone):
        upstream.answer(deltas(*({"content": ""} for _ in range(20)), finish=None, done=False))
        stream = alone().stream(BODY)
        await anext(stream)
        assert (await failure(stream)).kind == "unreachable"
        assert len(upstream.requests) == 1

    async def test_may_be_without_content(self, upstream, alone):
        upstream.answer(text())
        assert finish(await collect(alone().stream(BODY))) == "stop"

    async def test_of_chunks_of_another_shape_is_malformed(self, upstream, alone):
        upstream.answer(text(raw(b'data: {"choices": [{"delta": "text"}]}\n\n')))
        assert (await failure(alone().stream(BODY))).kind == "malformed"

    async def test_closes_its_connection_at_once_when_it_is_closed(self, upstream, alone):
        upstream.answer(text("Hi", HANG))
        stream = alone().stream(BODY)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(upstream.requests[0].gone.wait, 10)

    @pytest.mark.parametrize("answer", [text("Hi", HANG), text(HANG), stalled(HANG)])
    async def test_closes_its_connection_at_once_when_its_reader_is_cancelled(self, upstream, alone, answer):
        upstream.answer(answer)
        reading = asyncio.create_task(collect(alone().stream(BODY)))
        request = await asyncio.to_thread(upstream.wait_for, 1)
        reading.cancel()
        await asyncio.wait([reading], timeout=10)
        assert await asyncio.to_thread(request.gone.wait, 10)


async def test_many_streams_run_at_once(upstream, alone):
    upstream.always(text("Hel", "lo"))
    models = alone()
    streams = await asyncio.gather(*(collect(models.stream(BODY)) for _ in range(150)))
    assert {said(chunks) for chunks in streams} == {"Hello"}


async def test_a_run_continues_with_the_providers_that_it_began_with(models, upstream):
    current = models({"old": {"base_url": upstream.url, "models": ["a"]}})
    pinned = current.pin()
    current.adopt(models({"new": {"base_url": upstream.url, "models": ["b"]}}), seconds=60)
    assert [await current.find("a"), await pinned.find("b")] == [None, None]
    assert (await pinned.find("a")).targets[0].provider.name == "old"
    assert (await current.find("b")).targets[0].provider.name == "new"
