"""Servers of two versions on one PostgreSQL database: what the earlier one does while and after a later one migrates."""

import asyncio
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from e2e.assistants_client import new_thread, texts
from links import Link
from serving import WAIT
from upstream import text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MIGRATIONS = "src/understudy/store/migrations"
WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"the history of the repository is unavailable: {done.stderr.decode()}")
    return done.stdout


@pytest.fixture(scope="module")
def previous(tmp_path_factory):
    """The sources before the newest migration was added."""
    newest = max(path.name for path in (ROOT / MIGRATIONS).glob("*.sql"))
    (added,) = git("log", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/{newest}").decode().split() or [None]
    if added is None:
        pytest.skip(f"{newest} is not committed")
    directory = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(git("archive", f"{added}^", "src"))) as archive:
        archive.extractall(directory, filter="data")
    return directory / "src"


@pytest.fixture
def with_migration(tmp_path):
    """Copies this version, with a migration more."""

    def copy(sql):
        source = tmp_path / "later"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        (source / "understudy/store/migrations/9999_later.sql").write_text(sql)
        return source

    return copy


def run_sources(server, source):
    server.variables["PYTHONPATH"] = str(source)
    return server


def assert_runs(server, upstream):
    """The server does all of a conversation: its writes and reads have the schema that it knows."""
    client = server.client
    upstream.answer(text("Hi."))
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Hello")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
    assert run.status == "completed"
    assert texts(client, thread) == ["Hello", "Hi."]


def test_a_server_of_the_previous_schema_serves_while_this_version_migrates_and_afterwards(
    new_node, previous, upstream
):
    earlier = run_sources(new_node(), previous).start()
    assert_runs(earlier, upstream)
    later = new_node().start()
    for server in (earlier, later, earlier):
        assert_runs(server, upstream)


async def test_a_server_serves_while_a_migration_waits_for_a_lock(new_node, with_migration, upstream, postgres):
    earlier = new_node().start()
    source = with_migration("SELECT pg_advisory_xact_lock(77);\nALTER TABLE runs ADD COLUMN later BIGINT;\n")
    later = run_sources(new_node(), source)
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute("SELECT pg_advisory_lock(77)")
        starting = asyncio.create_task(asyncio.to_thread(later.start))
        for _ in range(600):
            if await connection.fetch(WAITING):
                break
            await asyncio.sleep(0.05)
        assert_runs(earlier, upstream)
        assert not starting.done()
        await connection.execute("SELECT pg_advisory_unlock(77)")
        await starting
    finally:
        await connection.close()
    for server in (earlier, later, earlier):
        assert_runs(server, upstream)


def test_a_server_that_was_cut_off_during_a_breaking_upgrade_refuses_requests_and_ends(
    new_node, with_migration, upstream, postgres
):
    (directory,) = parse_qs(urlsplit(postgres).query)["host"]
    with tempfile.TemporaryDirectory() as own, Link.to_socket(directory, Path(own)) as link:
        Path(own).chmod(0o755)
        earlier = new_node(database=postgres.replace(directory, own)).start()
        client = earlier.client
        thread = new_thread(client, "Hello")
        # Its connections stay open, and what it has sent arrives later.
        link.silence()
        later = run_sources(new_node(), with_migration("-- Breaking\nALTER TABLE threads ADD COLUMN later BIGINT;\n"))
        later.start()
        link.relay()
        for method, path, body in (
            ("POST", f"/v1/threads/{thread.id}/messages", {"role": "user", "content": "Too late"}),
            ("GET", f"/v1/threads/{thread.id}", None),
        ):
            reply = earlier.ask(method, path, body)
            assert reply.status == 503, reply.body
        assert earlier.process.wait(WAIT) == 1
        assert "The database was upgraded by a later version" in earlier.log.read_text()
        earlier.kill()
        assert texts(later.client, thread) == ["Hello"]
        assert_runs(later, upstream)
