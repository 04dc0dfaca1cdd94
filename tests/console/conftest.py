"""One server and one browser for all tests of the console; a browser context of its own for each test.

The fixtures end with this package: as long as the browser runs, no event loop of other tests can.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from console.browser import Console, launch_browser, open_console
from mcp_server import McpProcess
from serving import Server, serve
from upstream import Upstream
from web_pages import WebPages


@pytest.fixture(scope="package")
def dice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpProcess]:
    with McpProcess(tmp_path_factory.mktemp("dice")) as running:
        yield running


@pytest.fixture(scope="package")
def console_server(
    session_upstream: Upstream, dice: McpProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with WebPages() as web:
        settings = {
            "webhooks__allow_private": "true",
            "mcp__allowed": dice.url,
            "web_search__provider": "searxng",
            "web_search__url": web.url,
            "web_search__allow_private": "true",
        }
        yield from serve(Server(tmp_path_factory.mktemp("console"), session_upstream.url, **settings))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launch_browser() as running:
        yield running


@pytest.fixture
def server(console_server: Server) -> Server:
    """The shared server: `server.client` is the official client."""
    return console_server


@pytest.fixture
def console(browser: Browser, server: Server) -> Iterator[Console]:
    """A signed-in page at 1280 by 800 pixels. `open_console` makes others."""
    with open_console(browser, server) as opened:
        yield opened
