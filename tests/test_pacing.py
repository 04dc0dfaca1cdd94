"""Long work for one request lets others run: in slices, or in a thread."""

import asyncio
import threading
import time

import pytest

from understudy.pacing import Pace, call_in_thread_if_large, is_large
from understudy.wire.input_items import InputMessage, InputText


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"a": [1, "b", None]}, False),
        ([1] * 1900, False),
        ([1] * 2001, True),
        ({str(number): number for number in range(2001)}, True),
        ([[["a"] * 50] * 50], True),
        ([{"a": "b"}] * 900, False),
        (["a"] * 2001, True),
        ("a" * 3_000_000, True),
        ([InputMessage(role="user", content=[InputText("b")])] * 200, False),
        ([InputMessage(role="user", content=[InputText("b")] * 20)] * 100, True),
        ("data:image/png;base64," + "a" * 3_000_000, False),
    ],
)
def test_values_are_large_by_their_number_and_text(values, expected):
    assert is_large(values) is expected


async def test_work_on_large_values_runs_in_a_thread():
    assert await call_in_thread_if_large([1], threading.current_thread) is threading.main_thread()
    assert await call_in_thread_if_large([1] * 5000, threading.current_thread) is not threading.main_thread()


async def test_a_loop_with_a_pace_lets_others_run():
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    pace, end = Pace(), time.monotonic() + 0.1
    while time.monotonic() < end:
        await pace.step()
    other.cancel()
    assert 1 <= turns <= 30
