"""Providers that point at a scripted upstream, closed with the test that made them."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from clocks import StillClock
from llm.reading import KEY
from understudy.llm.anthropic import AnthropicProvider
from understudy.llm.openai import AzureProvider, OpenAIProvider
from understudy.llm.rehearsal import Rehearsal
from understudy.llm.router import Models
from understudy.settings import ProviderSettings
from upstream import Upstream

Closing = Callable[[Any], Any]
"""Closes a part with the test, and returns it."""


class Sleeps(list[float]):
    """Takes the place of sleeping and remembers for how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Upstream]:
    """A second upstream."""
    with Upstream() as running:
        yield running


@pytest.fixture
async def closing() -> AsyncIterator[Closing]:
    async with contextlib.AsyncExitStack() as stack:

        def close_later(part: Any) -> Any:
            stack.push_async_callback(part.close)
            return part

        yield close_later


@pytest.fixture
def openai(upstream: Upstream, clock: StillClock, closing: Closing) -> Callable[..., OpenAIProvider]:
    def make(**settings: Any) -> Any:
        settings = {"base_url": upstream.url, "api_key": KEY, **settings}
        return closing(OpenAIProvider("main", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def azure(upstream: Upstream, clock: StillClock, closing: Closing) -> Callable[..., AzureProvider]:
    def make(**settings: Any) -> Any:
        settings = {"kind": "azure", "base_url": upstream.root, "api_key": KEY, **settings}
        return closing(AzureProvider("azure", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def anthropic(upstream: Upstream, clock: StillClock, closing: Closing) -> Callable[..., AnthropicProvider]:
    def make(**settings: Any) -> Any:
        settings = {"kind": "anthropic", "base_url": upstream.root, "api_key": KEY, **settings}
        return closing(AnthropicProvider("claude", ProviderSettings(**settings), clock))

    return make


@pytest.fixture
def models(clock: StillClock, closing: Closing, sleeps: Sleeps) -> Callable[..., Models]:
    def make(providers: dict[str, dict[str, Any]], rehearsal: Rehearsal | None = None) -> Any:
        settings = {name: ProviderSettings(**one) for name, one in providers.items()}
        return closing(Models(settings, rehearsal, clock, chance=random.Random(7), sleep=sleeps, monotonic=clock.now))

    return make
