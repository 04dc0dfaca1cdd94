"""The scripted upstream speaks its two dialects well enough for the official clients."""

import json

import anthropic as anthropic_package
import openai as openai_package

from upstream import call, calls, text

FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}


def test_the_openai_client_reads_it(upstream):
    upstream.answer(text("Hel", "lo"), calls(call("get_weather", city="Paris")), text("Hi"))
    with openai_package.OpenAI(base_url=upstream.url, api_key="key") as client:
        with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as stream:
            assert stream.get_final_completion().choices[0].message.content == "Hello"
        with client.chat.completions.stream(
            model="m",
            messages=[{"role": "user", "content": "x"}],
            tools=[{"type": "function", "function": FUNCTION}],
        ) as stream:
            called = stream.get_final_completion().choices[0].message.tool_calls[0]
        assert json.loads(called.function.arguments) == {"city": "Paris"}
        whole = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        assert whole.choices[0].message.content == "Hi"


def test_the_anthropic_client_reads_it(upstream):
    upstream.answer(text("Hel", "lo"), calls(call("get_weather", city="Paris"), say=("Hm.",)), text("Hi"))
    asked = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    with anthropic_package.Anthropic(base_url=upstream.root, api_key="key") as client:
        with client.messages.stream(**asked) as stream:
            assert stream.get_final_text() == "Hello"
        with client.messages.stream(**asked) as stream:
            said, called = stream.get_final_message().content
        assert (said.text, called.input) == ("Hm.", {"city": "Paris"})
        assert client.messages.create(**asked).content[0].text == "Hi"
