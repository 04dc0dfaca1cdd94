"""Bodies with hundreds of thousands of URLs, each of which is checked, and stored prompts with as many variables."""

from collections.abc import Iterator

from benchmarks.hostile_inputs import Input, chat, encoded

_URL = "http://a.example/"
_SLOW_URL = "http://a.b/"
"""Its host is parsed, since it could be an address."""


def urls() -> Iterator[Input]:
    image = {"type": "image_url", "image_url": {"url": _SLOW_URL}}
    yield Input("chat: 45,000 images", "/v1/chat/completions", encoded(chat([image] * 45_000)))
    for path, members in (
        ("/v1/chat/completions", chat("hi")),
        ("/v1/embeddings", {"input": "hi"}),
    ):
        body = {**members, "model": "rehearsal", "extra": [_SLOW_URL] * 290_000}
        yield Input(f"{path}: 290,000 URLs", path, encoded(body))
    source = {"type": "image", "source": {"type": "url", "url": _SLOW_URL}}
    body = {"model": "rehearsal", "max_tokens": 9, "messages": [{"role": "user", "content": [source] * 9_900}] * 4}
    yield Input("Anthropic: 39,600 images", "/v1/messages", encoded(body))
    yield Input("threads: 45,000 images", "/v1/threads", encoded({"messages": [_message([image] * 100)] * 450}))
    picture = {"type": "input_image", "image_url": _SLOW_URL}
    yield Input(
        "responses: 45,000 images",
        "/v1/responses",
        encoded({"model": "rehearsal", "input": [_message([picture] * 45_000)]}),
    )
    yield Input(
        "conversations: 80,000 images",
        "/v1/conversations",
        encoded({"items": [{"type": "message", **_message([picture] * 4_000)}] * 20}),
    )
    yield Input("prompts: variables", "/v1/prompts", encoded({"messages": [_message("{{a}}" * 51_000)] * 100}))
    yield Input("prompts: braces", "/v1/prompts", encoded({"messages": [_message("{{ " * 85_000)] * 100}))
    yield Input("URL: long", "/v1/threads", encoded({"messages": [_message([_image(_URL + "a" * 30_000_000)])]}))


def _message(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def _image(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}
