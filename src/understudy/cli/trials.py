"""Checks of providers and the sandbox after the start, which log warnings. The start does not wait for them."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import suppress

from understudy.clock import SystemClock
from understudy.errors import SandboxError, UnderstudyError, UpstreamError
from understudy.llm.router import PROVIDER_TYPES
from understudy.settings import ProviderSettings, SandboxSettings, Settings
from understudy.tools.sandbox.report import facts

_TIMEOUT_SECONDS = 10.0
_log = logging.getLogger("understudy.server")


async def run_startup_checks(settings: Settings) -> None:
    """Logs a warning for each configured part that does not work. Raises nothing."""
    await asyncio.gather(*(_warn_on_problem(trial) for trial in _startup_checks(settings)))


def _startup_checks(settings: Settings) -> Iterator[Awaitable[str | None]]:
    for name, provider in settings.providers.items():
        yield provider_problem(name, provider)
    sandbox = settings.sandbox
    if sandbox.python is not None or sandbox.kind == "gateway":
        yield _sandbox_problem(sandbox)


async def _warn_on_problem(trial: Awaitable[str | None]) -> None:
    with suppress(UnderstudyError):
        if (problem := await trial) is not None:
            _log.warning("%s", problem)


async def provider_problem(name: str, settings: ProviderSettings, seconds: float = _TIMEOUT_SECONDS) -> str | None:
    """Why requests to the provider will fail, and what to check; None if it works."""
    if settings.kind == "azure":  # it lists no deployments
        return None
    provider = PROVIDER_TYPES[settings.kind](name, settings, SystemClock())
    where = f"The provider {name!r} at {settings.base_url}"
    try:
        async with asyncio.timeout(seconds):
            await provider.models()
    except TimeoutError:
        return f"{where} timed out after {seconds:g} s. {_describe_provider_problem(name, 'timeout')}"
    except UpstreamError as error:
        if settings.models is not None and error.kind not in {"authentication", "timeout", "unreachable"}:
            return None  # it answers, and its list is not needed
        reason = str(error).rstrip(".")
        named = f"Provider {name!r} "
        problem = reason.removeprefix(named) if reason.startswith(named) else f"failed: {reason}"
        return f"{where} {problem}. {_describe_provider_problem(name, error.kind)}"
    finally:
        await provider.close()
    return None


def _describe_provider_problem(name: str, kind: str) -> str:
    if kind == "authentication":
        return f"Check `providers.{name}.api_key`; requests for its models will fail."
    return (
        f"Check `providers.{name}.base_url` and that it runs; requests for its models will fail until it is available."
    )


async def _sandbox_problem(settings: SandboxSettings) -> str | None:
    try:
        await facts(settings, SystemClock())
    except SandboxError as error:
        return str(error)
    return None
