"""Prices: exact to the credit, of the settings first, and the same as the package that knows the public ones."""

import asyncio
import json
import math
from decimal import Decimal

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.clock import SystemClock
from understudy.llm.prices import CREDITS_PER_USD, FREE, Price, Prices, Rates, Tokens
from understudy.llm.usage import parse_usage
from understudy.settings import ModelSettings

_counts = st.integers(0, 2_000_000)


@pytest.fixture(scope="module")
def public():
    prices = Prices({}, SystemClock())
    asyncio.run(prices.load())
    return prices


def priced(public, model):
    return public.loaded_price((model,), None)


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-4.1-mini", "o3", "claude-sonnet-4-5", "gemini-2.5-pro", "gpt-4o-mini"]
)
@given(prompt=_counts, said=_counts, cached=st.floats(0, 1))
def test_a_public_price_equals_the_price_of_the_package(public, model, prompt, said, cached):
    tokens = Tokens(prompt, said, int(prompt * cached))
    usage = genai_prices.Usage(input_tokens=prompt, output_tokens=said, cache_read_tokens=tokens.cached)
    expected = genai_prices.calc_price(usage, model).total_price * CREDITS_PER_USD
    assert priced(public, model).cost(tokens) == math.ceil(expected)


@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-mini", "gpt-4o-realtime-preview", "gpt-audio"])
@given(
    text=_counts, cached_text=st.floats(0, 1), audio=_counts, cached_audio=st.floats(0, 1), said=_counts, spoken=_counts
)
def test_audio_costs_what_the_package_says(public, model, text, cached_text, audio, cached_audio, said, spoken):
    # The package has no price for cached audio of some models, where it counts the tokens as those of text.
    cached_audio = 0 if model == "gpt-audio" else int(audio * cached_audio)
    cached = 0 if model == "gpt-audio" else int(text * cached_text) + cached_audio
    tokens = Tokens(text + audio, said + spoken, cached, 0, audio, spoken, cached_audio)
    usage = genai_prices.Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=cached,
        input_audio_tokens=audio,
        cache_audio_read_tokens=cached_audio,
        output_audio_tokens=spoken,
    )
    expected = genai_prices.calc_price(usage, model).total_price * CREDITS_PER_USD
    assert priced(public, model).cost(tokens) == math.ceil(expected)


def test_a_price_of_audio_in_the_settings_is_for_audio_alone():
    settings = ModelSettings(input_price=1.0, output_price=2.0, audio_input_price=10.0, audio_output_price=20.0)
    price = Prices({"m": settings}, SystemClock()).own(("m",))
    assert price.cost(Tokens(100, 50)) == 2 * (100 + 50 * 2)
    assert price.cost(Tokens(100, 50, 40, 0, 60, 10, 20)) == 2 * (40 + 60 * 10 + 40 * 2 + 10 * 20)


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {"audio_tokens": 60},
            "completion_tokens_details": {"audio_tokens": 10},
        },
        {
            "input_tokens": 100,
            "output_tokens": 50,
            "input_token_details": {"audio_tokens": 60, "cached_tokens": None},
            "output_token_details": {"audio_tokens": 10},
        },
    ],
)
def test_tokens_of_audio_are_read_in_all_forms(usage):
    assert parse_usage(json.dumps({"usage": usage}).encode()) == Tokens(100, 50, 0, 0, 60, 10)


@given(prompt=_counts, said=_counts, requests=st.integers(1, 5))
def test_a_cost_is_rounded_up_and_never_less_for_more(prompt, said, requests):
    price = Price(Rates(300_000_000, 75_000_000, 300_000_000, 1_200_000_000), request=1)
    cost = price.cost(Tokens(prompt, said), requests=requests)
    exact = Decimal("0.3") * prompt + Decimal("1.2") * said
    assert exact < cost <= exact + 1
    assert price.cost(Tokens(prompt, said), requests=requests, discount=0.5) <= cost
    assert price.cost(Tokens(prompt, said), discount=1.0) == 0
    assert price.cost(Tokens(prompt + 1, said + 1), requests=requests) >= cost


@pytest.mark.parametrize(
    ("model", "same"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"),
    ],
)
def test_a_model_is_known_by_its_other_names(public, model, same):
    assert priced(public, model) == priced(public, same)


@pytest.mark.parametrize("model", ["llama-3.3-70b", "org/with/slashes", "gpt-x", "", "/", "a" * 5000, "Ünïcödé"])
def test_a_model_without_a_public_price_has_no_price(public, model):
    assert priced(public, model) is None


async def test_the_settings_come_first_by_every_name():
    own = {"mine": ModelSettings(input_price=2.0, output_price=4.0), "named": ModelSettings(name="Named")}
    prices = Prices(own, SystemClock())
    price = await prices.price(("alias", "mine"), None)
    assert price.cost(Tokens(1000, 100)) == 4000 + 800
    assert (await prices.price(("mine", "gpt-4o"), None)) == price
    assert await prices.price(("named",), None) is None
    assert (await prices.price(("named", "gpt-4o"), None)).cost(Tokens(1000)) == 5000
    assert await prices.price(("rehearsal",), None) == FREE


async def test_public_prices_can_be_left_aside():
    prices = Prices({"mine": ModelSettings(request_price=0.25)}, SystemClock(), public=False)
    assert await prices.price(("gpt-4o",), None) is None
    assert (await prices.price(("mine",), None)).cost(Tokens(), requests=2) == 1_000_000


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (b'{"usage":{"prompt_tokens":10,"completion_tokens":2}}', Tokens(10, 2)),
        (b'{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":4}}}', Tokens(10, 0, 4)),
        (b'{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":40}}}', Tokens(10, 0, 10)),
        (
            b'{"usage":{"input_tokens":10,"output_tokens":2,"input_tokens_details":{"cached_tokens":4}}}',
            Tokens(10, 2, 4),
        ),
        (
            b'{"usage":{"input_tokens":10,"output_tokens":2,"cache_read_input_tokens":4,"cache_creation_input_tokens":3}}',
            Tokens(17, 2, 4, 3),
        ),
        (
            b'{"usage":{"prompt_tokens":-5,"completion_tokens":2}}',
            None,
        ),  # such answers are repaired before they are counted
        (b'{"usage":null}', None),
        (b'{"usage":{}}', None),
        (b'{"usage":{"prompt_tokens":"many"}}', None),
        (b"not json", None),
        (b"", None),
    ],
)
def test_token_usage_is_parsed_in_every_dialect(answer, tokens):
    assert parse_usage(answer) == tokens
