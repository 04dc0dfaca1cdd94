"""Chunks of text that are relayed together, however their stream is cut."""

import json
import random

import pytest

from net.raw_server import RawServer
from understudy.llm.chunk_batch import ChunkBatch
from understudy.llm.chunk_template import ChunkTemplate
from understudy.llm.chunks import parse_valid_chunk
from understudy.llm.openai import OpenAIProvider
from understudy.settings import ProviderSettings

BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FINISH = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
TEXTS = ["a", " word", "ü€😀", '"quoted"', "back\\slash", "line\nend", "tab\t", "data: x", "}", "\u2028", " " * 50]


def encode(text, **more):
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], **more}
    return json.dumps(body, ensure_ascii=False).encode()


def frame(chunks):
    return b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks)


def learned(chunk):
    template = ChunkTemplate()
    template.learn(chunk, parse_valid_chunk(chunk))
    return template


async def test_any_cut_of_a_stream_yields_the_same_chunks(closing, clock):
    chance = random.Random(3)
    odd = [FINISH, encode("", usage={"prompt_tokens": 1}), encode("x", system_fingerprint="f"), encode("é\\u")]
    streams = [
        [encode(""), *(chance.choice([encode(chance.choice(TEXTS)), *odd[: chance.randrange(5)]]) for _ in range(30))]
        for _ in range(40)
    ]
    async with RawServer(*(_cut(frame([*chunks, FINISH, USAGE, b"[DONE]"]), chance) for chunks in streams)) as server:
        provider = closing(OpenAIProvider("main", ProviderSettings(base_url=server.url), clock))
        for chunks in streams:
            relayed = [chunk async for batch in provider.stream(BODY) for chunk in batch]
            assert relayed == [*chunks, FINISH, USAGE]


def _cut(stream, chance):
    """The pieces that a reply is sent in: chunks of the body, joined and divided anywhere."""
    body, position = b"", 0
    while position < len(stream):
        size = chance.choice([1, 50, 190, 1000, 5000])
        part = stream[position : position + size]
        body += b"%x\r\n%b\r\n" % (len(part), part)
        position += size
    reply = HEAD + body + b"0\r\n\r\n"
    cuts = sorted(chance.sample(range(1, len(reply)), chance.randrange(6)))
    return [reply[start:end] for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True)]


def test_a_run_ends_before_the_first_other_event():
    template = learned(encode("a"))
    texts = [encode(text) for text in TEXTS]
    run = frame(texts)
    for rest in (
        b"",
        frame([FINISH]),
        frame([FINISH, USAGE]),
        b"data: [DONE]\n\n",
        frame(texts)[:-1][-20:],
        b": ping\n\n",
    ):
        assert template.match_events(run + rest) == (len(texts), len(run))
    assert template.match_events(run[:-1]) == (len(texts) - 1, len(frame(texts[:-1])))


@pytest.mark.parametrize("text", [rb"\u0000", rb"\ud800", b"\xff", b"\n", b"\x01", rb"\q", b'"', b"\\"])
def test_no_run_has_an_invalid_text(text):
    invalid = encode("a").replace(b'"a"', b'"' + text + b'"')
    template = learned(encode("a"))
    assert template.match_events(frame([encode("b"), invalid, encode("c")]))[0] in (0, 1)
    assert not template.matches(invalid)


def test_chunks_with_usage_are_no_run():
    chunk = encode("a", usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
    assert learned(chunk).match_events(frame([chunk, chunk])) == (0, 0)


def test_the_texts_of_a_run_are_those_of_its_chunks():
    batch = ChunkBatch()
    batch.set_run(frame([encode(text) for text in TEXTS]), len(TEXTS), learned(encode("a")).framing)
    assert batch.run_texts == TEXTS
    escaped = [encode("a").replace(b'"a"', text) for text in (rb'"\/"', rb'"\b\f\n\r\t\\\""', b'""')]
    batch.set_run(frame(escaped), 3, learned(encode("a")).framing)
    assert batch.run_texts == ["/", '\b\f\n\r\t\\"', ""]


@pytest.mark.parametrize(
    "chunk",
    [
        b'{"choices":[{"delta":{"content": "a","reasoning":"r"}}]}',
        b'{"choices":[{"delta":{"content": "a","phase":"commentary"}}]}',
        b'{"choices":[{"delta":{"content": "a","refusal":"r"}}]}',
        b'{"choices":[{"delta":{"content": "a"}},{"index":1,"delta":{"content":"b"}}]}',
        b'{"choices":[{"delta":{"content": "a","content":"b"}}]}',
        b'{"x":{"content": "a"},"choices":[{"delta":{"content":"b"}}]}',
    ],
)
def test_chunks_with_more_than_their_text_are_looked_at(chunk):
    batch, template = ChunkBatch(), learned(chunk)
    run = frame([chunk, chunk])
    assert template.match_events(run) == (2, len(run))
    batch.set_run(run, 2, template.framing)
    assert batch.run_texts is None
    assert batch.run_chunks == [chunk, chunk]


def test_a_run_has_its_texts_whatever_its_stream_has_later():
    template, batch = learned(encode("a")), ChunkBatch()
    batch.set_run(frame([encode("b")]), 1, template.framing)
    other = encode("c", system_fingerprint="f")
    template.learn(other, parse_valid_chunk(other))
    assert batch.run_texts == ["b"]


def test_a_batch_has_its_chunks_in_order():
    batch = ChunkBatch()
    batch.last.append(b"1")
    batch.set_run(frame([b"2", b"3"]), 2)
    batch.last.append(b"4")
    assert list(batch) == [b"1", b"2", b"3", b"4"]
    assert (len(batch), batch[0], batch[-2:]) == (4, b"1", [b"3", b"4"])
