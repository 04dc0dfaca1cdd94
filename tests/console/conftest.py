"""One server and one browser for all tests of the console; a browser context of its own for each test.

The fixtures end with this package: as long as the browser runs, no event loop of other tests can.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from console.browser import Console, launch_browser, open_console
from serving import Server, serve
from upstream import Upstream


@pytest.fixture(scope="package")
def console_server(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from serve(Server(tmp_path_factory.mktemp("console"), session_upstream.url, webhooks__allow_private="true"))


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
