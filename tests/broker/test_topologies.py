"""The broker on Redis with TLS, found by Sentinel, and on Cluster: real servers of each kind."""

import asyncio
import contextlib
import subprocess

import pytest

from redis_servers import RedisServer, find_program, free_port
from understudy.broker import EventBatch
from understudy.broker.opening import build_broker
from understudy.errors import SettingsError
from waiting import WITHIN

pytestmark = pytest.mark.slow

FAILOVER = 30.0


async def echo(sender, body):
    return body


@contextlib.asynccontextmanager
async def nodes(url):
    """Two nodes that are connected to one Redis."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            broker = build_broker(url, 60)
            broker.handle("echo", echo)
            stack.push_async_callback(broker.stop)
            await broker.start()
            made.append(broker)
        yield made


async def exchange(one, other, run_id):
    """Everything that nodes do over a broker."""
    assert await one.request(other.node_id, "echo", b"hello", seconds=WITHIN) == b"hello"
    woken = asyncio.create_task(other.wait_woken("run"))
    one.wake("run")
    await asyncio.wait_for(woken, WITHIN)
    # Of many runs, which are on several servers of a Cluster.
    batches = [EventBatch(f"{run_id}_{number}", 1, 3, 0, b"events") for number in range(20)]
    assert await one.write_events(batches) == ()
    assert list(await one.write_events(batches)) == []
    for batch in batches:
        assert await other.read_events(batch.run_id, 0) == [batch]
    run_ids = [batch.run_id for batch in batches]
    assert await other.last_numbers(run_ids) == dict.fromkeys(run_ids, 3)
    await one.keep_events(run_ids, 60)
    await one.store_log(run_id, b"log", 3, 60)
    assert await other.load_log(run_id) == b"log"
    received = asyncio.Queue()
    other.handle("note", lambda _, body: received.put(body))
    await one.broadcast("note", b"hello")
    assert await asyncio.wait_for(received.get(), WITHIN) == b"hello"


def build_certificate(directory):
    files = ["-keyout", directory / "key.pem", "-out", directory / "cert.pem"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True)


async def test_tls_with_a_certificate_that_is_verified(tmp_path):
    build_certificate(tmp_path)
    files = {"tls_cert_file": f"{tmp_path}/cert.pem", "tls_key_file": f"{tmp_path}/key.pem"}
    port = str(free_port())
    server = RedisServer(tmp_path, tls_port=port, tls_auth_clients="no", **files).start()
    try:
        async with nodes(f"rediss://127.0.0.1:{port}?ssl_ca_certs={tmp_path}/cert.pem") as (one, other):
            await exchange(one, other, "run")
        unverified = build_broker(f"rediss://127.0.0.1:{port}", 60)
        with pytest.raises(SettingsError, match="CERTIFICATE_VERIFY_FAILED"):
            await unverified.start()
        await unverified.stop()
    finally:
        server.kill()


@pytest.fixture
def sentinel(tmp_path):
    """A primary, its replica and a Sentinel: the URL, and the primary."""
    with contextlib.ExitStack() as stack:
        servers = []
        for name in ("primary", "replica"):
            (tmp_path / name).mkdir()
            options = {"replicaof": f"127.0.0.1 {servers[0].port}"} if servers else {}
            servers.append(RedisServer(tmp_path / name, **options).start())
            stack.callback(servers[-1].kill)
        port = free_port()
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor main 127.0.0.1 {servers[0].port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        log = stack.enter_context((tmp_path / "sentinel.log").open("wb"))
        process = subprocess.Popen([find_program(), config, "--sentinel"], stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield f"redis+sentinel://127.0.0.1:{port}/main", servers[0]


async def test_nodes_follow_a_failover_of_sentinel(sentinel):
    url, primary = sentinel
    async with nodes(url) as (one, other):
        async with asyncio.timeout(FAILOVER):
            await asyncio.gather(one._connection.available.wait(), other._connection.available.wait())
        await exchange(one, other, "before")
        reconnected = [asyncio.Event(), asyncio.Event()]
        for node, event in zip((one, other), reconnected, strict=True):

            async def note(_, event=event):
                event.set()

            node.on_reconnect(note)
        await asyncio.sleep(1)  # until Sentinel knows the replica
        primary.kill()
        async with asyncio.timeout(FAILOVER):
            for event in reconnected:
                await event.wait()
        await exchange(one, other, "after")


@pytest.fixture
def cluster(tmp_path):
    """The URL of a Cluster of three servers."""
    with contextlib.ExitStack() as stack:
        addresses = []
        for number in range(3):
            directory = tmp_path / str(number)
            directory.mkdir()
            options = {"cluster_enabled": "yes", "cluster_port": str(free_port()), "cluster_node_timeout": "2000"}
            server = RedisServer(directory, **options).start()
            stack.callback(server.kill)
            addresses.append(f"127.0.0.1:{server.port}")
        command = [find_program("redis-cli"), "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield f"redis+cluster://{','.join(addresses)}"


async def test_nodes_share_a_cluster(cluster):
    async with nodes(cluster) as (one, other):
        async with asyncio.timeout(FAILOVER):
            await asyncio.gather(one._connection.available.wait(), other._connection.available.wait())
        await exchange(one, other, "run")
