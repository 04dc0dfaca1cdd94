"""URLs that a provider would fetch for a client: public ones are allowed, others refused before the call."""

import asyncio

import pytest

from llm.reading import failure
from understudy.errors import UpstreamError
from understudy.llm.remote_urls import check_relayed, check_urls, is_allowed
from upstream import text

PRIVATE = [
    "http://127.0.0.1/x.png",
    "http://localhost:8000/",
    "https://LOCALHOST./",
    "http://10.1.2.3/",
    "http://192.168.0.1/",
    "http://172.16.9.9/",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/",
    "http://metadata/",
    "http://redis:6379/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://127.1/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://127.0.0.1.nip.io/",
    "http://app.localtest.me/",
    "http://a.svc.cluster.local/",
    "http://router.lan/",
    "HTTP://Router.LAN:8080?x",
    "http://public.example:80@127.0.0.1/",
    "http://public.example\n@127.0.0.1/",
    "http://public.example@127.0.0.1/",
    "http://127.0.0.1\\@public.example/",
    "http://127\uff0e0\u30020\uff610\u30021/".replace("\uff61" + "0\u3002", "\uff610\u3002"),
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "  http://127.0.0.1/",
    "HTTP:127.0.0.1/",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "ht\ntp://127.0.0.1/",
    "http://public.example\t@127.0.0.1/",
    "http://127.0.0.1:99999/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "file:///etc/passwd",
    "ftp://public.example/x.png",
    "gopher://public.example/",
    "s3://bucket/key",
]
PUBLIC = [
    "https://images.example.com/a.png",
    "http://images.example.com:8080/a%20b.png?x=1#y",
    "https://8.8.8.8/x",
    "https://[2606:4700::1111]/x",
    "https://m\u00fcnchen.example/b\u00e4r.jpg",
    "https://localhost.example.com/",
    "data:image/png;base64,iVBORw0KGgo=",
    "iVBORw0KGgo=",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_url_into_a_private_network_is_refused(url):
    assert not is_allowed(url)


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_url_or_data_url_is_allowed(url):
    assert is_allowed(url)


INSIDE = "http://10.0.0.1/x"
CONTENTS = [
    ({"type": "image_url", "image_url": {"url": INSIDE}}, "image_url.url"),
    ({"type": "image_url", "image_url": INSIDE}, "image_url"),
    ({"type": "video_url", "video_url": {"url": INSIDE}}, "video_url.url"),
    ({"type": "file", "file": {"file_url": INSIDE}}, "file.file_url"),
    ({"type": "image", "source": {"type": "url", "url": INSIDE}}, "source.url"),
    (
        {"type": "tool_result", "content": [{"type": "document", "source": {"type": "url", "url": INSIDE}}]},
        "content[0].source.url",
    ),
]


@pytest.mark.parametrize(("part", "path"), CONTENTS)
async def test_no_dialect_sends_a_private_url_to_a_provider(upstream, models, part, path):
    main = models({"main": {"base_url": upstream.url, "models": ["m"]}})
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [part]}]}
    asked = [main.complete(body), main.stream(body), main.message(body), main.message_stream(body)]
    for one in [*asked, main.count_tokens(body)]:
        caught = await failure(one)
        assert (caught.kind, caught.param) == ("invalid_request", f"messages[0].content[0].{path}")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"plugins": [{"source": INSIDE}]}, "plugins[0].source"),
        ({"reference": "file:/etc/passwd"}, "reference"),
        ({"tools": [{"type": "mcp", "server_url": INSIDE}]}, "tools[0].server_url"),
        ({"input": ["text", {"image": INSIDE}]}, "input[1].image"),
    ],
)
async def test_a_private_url_in_any_other_member_is_refused(members, path):
    with pytest.raises(UpstreamError) as refused:
        await check_urls({"model": "m", "messages": [], **members})
    assert refused.value.param == path


async def test_names_in_schemas_and_texts_are_not_fetched():
    schema = {"$schema": "http://localhost/schema", "properties": {"url": {"default": INSIDE}}}
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": schema}},
        {"name": "g", "input_schema": schema},
    ]
    plain = {"model": "m", "messages": [], "user": INSIDE, "input": [INSIDE], "size": "auto:high"}
    await check_urls({**plain, "tools": tools})
    await check_relayed({"prompt": INSIDE, "input": [INSIDE], "size": "1024x1024", "quality": "file name: high"})


async def test_urls_in_texts_and_citations_are_not_fetched(upstream, models):
    main = models({"main": {"base_url": upstream.url, "models": ["m"]}})
    upstream.answer(text("Hi"))
    cited = {"type": "url_citation", "url_citation": {"url": INSIDE}}
    said = {"role": "assistant", "content": [{"type": "text", "text": INSIDE}], "annotations": [cited]}
    assert await main.complete({"model": "m", "messages": [said, {"role": "user", "content": INSIDE}]})


async def test_countless_urls_are_checked_while_others_run():
    many = ["http://a.b/"] * 50_000 + [INSIDE]
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    parts = [{"type": "image_url", "image_url": {"url": url}} for url in many]
    other = asyncio.create_task(count())
    for check in (
        check_relayed({"extra": many}),
        check_urls({"model": "m", "messages": [], "extra": many}),
        check_urls({"model": "m", "messages": [{"role": "user", "content": parts}]}),
    ):
        before = turns
        with pytest.raises(UpstreamError) as refused:
            await check
        assert "50000]" in str(refused.value.param)
        assert turns > before
    other.cancel()
