"""The provider for servers that speak chat completions, against real sockets."""

import asyncio
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.reading import BODY, KEY, collect, failure, finish, fragments, said, until, usage
from understudy.errors import SettingsError
from understudy.llm import faults
from upstream import DROP, HANG, Gate, call, calls, deltas, error, fault, pause, raw, reply, stalled, text

CHUNK = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def bare(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + json.dumps({**CHUNK, "choices": [choice]}).encode()


class TestARequest:
    async def test_is_posted_with_the_key_and_every_parameter(self, upstream, openai):
        await openai().complete({**BODY, "temperature": 0.5, "unheard_of": [1]})
        request = upstream.requests[0]
        assert request.path == "/v1/chat/completions"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.body == {**BODY, "temperature": 0.5, "unheard_of": [1]}

    async def test_has_no_authorization_header_without_an_api_key(self, upstream, openai):
        await openai(api_key=None).complete(BODY)
        assert "Authorization" not in upstream.requests[0].headers

    async def test_reuses_the_connection_of_earlier_requests(self, upstream, openai):
        provider = openai()
        await collect(provider.stream(BODY))
        await provider.complete(BODY)
        await collect(provider.stream(BODY))
        assert len({request.port for request in upstream.requests}) == 1

    async def test_ignores_proxies_in_the_environment(self, upstream, openai, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        await openai().complete(BODY)
        assert len(upstream.requests) == 1

    async def test_follows_no_redirect(self, upstream, other, openai):
        upstream.answer(reply(b"", status=307, headers={"location": f"{other.url}/chat/completions"}))
        assert (await failure(openai().complete(BODY))).kind == "malformed"
        assert other.requests == []


class TestAWholeAnswer:
    async def test_comes_back_byte_for_byte(self, upstream, openai):
        body = b'{ "choices" : [ {"message": {"content": "\\u00fc"}} ],\n "x_extra": 1 }'
        upstream.answer(reply(body))
        assert await openai().complete(BODY) == body

    async def test_is_requested_without_stream_parameters(self, upstream, openai):
        await openai().complete({**BODY, "stream": True, "stream_options": {"include_usage": True}})
        assert upstream.requests[0].body == BODY

    @pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", b'{"choices": null}', b'{"choices": [1]}'])
    async def test_that_is_not_a_completion_is_malformed(self, upstream, openai, body):
        upstream.answer(reply(body))
        assert (await failure(openai().complete(BODY))).kind == "malformed"

    async def test_that_is_an_error_with_status_200_is_that_error(self, upstream, openai):
        upstream.answer(reply({"error": {"message": "Slow down.", "code": 429}}))
        caught = await failure(openai().complete(BODY))
        assert (caught.kind, caught.message) == ("rate_limited", "Slow down.")


class TestAStream:
    async def test_requests_usage_and_relays_every_chunk(self, upstream, openai):
        upstream.answer(text("Hel", "lo", usage=(5, 2)))
        chunks = await collect(openai().stream(BODY))
        assert upstream.requests[0].body == {**BODY, "stream": True, "stream_options": {"include_usage": True}}
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        assert (said(chunks), finish(chunks), usage(chunks)["total_tokens"]) == ("Hello", "stop", 7)

    async def test_preserves_the_stream_options_of_the_caller(self, upstream, openai):
        await collect(openai().stream({**BODY, "stream_options": {"include_usage": False}}))
        assert upstream.requests[0].body["stream_options"] == {"include_usage": False}

    async def test_leaves_stream_options_out_once_the_upstream_refused_them(self, upstream, openai):
        upstream.answer(fault(400, "Unknown parameter: 'stream_options'."))
        provider = openai()
        assert said(await collect(provider.stream(BODY))) == "You said: Hello"
        assert said(await collect(provider.stream(BODY))) == "You said: Hello"
        assert ["stream_options" in request.body for request in upstream.requests] == [True, False, False]

    async def test_numbers_tool_calls_that_come_without_an_index(self, upstream, openai):
        upstream.answer(calls(call("a", x=1), call("b", call_id="call_2", y=2), interleaved=True, indexed=False))
        sent = fragments(await collect(openai().stream(BODY)))
        assert [part.get("id") for part in sent] == ["call_1", "call_2", None, None, None, None]
        assert [part["index"] for part in sent] == [0, 1, 1, 1, 1, 1]

    async def test_comes_piece_by_piece(self, upstream, openai):
        gate = Gate()
        upstream.answer(text("first", gate, "second"))
        stream = openai().stream(BODY)
        async with asyncio.timeout(10):
            await until(stream, "first")
        gate.open()
        assert said(await collect(stream)) == "second"

    async def test_with_comments_and_keep_alives_is_read(self, upstream, openai):
        noise = raw(b": keep-alive\n\ndata:\n\ndata: null\n\nevent: ping\n\n")
        upstream.answer(text(noise, "Hi", noise))
        assert said(await collect(openai().stream(BODY))) == "Hi"

    @pytest.mark.parametrize(
        ("inside", "seen"),
        [
            (rb"a\n\"b\\", 'a\n"b\\'),
            (b"\xc3\xa9", "\u00e9"),
            (b"\xff", "\ufffd"),
            (b"\\u0000", "\ufffd"),
            (b"\\ud800", "\ufffd"),
            (b"\\u00e9", "\u00e9"),
            (b"\t", "\t"),
            (b'","x":"', ""),
        ],
    )
    async def test_is_checked_anew_where_a_chunk_differs_in_its_text_alone(self, upstream, openai, inside, seen):
        plain = bare({"content": "word"})
        odd = plain.replace(b"word", inside)
        upstream.answer(reply(b"\n\n".join([plain, plain, odd, plain, bare({}, "stop"), b"data: [DONE]\n\n"])))
        assert said(await collect(openai().stream(BODY))) == f"wordword{seen}word"

    async def test_without_done_is_whole_where_the_last_of_many_texts_finishes_it(self, upstream, openai):
        plain = bare({"content": "word"})
        upstream.answer(reply(b"\n\n".join([plain] * 3 + [bare({"content": "end"}, "stop"), b""])))
        assert finish(await collect(openai().stream(BODY))) == "stop"

    async def test_with_a_null_delta_is_relayed(self, upstream, openai):
        upstream.answer(deltas(None, {"content": None}, {"content": "Hi"}))
        assert said(await collect(openai().stream(BODY))) == "Hi"

    async def test_without_usage_is_whole(self, upstream, openai):
        upstream.answer(text("Hi", usage=None))
        assert finish(await collect(openai().stream(BODY))) == "stop"

    async def test_without_done_is_whole_after_a_finish_reason(self, upstream, openai):
        upstream.answer(text("Hi", done=False))
        assert said(await collect(openai().stream(BODY))) == "Hi"

    async def test_without_a_finish_reason_is_whole_after_done(self, upstream, openai):
        upstream.answer(text("Hi", finish=None))
        assert said(await collect(openai().stream(BODY))) == "Hi"

    async def test_without_either_has_broken_off(self, upstream, openai):
        upstream.answer(text("Hi", finish=None, done=False))
        assert (await failure(openai().stream(BODY))).kind == "unreachable"

    async def test_without_its_last_blank_line_is_whole(self, upstream, openai):
        upstream.answer(reply(bare({"content": "Hi"}) + b"\n\n" + bare({}, "stop"), content_type="text/event-stream"))
        assert finish(await collect(openai().stream(BODY))) == "stop"

    async def test_cut_in_the_middle_of_an_event_has_broken_off(self, upstream, openai):
        body = bare({"content": "Hi"}) + b"\n\n" + bare({}, "stop")[:40]
        upstream.answer(reply(body, content_type="text/event-stream"))
        assert (await failure(openai().stream(BODY))).kind == "unreachable"

    async def test_of_done_alone_is_malformed(self, upstream, openai):
        upstream.answer(reply(b"data: [DONE]\n\n", content_type="text/event-stream"))
        assert (await failure(openai().stream(BODY))).kind == "malformed"

    async def test_is_parsed_with_any_content_type(self, upstream, openai):
        upstream.answer(reply(bare({"content": "Hi"}, "stop") + b"\n\n", content_type="text/plain"))
        assert said(await collect(openai().stream(BODY))) == "Hi"

    async def test_with_data_over_several_lines_is_relayed_on_one_line(self, upstream, openai):
        body = b'data: {"choices": [{"delta": {"content": "Hi"},\ndata: "finish_reason": "stop"}]}\n\n'
        upstream.answer(reply(body, content_type="text/event-stream"))
        chunks = [chunk async for together in openai().stream(BODY) for chunk in together]
        assert chunks == [b'{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}']

    async def test_that_does_not_close_after_done_ends_all_the_same(self, upstream, openai):
        upstream.answer(text("Hi", raw(b"data: [DONE]\n\n"), HANG))
        async with asyncio.timeout(5):
            assert said(await collect(openai().stream(BODY))) == "Hi"

    async def test_closed_by_its_reader_closes_the_connection_at_once(self, upstream, openai):
        upstream.answer(text("Hi", HANG))
        stream = openai().stream(BODY)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(upstream.requests[0].gone.wait, 10)

    async def test_closes_the_connection_at_once_when_its_reader_is_cancelled(self, upstream, openai):
        upstream.answer(text("Hi", HANG))
        reading = asyncio.create_task(collect(openai().stream(BODY)))
        request = await asyncio.to_thread(upstream.wait_for, 1)
        reading.cancel()
        await asyncio.wait([reading], timeout=10)
        assert reading.cancelled()
        assert await asyncio.to_thread(request.gone.wait, 10)


class TestAWholeAnswerToAStreamRequest:
    async def test_is_converted_to_chunks(self, upstream, openai):
        message = {
            "role": "assistant",
            "content": "Hi",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        upstream.answer(reply({"id": "x", "model": "m", "choices": [choice], "usage": {"total_tokens": 3}}))
        chunks = await collect(openai().stream(BODY))
        assert (said(chunks), finish(chunks), usage(chunks)) == ("Hi", "tool_calls", {"total_tokens": 3})
        assert fragments(chunks)[0]["index"] == 0
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}

    async def test_that_is_an_error_is_that_error(self, upstream, openai):
        upstream.answer(reply({"error": {"message": "No.", "type": "insufficient_quota"}}))
        assert (await failure(openai().stream(BODY))).kind == "quota"

    @pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Hi</title>", b" \n <p>", b"[1]", b'{"a": 1}'])
    async def test_that_is_a_page_or_other_json_is_malformed(self, upstream, openai, body):
        upstream.answer(reply(body, content_type="text/html"))
        assert (await failure(openai().stream(BODY))).kind == "malformed"


class TestAFaultInsideAStream:
    @pytest.mark.parametrize("named", [False, True])
    async def test_is_raised_and_not_yielded(self, upstream, openai, named):
        upstream.answer(text("Hi", error(named, message="Too many.", type="server_error")))
        stream, chunks = openai().stream(BODY), []
        caught = await failure(_keep(stream, chunks))
        assert (caught.kind, caught.message) == ("server_error", "Too many.")
        assert said(chunks) == "Hi"

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            (b'data: {"error": {"message": "x", "code": 429}}', "rate_limited"),
            (b'data: {"error": {"message": "x", "code": "rate_limit_exceeded"}}', "rate_limited"),
            (b'data: {"error": {"message": "x", "code": 502}, "choices": [{"delta": {}}]}', "server_error"),
            (b'data: {"error": {"message": "x", "type": "invalid_request_error"}}', "invalid_request"),
            (b'data: {"error": "model crashed"}', "server_error"),
            (b'data: {"object": "error", "message": "x", "code": 400}', "invalid_request"),
            (b"event: error\ndata: out of memory", "server_error"),
            (b"data: garbage", "malformed"),
            (b'data: {"choices": 7}', "malformed"),
            (b"data: [1]", "malformed"),
        ],
    )
    async def test_of_any_shape_has_its_kind(self, upstream, openai, event, kind):
        upstream.answer(text("Hi", raw(event + b"\n\n")))
        assert (await failure(openai().stream(BODY))).kind == kind

    async def test_that_cuts_the_connection_is_unreachable(self, upstream, openai):
        upstream.answer(text("Hi", DROP))
        assert (await failure(openai().stream(BODY))).kind == "unreachable"


class TestTimeouts:
    async def test_silence_before_the_headers_is_a_timeout(self, upstream, openai):
        upstream.answer(stalled())
        caught = await failure(openai(first_byte_timeout=0.05).complete(BODY))
        assert caught.kind == "timeout"
        assert "0.05 s" in caught.message
        assert await asyncio.to_thread(upstream.requests[0].gone.wait, 10)

    async def test_silence_between_the_headers_and_the_first_byte_is_a_timeout(self, upstream, openai):
        upstream.answer(text(HANG).but(opens=False))
        caught = await failure(openai(first_byte_timeout=0.05, idle_timeout=30).stream(BODY))
        assert caught.kind == "timeout"

    async def test_silence_inside_a_stream_is_a_timeout(self, upstream, openai):
        upstream.answer(text("Hi", HANG))
        caught = await failure(openai(idle_timeout=0.05).stream(BODY))
        assert caught.kind == "timeout"
        assert "0.05 s" in caught.message

    async def test_a_stream_may_last_longer_than_any_of_them(self, upstream, openai):
        pauses = [part for word in "abcdef" for part in (word, pause(0.1))]
        upstream.answer(text(*pauses))
        provider = openai(first_byte_timeout=0.4, idle_timeout=0.4)
        assert said(await collect(provider.stream(BODY))) == "abcdef"

    async def test_a_slow_reader_does_not_trigger_the_idle_timeout(self, upstream, openai):
        gate = Gate()
        upstream.answer(text("Hi", gate, "there"))
        stream = openai(idle_timeout=0.05).stream(BODY)
        chunks = await until(stream, "Hi")
        gate.open()
        assert not await asyncio.to_thread(upstream.requests[0].gone.wait, 0.2)
        assert said(chunks + await collect(stream)) == "Hithere"

    async def test_headers_that_trickle_are_a_timeout(self, openai):
        gone = asyncio.Event()

        async def trickle(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while not writer.is_closing():
                writer.write(b"X-Filler: x\r\n")
                await asyncio.sleep(0.05)
            gone.set()

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            caught = await failure(openai(base_url=f"http://127.0.0.1:{port}", first_byte_timeout=0.4).complete(BODY))
            async with asyncio.timeout(10):
                await gone.wait()
        assert caught.kind in {"timeout", "malformed"}

    async def test_an_error_body_that_never_ends_is_cut(self, upstream, openai):
        upstream.answer(reply(b"x" * (1 << 20), status=429, content_type="text/plain"))
        assert (await failure(openai().complete(BODY))).kind == "rate_limited"


class TestAConnection:
    async def test_refused_is_unreachable(self, openai):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        caught = await failure(openai(base_url=f"http://127.0.0.1:{port}/v1").complete(BODY))
        assert caught.kind == "unreachable"
        assert "'main'" in caught.message
        assert "127.0.0.1" not in caught.message

    async def test_to_an_invalid_base_url_is_malformed(self, openai):
        caught = await failure(openai(base_url="not an address").complete(BODY))
        assert caught.kind == "malformed"
        assert "base URL" in caught.message

    async def test_dropped_before_the_answer_is_unreachable(self, upstream, openai):
        upstream.answer(stalled(DROP))
        assert (await failure(openai().complete(BODY))).kind == "unreachable"

    async def test_to_something_that_is_not_http_is_malformed(self, openai):
        async def babble(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            caught = await failure(openai(base_url=f"http://127.0.0.1:{port}").complete(BODY))
        assert caught.kind == "malformed"


class TestAnErrorStatus:
    @pytest.mark.parametrize(
        ("status", "details", "kind"),
        [
            (401, {}, "authentication"),
            (403, {}, "authentication"),
            (402, {}, "quota"),
            (404, {"code": "model_not_found"}, "model_not_found"),
            (404, {"message": "model 'x' not found, try pulling it first"}, "model_not_found"),
            (404, {"code": "DeploymentNotFound"}, "model_not_found"),
            (404, {"message": "Not Found"}, "malformed"),
            (400, {}, "invalid_request"),
            (413, {}, "invalid_request"),
            (422, {}, "invalid_request"),
            (400, {"code": "model_not_found"}, "model_not_found"),
            (429, {}, "rate_limited"),
            (429, {"code": "insufficient_quota"}, "quota"),
            (429, {"type": "insufficient_quota"}, "quota"),
            (408, {}, "timeout"),
            (504, {}, "timeout"),
            (500, {}, "server_error"),
            (503, {}, "server_error"),
            (529, {}, "server_error"),
        ],
    )
    async def test_has_its_kind(self, upstream, openai, status, details, kind):
        upstream.answer(fault(status, **details))
        caught = await failure(openai().stream(BODY))
        assert (caught.kind, caught.status) == (kind, status)

    async def test_preserves_the_message_param_and_code_of_the_upstream(self, upstream, openai):
        upstream.answer(fault(400, "Invalid 'top_p'.", type="invalid_request_error", param="top_p", code="too_big"))
        caught = await failure(openai().complete(BODY))
        assert (caught.message, caught.param, caught.code) == ("Invalid 'top_p'.", "top_p", "too_big")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"error": "model is busy"}, "model is busy"),
            ({"message": "Unauthorized", "request_id": "1"}, "Unauthorized"),
            ({"detail": "Not allowed"}, "Not allowed"),
            ({"detail": [{"loc": ["body"], "msg": "required"}]}, '[{"loc":["body"],"msg":"required"}]'),
            ([{"error": {"message": "In a list", "code": 503}}], "In a list"),
            (b"upstream connect error", "upstream connect error"),
        ],
    )
    async def test_of_any_shape_preserves_its_message(self, upstream, openai, body, message):
        upstream.answer(reply(body, status=503))
        assert (await failure(openai().complete(BODY))).message == message

    @pytest.mark.parametrize("body", [b"<html><body>Bad gateway</body></html>", b"", b"{}", b"\xff\xfe<"])
    async def test_without_words_names_the_status(self, upstream, openai, body):
        upstream.answer(reply(body, status=502, content_type="text/html"))
        assert "HTTP status 502" in (await failure(openai().complete(BODY))).message

    async def test_with_a_long_message_is_cut(self, upstream, openai):
        upstream.answer(fault(400, "x" * 100_000))
        assert len((await failure(openai().complete(BODY))).message) == faults.MAX_MESSAGE_LENGTH

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "7"}, 7.0),
            ({"retry-after": "0.5"}, 0.5),
            ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
            ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
            ({"retry-after": "Tue, 14 Nov 2000 22:13:50 GMT"}, 0.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "inf"}, None),
            ({}, None),
        ],
    )
    async def test_has_the_retry_after_of_the_upstream(self, upstream, openai, headers, seconds):
        upstream.answer(fault(429, headers=headers))
        assert (await failure(openai().complete(BODY))).retry_after == seconds


class TestTheKey:
    @pytest.mark.parametrize(
        "answer",
        [
            fault(401, f"Incorrect API key provided: {KEY}.", code=KEY),
            reply(f"no such key: Bearer {KEY}".encode(), status=403),
            reply({"error": {"message": f"{'x' * (faults.MAX_MESSAGE_LENGTH - 8)}{KEY}"}}, status=400),
            reply({"error": {"message": KEY}}),
            text("Hi", error(message=f"bad key {KEY}")),
            text("Hi", raw(f"event: error\ndata: {KEY}\n\n".encode())),
        ],
    )
    async def test_never_appears_in_an_error(self, upstream, openai, answer):
        upstream.answer(answer)
        caught = await failure(openai().stream(BODY))
        shown = f"{caught} {caught.message} {caught.code} {caught.param}"
        assert KEY not in shown
        assert KEY[:8] not in shown

    @given(st.text(max_size=50), st.text(max_size=50))
    def test_is_scrubbed_wherever_it_stands(self, before, after):
        assert KEY not in faults.scrub(before + KEY + after, KEY)

    def test_that_is_a_placeholder_is_left_in_the_words_it_occurs_in(self):
        assert faults.scrub("ollama has no such model", "ollama") == "ollama has no such model"


class TestTheListOfModels:
    async def test_that_takes_too_long_names_its_own_limit(self, upstream, openai, monkeypatch):
        monkeypatch.setattr("understudy.llm.connection._GET_TIMEOUT", 0.2)
        upstream.list_with(stalled())
        error = await failure(openai().models())
        assert (error.kind, error.message) == ("timeout", "Request to provider 'main' timed out after 0.2 s.")

    async def test_is_read(self, upstream, openai):
        cards = await openai().models()
        assert [(card.id, card.created, card.owned_by) for card in cards] == [
            ("gpt-4o", 1, "upstream"),
            ("gpt-4o-mini", 1, "upstream"),
        ]

    @pytest.mark.parametrize("listing", [{"data": [{"id": "a"}]}, [{"id": "a", "created": None}, {"id": ""}, 7]])
    async def test_of_other_servers_is_read(self, upstream, openai, listing):
        upstream.list_with(reply(listing))
        assert [(card.id, card.created, card.owned_by) for card in await openai().models()] == [("a", 0, "main")]

    async def test_has_each_sound_id_once_and_a_bounded_number_of_them(self, upstream, openai):
        odd = [{"id": 5}, {"id": ["x"]}, {"id": "x" * 513}, {"id": "a\x00b"}, {"id": "two\nlines"}, None]
        twice = [{"id": "a", "created": -1}, {"id": "a", "created": 5}, {"id": "b", "created": 1e300, "owned_by": 7}]
        upstream.list_with(reply({"data": [*odd, *twice]}))
        shown = [(card.id, card.created, card.owned_by) for card in await openai().models()]
        assert shown == [("a\ufffdb", 0, "main"), ("a", 0, "main"), ("b", 253_402_300_799, "7")]
        upstream.list_with(reply({"data": [{"id": f"m{number}"} for number in range(30_000)]}))
        assert len(await openai().models()) == 20_000

    @pytest.mark.parametrize("body", [b"<html>", b"7", b'{"data": 1}'])
    async def test_that_cannot_be_parsed_is_malformed(self, upstream, openai, body):
        upstream.list_with(reply(body))
        assert (await failure(openai().models())).kind == "malformed"


class TestAzure:
    @pytest.mark.parametrize("suffix", ["", "/", "/openai"])
    async def test_puts_the_deployment_into_the_path(self, upstream, azure, suffix):
        await azure(base_url=upstream.root + suffix, api_version="2025-01-01").complete({**BODY, "model": "my gpt/4"})
        request = upstream.requests[0]
        assert request.path == "/openai/deployments/my gpt/4/chat/completions"
        assert request.query == {"api-version": "2025-01-01"}
        assert request.headers["api-key"] == KEY
        assert "Authorization" not in request.headers

    async def test_has_a_version_by_default(self, upstream, azure):
        await collect(azure().stream(BODY))
        assert upstream.requests[0].query == {"api-version": "2024-10-21"}

    async def test_of_the_newer_path_needs_no_deployment_and_no_version(self, upstream, azure):
        await azure(base_url=f"{upstream.root}/openai/v1/").complete(BODY)
        assert (upstream.requests[0].path, upstream.requests[0].query) == ("/openai/v1/chat/completions", {})

    async def test_lists_nothing_itself(self, upstream, azure):
        assert list(await azure().models()) == []
        assert upstream.listings == []

    async def test_needs_an_endpoint(self, azure):
        with pytest.raises(SettingsError, match=r"providers\.azure\.base_url"):
            azure(base_url=None)


async def _keep(stream, chunks):
    async for together in stream:
        chunks += [json.loads(chunk) for chunk in together]
