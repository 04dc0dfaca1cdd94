"""The console in a real browser. What a page must never do, such as a violation of its policy, fails the test.

A test opens pages with `console.open("threads")` and looks at them through Playwright's locators. Wait with locators and
`expect`: an expression string in `wait_for_function` is eval, which the policy blocks.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from clients.environments import environment
from serving import KEY, Server

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}
TIMEOUT_MILLISECONDS = 20_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"]
_COLLECT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
# The browser reports every error status as an error; tests of errors expect those of the API.
_STATUS_MESSAGE = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@contextlib.contextmanager
def launch_browser() -> Iterator[Browser]:
    """The browser of this machine. Skips the tests where none is installed; in CI that is an error."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("no browser is installed; scripts/setup-system installs it")
        pytest.skip("no browser is installed: neither 'chromium' nor 'google-chrome' is found")
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@dataclass
class Guard:
    """What pages have done that none may do. `allowed` are patterns of what a test expects."""

    origin: str
    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.add_init_script(_COLLECT_VIOLATIONS)
        context.on("console", self._on_message)
        context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def check(self, context: BrowserContext) -> None:
        for page in context.pages:
            if not page.is_closed() and page.url.startswith(self.origin):
                self.problems += [f"policy: {one}" for one in page.evaluate("() => window.violations ?? []")]
        left = [one for one in self.problems if not any(re.search(pattern, one) for pattern in self.allowed)]
        assert left == []

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _STATUS_MESSAGE.match(message.text):
            self.problems.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.problems.append(f"foreign request: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"status {response.status}: {response.url}")


@dataclass
class Console:
    """A browser context that is signed in, and its page."""

    server: Server
    context: BrowserContext
    page: Page
    guard: Guard

    @property
    def origin(self) -> str:
        return self.server.url.removesuffix("/v1")

    def open(self, path: str = "") -> Page:
        """Loads a page of the console, and waits until it is there with its first data."""
        self.page.goto(f"{self.origin}/console/{path}")
        wait_until_ready(self.page)
        return self.page

    def call_module(self, path: str, script: str, argument: Any) -> Any:
        """What `script`, a function of the module at `path` and the argument, returns.

        The page loads the module by itself, with a session of its own, beside the joined one that the console runs.
        """
        entry = self.page.locator("script[src]").get_attribute("src") or ""
        urls = [f"/console/{entry.replace('bundles/app/main.js', one)}" for one in ("state/session.js", path)]
        loader = """async ([[session, module], argument]) => {
          await (await import(session)).restoreSession();
          return (%s)(await import(module), argument);
        }"""
        return self.page.evaluate(loader % script, [urls, argument])

    def find_accessibility_problems(self, page: Page | None = None) -> list[str]:
        """What axe finds on the page, as `rule: element`."""
        page = page or self.page
        # Colours are judged when nothing fades in any more.
        page.evaluate("""() => Promise.all(document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
            .map((one) => one.finished.catch(() => null)))""")
        page.evaluate(axe_source())
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
        return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]

    def has_horizontal_scroll(self) -> bool:
        scrolls = """() => [document.documentElement, document.getElementById("main")]
            .some((one) => one && one.scrollWidth > one.clientWidth + 1)"""
        return bool(self.page.evaluate(scrolls))

    def find_clipped_texts(self) -> list[str]:
        """The labels of actions and choices, and the tables, that are cut off: nothing scrolls to the rest of them."""
        clipped = """() => [...document.querySelectorAll(".page-actions .button > span, .segments, .table-frame")]
            .filter((one) => one.scrollHeight > one.clientHeight + 1 ||
              (one.scrollWidth > one.clientWidth + 1 && !one.matches(".table-frame")))
            .map((one) => `${one.className || one.tagName}: ${one.textContent.slice(0, 60)}`)"""
        found: list[str] = self.page.evaluate(clipped)
        return found


def wait_until_ready(page: Page) -> None:
    """Waits for the page that the URL names, and for its first data: from then on its keys work."""
    page.locator("#main:not([aria-busy]):not(:has(.skeleton)) #page-title").wait_for()


@contextlib.contextmanager
def open_console(
    browser: Browser,
    server: Server,
    viewport: Any = None,
    theme: Any = "light",
    *,
    key: str | None = KEY,
    admin_key: str | None = None,
    **options: Any,
) -> Iterator[Console]:
    """A browser context of its own, signed in with `key` and `admin_key`; at its end the guard fails the test for whatever its pages did wrong."""
    viewport = viewport or WIDE
    has_touch = viewport["width"] < 640
    context = browser.new_context(
        viewport=viewport, color_scheme=theme, timezone_id="Europe/Oslo", locale="en-GB", has_touch=has_touch, **options
    )
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    guard = Guard(server.url.removesuffix("/v1"))
    guard.watch(context)
    for name, value in (("understudy.key", key), ("understudy.admin_key", admin_key)):
        if value is not None:
            context.add_init_script(
                f"if (location.protocol === 'http:') sessionStorage.setItem('{name}', {json.dumps(value)});"
            )
    try:
        yield Console(server, context, context.new_page(), guard)
        guard.check(context)
    finally:
        context.close()


def axe_source() -> str:
    return (environment("console").home / "node_modules" / "axe-core" / "axe.min.js").read_text()


def save_screenshot(console: Console, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    console.page.screenshot(path=folder / f"{name}.png", animations="disabled")
