"""The console in Chromium: first loads, the time to a first answer, frames and memory while 10,000 messages scroll."""

import asyncio
import shutil
import statistics
import time
import warnings
from typing import Any

from openai import AsyncOpenAI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from benchmarks import report, server
from benchmarks.http import KEY
from benchmarks.report import Report
from benchmarks.stage import Service, Stage

_LOADS = 5
_MESSAGES, _IN_ONE = 10_000, 500
_ANSWERS = 10
_BYTES, _REQUESTS, _SHELL, _FRAME, _FIRST_WORD = 300_000, 30, 1.0, 50.0, 0.3
_QUIET_SECONDS = 0.5
_STEPS, _PIXELS = 240, 900
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_ANSWER = """Refunds take **14 days**, message {number}.

- first `item`
- second *item* with a [link](https://example.com)

| Month | Revenue |
|:------|--------:|
| Jan   |   1,200 |

```python
print({number})
```
"""
_RECORD_FRAMES = """() => {
  window.frames_taken = [];
  let last = performance.now();
  const tick = (now) => { window.frames_taken.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


_RECORD_FIRST_WORD = """() => {
  window.first_word = new Promise((resolve) => {
    let pressed = 0;
    document.addEventListener("keydown", (event) => { if (event.key === "Enter") pressed = performance.now(); }, true);
    const observer = new MutationObserver(() => {
      if (!document.querySelector("[role=log] article.is-assistant .markdown")?.textContent) return;
      observer.disconnect();
      requestAnimationFrame(() => resolve(performance.now() - pressed));
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}"""


async def measure(stage: Stage) -> Report:
    service = server.start(stage, stage.upstream())
    warnings.simplefilter("ignore", DeprecationWarning)
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0) as client:
        assistant, thread = await _fill_thread(client)
    done = Report("console", ["case", "value"], conditions=f"Chromium on the load's cores; {_LOADS} first loads.")
    async with async_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        for name, path, title in (
            ("start", "", "#page-title"),
            ("thread", f"threads/{thread}", "[role=log] [data-id]"),
            ("playground", f"playground?assistant={assistant}", "#composer"),
        ):
            await _measure_loads(done, browser, service, name, path, title)
        await _measure_answers(done, browser, service, assistant)
        await _measure_frames(done, browser, service, thread)
        await browser.close()
    return done


async def _fill_thread(client: AsyncOpenAI) -> tuple[str, str]:
    """An assistant, and a thread of 10,000 messages, which runs add: as many as a request may have."""
    messages: list[Any] = [
        {"role": "assistant", "content": _ANSWER.format(number=number)} for number in range(_IN_ONE - 1)
    ]
    assistant = await client.beta.assistants.create(model="scripted", name="Benchmark", instructions="Be short.")
    thread = await client.beta.threads.create(messages=messages)
    for _ in range(_MESSAGES // _IN_ONE - 1):
        await client.beta.threads.runs.create_and_poll(
            thread_id=thread.id,
            assistant_id=assistant.id,
            additional_messages=messages,
            truncation_strategy={"type": "last_messages", "last_messages": 1},
            poll_interval_ms=20,
        )
    return assistant.id, thread.id


async def _open(browser: Browser) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(
        f"if (location.protocol === 'http:') sessionStorage.setItem('understudy.key', '{KEY}');"
    )
    return context


async def _measure_loads(done: Report, browser: Browser, service: Service, name: str, path: str, ready: str) -> None:
    shells, seconds, sizes = [], [], []
    for _ in range(_LOADS):
        context = await _open(browser)
        page = await context.new_page()
        transferred = await _count_transfers(context, page)
        started = time.perf_counter()
        await page.goto(f"{service.url}/console/{path}")
        await page.locator(".nav").wait_for()
        shells.append(time.perf_counter() - started)
        await page.locator(ready).last.wait_for()
        seconds.append(time.perf_counter() - started)
        await _wait_until_quiet(transferred)
        sizes.append((sum(transferred), len(transferred)))
        await context.close()
    size, requests = sizes[-1]
    median = statistics.median(seconds)
    done.add(f"{name}: bytes transferred", size, goals=[report.at_most(_BYTES, size, " bytes")])
    done.add(f"{name}: requests", requests, goals=[report.at_most(_REQUESTS, requests, "")])
    done.add(f"{name}: seconds until the navigation shows", f"{statistics.median(shells):.2f}")
    done.add(f"{name}: seconds until it shows", f"{median:.2f}", goals=[report.at_most(_SHELL, median, " s")])
    done.raw[name] = {"seconds": seconds, "sizes": sizes}


async def _count_transfers(context: BrowserContext, page: Page) -> list[int]:
    """Grows by the bytes of each response, headers included."""
    transferred: list[int] = []
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: transferred.append(int(event["encodedDataLength"])))
    return transferred


async def _wait_until_quiet(transferred: list[int]) -> None:
    """Until no response has ended for half a second; a page that follows events always has an open one."""
    count = -1
    while count != len(transferred):
        count = len(transferred)
        await asyncio.sleep(_QUIET_SECONDS)


async def _measure_answers(done: Report, browser: Browser, service: Service, assistant: str) -> None:
    """From the key that sends a message to the frame with the first word of its answer, in new threads."""
    context = await _open(browser)
    page = await context.new_page()
    seconds = []
    for _ in range(_ANSWERS):
        await page.goto(f"{service.url}/console/playground?assistant={assistant}")
        await page.get_by_role("textbox", name="Name").wait_for()
        field = page.get_by_role("textbox", name="Message")
        await field.fill("How long do refunds take?")
        await page.evaluate(_RECORD_FIRST_WORD)
        await field.press("Control+Enter")
        seconds.append(await page.evaluate("() => window.first_word") / 1000)
    median = statistics.median(seconds)
    goals = [report.at_most(_FIRST_WORD, median, " s")]
    done.add("first word of an answer, seconds after sending", f"{median:.3f}", goals=goals)
    done.raw["answers"] = seconds
    await context.close()


async def _read_heap(context: BrowserContext, page: Page) -> float:
    """Megabytes of JavaScript objects that are in use."""
    session = await context.new_cdp_session(page)
    await session.send("HeapProfiler.enable")
    await session.send("HeapProfiler.collectGarbage")
    return float((await session.send("Runtime.getHeapUsage"))["usedSize"]) / 1e6


async def _measure_frames(done: Report, browser: Browser, service: Service, thread: str) -> None:
    context = await _open(browser)
    page = await context.new_page()
    await page.goto(f"{service.url}/console/threads/{thread}")
    log = page.locator("[role=log]")
    await log.locator("[data-id]").last.wait_for()
    await asyncio.sleep(2 * _QUIET_SECONDS)
    before = await _read_heap(context, page)
    await log.hover()
    await page.evaluate(_RECORD_FRAMES)
    for _ in range(_STEPS):
        await page.mouse.wheel(0, -_PIXELS)
    frames: list[float] = await page.evaluate("() => window.frames_taken")
    slow = sum(frame > _FRAME for frame in frames)
    rows = await log.locator("[data-id]").count()
    done.add(f"{_MESSAGES:,} messages: longest frame, ms", f"{max(frames):.0f}")
    done.add(f"{_MESSAGES:,} messages: frames over 50 ms", slow, goals=[report.at_most(0, slow, "")])
    done.add(f"{_MESSAGES:,} messages: rows in the page", rows)
    done.add(f"{_MESSAGES:,} messages: heap before scrolling, MB", f"{before:.1f}")
    done.add(f"{_MESSAGES:,} messages: heap after scrolling, MB", f"{await _read_heap(context, page):.1f}")
    done.raw["frames"] = frames
    await context.close()
