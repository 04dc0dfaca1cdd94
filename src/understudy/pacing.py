"""Long work for one request, in slices on the event loop or in a thread, so that other requests do not wait."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

P = ParamSpec("P")
R = TypeVar("R")

_SLICE_SECONDS: Final = 0.005
_INLINE_VALUES: Final = 2000
_CHARACTERS_PER_VALUE: Final = 1024


class Pace:
    """Paces a loop: `step`, awaited in each iteration, yields to the event loop every few milliseconds."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = perf_counter() + _SLICE_SECONDS

    async def step(self) -> None:
        if perf_counter() >= self._end:
            await asyncio.sleep(0)
            self._end = perf_counter() + _SLICE_SECONDS


async def call_in_thread_if_large(values: Any, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `work`, in a thread if the decoded JSON `values` that it processes are large (`is_large`)."""
    if is_large(values):
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


def is_large(values: Any) -> bool:
    """Whether JSON and structs have thousands of values, or megabytes of text; base64 in data URLs does not count.

    Stops counting there, so that it is fast for any value.
    """
    left = _INLINE_VALUES
    pending = [values]
    while pending:
        value = pending.pop()
        left -= 1
        if isinstance(value, str):
            left -= 0 if value.startswith("data:") else len(value) // _CHARACTERS_PER_VALUE
        elif isinstance(value, dict | list | tuple) and len(value) <= left:
            pending += value.values() if isinstance(value, dict) else value
        elif isinstance(value, dict | list | tuple):
            return True
        elif isinstance(value, Struct):
            pending += astuple(value)
        if left < 0:
            return True
    return False
