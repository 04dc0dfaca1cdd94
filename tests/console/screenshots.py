"""The program behind scripts/screenshots."""

import argparse
import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from console.browser import NARROW, WIDE, Console, launch_browser, open_console, save_screenshot
from console.seed import seed
from console.seed_administration import seed_administration, seed_users
from serving import KEY, Server, serve

_ROOT = Path(__file__).resolve().parents[2]
_ADMINISTRATION = ("projects", "users", "invites", "admin-keys", "audit-log")
_PAGES = (
    "",
    "?steps=1",
    "playground?assistant={assistant}",
    "playground/responses",
    "playground/compare",
    "threads",
    "threads/{thread}",
    "conversations",
    "runs",
    "threads/{thread}/runs/{run}",
    "runs/compare?a={run}&b={other_run}",
    "assistants",
    "assistants/{assistant}",
    "files",
    "files/{file}",
    "vector-stores",
    "vector-stores/{store}",
    "vector-stores/{store}?tab=search",
    "batches",
    "batches/{batch}",
    "responses",
    "responses/{response}",
    "completions",
    "completions/{completion}",
    "containers",
    "videos",
    "webhooks",
    "models",
    "tools",
    "imports",
    "imports/{import}",
    "exports",
    "exports/{export}",
    "deletions",
    "usage",
    "health",
    "projects",
    "projects/{project}",
    "projects/{project}?tab=keys",
    "projects/{project}?tab=service-accounts",
    "projects/{project}?tab=members",
    "projects/{project}?tab=limits",
    "projects/{project}?tab=models",
    "projects/{project}?tab=spending",
    "projects/{project}/keys/{key}",
    "projects/{project}/keys/{key}?tab=limits",
    "projects/{project}/service-accounts/{account}",
    "users",
    "users/{user}",
    "invites",
    "admin-keys",
    "audit-log",
    "settings",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots")
    parser.add_argument("--into", type=Path, default=_ROOT / "docs" / "images")
    parser.add_argument("--url", help="the base URL of a running server, such as http://127.0.0.1:8000/v1")
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--admin-key", help="of the server of --url; opens the pages of administration")
    parser.add_argument("--empty", action="store_true", help="without objects, as at the first visit")
    parser.add_argument("--only", help="part of the names to save, such as wide-dark")
    parser.add_argument(
        "paths", nargs="*", default=_PAGES, help="below /console/; {assistant}, {thread} are seeded ids"
    )
    options = parser.parse_args()
    with _open_server(options.url) as server, launch_browser() as browser:
        if not options.url:
            options.admin_key = server.create_admin_key()
        ids = {} if options.url or options.empty else _seed(server, options)
        for size, viewport in (("wide", WIDE), ("narrow", NARROW)):
            for theme in ("light", "dark"):
                if (options.only or "") in f"{size}-{theme}":
                    _save(
                        browser,
                        server,
                        f"{size}-{theme}",
                        (viewport, theme),
                        [(path, path.format(**ids)) for path in options.paths],
                        options,
                    )


def _seed(server: Server, options: argparse.Namespace) -> dict[str, str]:
    admin = openai.OpenAI(base_url=server.url, api_key=options.admin_key)
    ids = seed_administration(admin)
    ids |= seed_users(server, admin, ids["project"])
    if all(path.startswith(_ADMINISTRATION) for path in options.paths):
        return ids
    return ids | seed(openai.OpenAI(base_url=server.url, api_key=options.key))


@contextlib.contextmanager
def _open_server(url: str | None) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory), None)
        if url:
            server.url = url
            yield server
        else:
            yield from serve(server)


def _save(
    browser: Browser,
    server: Server,
    kind: str,
    look: tuple[Any, str],
    paths: list[tuple[str, str]],
    options: argparse.Namespace,
) -> None:
    with open_console(browser, server, *look, key=options.key, admin_key=options.admin_key) as console:
        for name, path in paths:
            console.open(path)
            _wait_for_contents(console.page)
            title = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "start"
            save_screenshot(console, f"{title}-{kind}", options.into)
            _report(console, f"{title}-{kind}")


def _wait_for_contents(page: Page) -> None:
    """A page with a stream of events is never without requests."""
    with contextlib.suppress(PlaywrightTimeoutError):
        page.wait_for_load_state("networkidle", timeout=1_500)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def _report(console: Console, name: str) -> None:
    if console.has_horizontal_scroll():
        print(f"{name}: scrolls sideways")
    for problem in console.find_clipped_texts():
        print(f"{name}: cut off: {problem}")
    for problem in console.find_accessibility_problems():
        print(f"{name}: {problem}")


if __name__ == "__main__":
    main()
