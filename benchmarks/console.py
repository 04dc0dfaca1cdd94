"""The console in Chromium: what a first load transfers, how long it takes, and frames while 10,000 messages scroll."""

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
_BYTES, _REQUESTS, _SHELL, _FRAME = 300_000, 100, 1.0, 50.0
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


async def measure(stage: Stage) -> Report:
    service = server.start(stage, stage.upstream())
    warnings.simplefilter("ignore", DeprecationWarning)
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=KEY, max_retries=0) as client:
        thread = await _fill_thread(client)
    done = Report("console", ["case", "value"], conditions=f"Chromium on the load's cores; {_LOADS} first loads.")
    async with async_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        for name, path, title in (
            ("start", "", "#page-title"),
            ("thread", f"threads/{thread}", "[role=log] [data-id]"),
        ):
            await _measure_loads(done, browser, service, name, path, title)
        await _measure_frames(done, browser, service, thread)
        await browser.close()
    return done


async def _fill_thread(client: AsyncOpenAI) -> str:
    """A thread of 10,000 messages, filled by runs with additional messages, as many as a request may have."""
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
    return thread.id


async def _open(browser: Browser) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(
        f"if (location.protocol === 'http:') sessionStorage.setItem('understudy.key', '{KEY}');"
    )
    return context


async def _measure_loads(done: Report, browser: Browser, service: Service, name: str, path: str, ready: str) -> None:
    seconds, sizes = [], []
    for _ in range(_LOADS):
        context = await _open(browser)
        page = await context.new_page()
        transferred = await _count_transfers(context, page)
        started = time.perf_counter()
        await page.goto(f"{service.url}/console/{path}")
        await page.locator(ready).last.wait_for()
        seconds.append(time.perf_counter() - started)
        await page.wait_for_load_state("networkidle")
        sizes.append((sum(transferred), len(transferred)))
        await context.close()
    size, requests = sizes[-1]
    median = statistics.median(seconds)
    done.add(f"{name}: bytes transferred", size, goals=[report.at_most(_BYTES, size, " bytes")])
    done.add(f"{name}: requests", requests, goals=[report.at_most(_REQUESTS, requests, "")])
    done.add(f"{name}: seconds until it shows", f"{median:.2f}", goals=[report.at_most(_SHELL, median, " s")])
    done.raw[name] = {"seconds": seconds, "sizes": sizes}


async def _count_transfers(context: BrowserContext, page: Page) -> list[int]:
    """Grows by the bytes of each response, headers included."""
    transferred: list[int] = []
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: transferred.append(int(event["encodedDataLength"])))
    return transferred


async def _measure_frames(done: Report, browser: Browser, service: Service, thread: str) -> None:
    context = await _open(browser)
    page = await context.new_page()
    await page.goto(f"{service.url}/console/threads/{thread}")
    log = page.locator("[role=log]")
    await log.locator("[data-id]").last.wait_for()
    await page.wait_for_load_state("networkidle")
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
    done.raw["frames"] = frames
    await context.close()
