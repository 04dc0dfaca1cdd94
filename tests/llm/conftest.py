"""Providers that point at a scripted upstream, closed with the test that made them."""

import contextlib
import random

import pytest
from reading import KEY

from understudy.llm.anthropic import AnthropicProvider
from understudy.llm.openai import AzureProvider, OpenAIProvider
from understudy.llm.router import Models
from understudy.settings import ProviderSettings
from upstream import Upstream


class StillClock:
    """Stands until a test moves it."""

    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time


class Sleeps(list):
    """Takes the place of sleeping and remembers for how long it would have been."""

    async def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def sleeps():
    return Sleeps()


@pytest.fixture
def upstream():
    with Upstream() as running:
        yield running


@pytest.fixture
def other():
    """A second upstream."""
    with Upstream() as running:
        yield running


@pytest.fixture
async def closing():
    async with contextlib.AsyncExitStack() as stack:
        yield lambda part: stack.push_async_callback(part.close) and part


@pytest.fixture
def openai(upstream, clock, closing):
    def make(**settings):
        settings = {"base_url": upstream.url, "api_key": KEY, **settings}
        return closing(OpenAIProvider("main", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def azure(upstream, clock, closing):
    def make(**settings):
        settings = {"kind": "azure", "base_url": upstream.root, "api_key": KEY, **settings}
        return closing(AzureProvider("azure", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def anthropic(upstream, clock, closing):
    def make(**settings):
        settings = {"kind": "anthropic", "base_url": upstream.root, "api_key": KEY, **settings}
        return closing(AnthropicProvider("claude", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def models(clock, closing, sleeps):
    def make(providers, rehearsal=None):
        settings = {name: ProviderSettings(**one) for name, one in providers.items()}
        return closing(Models(settings, rehearsal, clock, chance=random.Random(7), sleep=sleeps))

    return make
