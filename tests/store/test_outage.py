"""A PostgreSQL server that stops, starts again, or is replaced by another one."""

import contextlib
import logging
import os
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from poolers import transaction_pooler
from store import samples
from store.samples import OURS
from understudy.errors import StoreUnavailable
from understudy.store import open_store
from waiting import WITHIN

RELAY = """
import asyncio, sys

async def copy(reader, writer):
    while piece := await reader.read(65536):
        writer.write(piece)

async def accept(reader, writer):
    other, to_other = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(copy(reader, to_other), copy(other, writer))

async def main():
    await asyncio.start_server(accept, "10.213.77.2", 5432)
    print("ready", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def attempt(store):
    """Whether an object can be stored and read."""
    made = samples.assistant()
    try:
        await store.assistants.create(OURS, made)
        await store.assistants.get(OURS, made.id)
    except StoreUnavailable:
        return False
    return True


def records(caplog):
    return [record.message for record in caplog.records if record.message.startswith("database ")]


async def test_a_server_that_was_away_is_used_again_and_both_changes_are_logged_once(
    postgres_servers, tmp_path, caplog
):
    server = postgres_servers()
    store = await open_store(tmp_path, server.get_uri())
    try:
        assert await attempt(store)
        server.stop()
        assert [await attempt(store) for _ in range(5)] == [False] * 5
        server.start()
        assert [await attempt(store) for _ in range(5)] == [True] * 5
    finally:
        await store.close()
    lost, back = records(caplog)
    assert lost.startswith("database unavailable: The PostgreSQL database ")
    assert back.startswith("database available again after ")


async def test_all_connections_are_replaced_after_one_of_them_was_ended_by_the_server(postgres_servers, tmp_path):
    server = postgres_servers()
    store = await open_store(tmp_path, server.get_uri())
    try:
        assert await attempt(store)
        server.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL"
            " AND pid <> pg_backend_pid()"
        )
        assert await attempt(store) or await attempt(store)
    finally:
        await store.close()


async def test_a_primary_that_becomes_read_only_is_replaced_by_the_other_host(postgres_servers, tmp_path, caplog):
    first, second = postgres_servers(), postgres_servers()
    await (await open_store(tmp_path / "second", second.get_uri())).close()
    user = urlsplit(first.get_uri()).username
    hosts = ",".join(parse_qs(urlsplit(one.get_uri()).query)["host"][0] for one in (first, second))
    url = f"postgresql://{user}@/postgres?host={hosts}&target_session_attrs=read-write"
    store = await open_store(tmp_path / "first", url)
    try:
        assert await attempt(store)
        first.psql("ALTER SYSTEM SET default_transaction_read_only = on")
        first.psql("SELECT pg_reload_conf()")
        caplog.set_level(logging.WARNING)
        until = time.monotonic() + WITHIN
        while await _size(second) == 0 and time.monotonic() < until:
            await attempt(store)
        assert await _size(second)
        assert await attempt(store)
    finally:
        await store.close()
    assert len(records(caplog)) == 2


async def _size(server):
    return int(server.psql("SELECT count(*) FROM assistants").split()[2])


@pytest.fixture
def remote_host(postgres_servers, tmp_path):
    """A PostgreSQL server behind an address of its own: the URL, and what disconnects the address without a reset."""
    (directory,) = parse_qs(urlsplit(postgres_servers().get_uri()).query)["host"]
    name = f"us{os.getpid() % 100_000}"
    setup = [
        ["netns", "add", name],
        ["link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name],
        ["addr", "add", "10.213.77.1/30", "dev", f"{name}a"],
        ["link", "set", f"{name}a", "up"],
        ["-n", name, "addr", "add", "10.213.77.2/30", "dev", f"{name}b"],
        ["-n", name, "link", "set", f"{name}b", "up"],
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False, capture_output=True)
        for command in setup:
            done = subprocess.run(["ip", *command], check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no network can be made: {done.stderr.strip()}")
        relay = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-c", RELAY, f"{directory}/.s.PGSQL.5432"],
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(relay.wait)
        stack.callback(relay.kill)
        assert relay.stdout.readline() == "ready\n"
        down = ["ip", "-n", name, "link", "set", f"{name}b", "down"]
        yield "postgresql://postgres@10.213.77.2:5432/postgres", lambda: subprocess.run(down, check=True)
        relay.stdout.close()


@pytest.mark.slow
async def test_connections_to_a_host_that_is_cut_off_end_in_time(remote_host, tmp_path):
    url, disconnect = remote_host
    store = await open_store(tmp_path, url)
    assert await attempt(store)
    disconnect()
    started = time.monotonic()
    assert not await attempt(store)
    assert time.monotonic() - started < 30
    await store.close()


@pytest.mark.slow
async def test_a_store_works_behind_a_pooler_in_transaction_mode(postgres_servers, tmp_path):
    server = postgres_servers()
    with transaction_pooler(server) as url:
        stores = [await open_store(tmp_path / name, url, is_pooled=True) for name in ("a", "b")]
        try:
            for _ in range(20):
                for store in stores:
                    assert await attempt(store)
                    await store.workers.renew_lease("worker", 8.0)
        finally:
            for store in stores:
                await store.close()
