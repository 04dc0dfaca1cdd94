"""Faults, one after another, each healed before the next; in a third of the cases a second one overlaps."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import asyncpg
import redis

from chaos.cluster import CONTINUE, STOP, Cluster, Node, leftovers
from chaos.journal import Journal, Recovery

LEASE_SECONDS: Final = 8.0
_ORPHAN_SECONDS: Final = 10.0
_WATCH_SECONDS: Final = 30.0
_RENEWED_SECONDS: Final = 5.0
"""Live workers have renewed their leases within this time."""
_LEASES: Final = "SELECT id, lease_until FROM workers WHERE id LIKE 'worker_%'"
_RUNS: Final = (
    "SELECT owner, count(*) FROM runs WHERE owner IS NOT NULL AND status IN ('queued', 'in_progress', 'cancelling')"
    " GROUP BY owner"
)
Fault = Callable[["Faults"], Coroutine[None, None, None]]


class Faults:
    """`cluster` is a `Cluster`, or a `SingleNode` for the faults of `SINGLE_FAULTS`.

    The takeover of runs is measured only where nothing else is broken.
    """

    def __init__(self, cluster: Any, journal: Journal, seed: int, chosen: Sequence[Fault]) -> None:
        self.cluster: Any = cluster
        self.journal = journal
        self.chosen = chosen
        self.random = random.Random(seed)
        self.orphans: list[str] = []
        self._began = time.monotonic()
        self._active = 0
        self._busy: set[str] = set()

    async def run(self, until: float) -> None:
        """Every fault in a random order, again and again; returns when the last one is healed."""
        overlapping: set[asyncio.Task[None]] = set()
        while time.monotonic() < until:
            for fault in self.random.sample(self.chosen, len(self.chosen)):
                if time.monotonic() > until:
                    break
                task = asyncio.create_task(self._apply(fault))
                overlapping.add(task)
                if self.random.random() < 0.7:
                    await asyncio.wait(overlapping)
                await asyncio.sleep(self.random.uniform(0.5, 3))
        await asyncio.gather(*overlapping)

    async def _apply(self, fault: Fault) -> None:
        self._active += 1
        try:
            await fault(self)
        finally:
            self._active -= 1

    def pick(self, nodes: list[Node]) -> Node | None:
        """A node without another fault, and marks it."""
        free = [node for node in nodes if node.name not in self._busy]
        if not free:
            return None
        node = self.random.choice(free)
        self._busy.add(node.name)
        return node

    def heal(self, node: Node) -> None:
        self._busy.discard(node.name)

    def mark(self, text: str) -> None:
        self.journal.faults.append(f"{time.monotonic() - self._began:6.1f} s  {text}")

    @property
    def is_alone(self) -> bool:
        return self._active == 1

    async def pause(self, low: float, high: float) -> float:
        seconds = self.random.uniform(low, high)
        await asyncio.sleep(seconds)
        return seconds


async def kill(faults: Faults) -> None:
    """SIGKILL, and a start some seconds later; measures how long its runs have no owner."""
    node = faults.pick(faults.cluster.nodes)
    if node is None:
        return
    faults.mark(f"kill -9 {node.name}")
    children, killed = node.kill(), time.monotonic()
    watching = asyncio.create_task(_watch_recovery(faults, node, killed))
    await faults.pause(0.5, 6)
    faults.orphans += [f"{node.name}: {line}" for line in await leftovers(children, _ORPHAN_SECONDS)]
    await node.start()
    await watching
    faults.heal(node)


async def _watch_recovery(faults: Faults, node: Node, killed: float) -> None:
    """Reads the runs of every worker; the dead one is the one whose lease is not renewed."""
    if not faults.cluster.is_shared:
        return
    try:
        async with faults.cluster.connect() as database:
            await _read_recovery(faults, node, killed, database)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return


async def _read_recovery(faults: Faults, node: Node, killed: float, database: asyncpg.Connection) -> None:
    samples: list[tuple[float, dict[str, int]]] = []
    leases = dict(await database.fetch(_LEASES))
    while time.monotonic() - killed < _WATCH_SECONDS and faults.is_alone:
        seconds = time.monotonic() - killed
        samples.append((seconds, dict(await database.fetch(_RUNS))))
        renewed = dict(await database.fetch(_LEASES))
        dead = {worker for worker, until in leases.items() if renewed.get(worker) in {until, None}}
        if seconds > _RENEWED_SECONDS and not any(samples[-1][1].get(worker) for worker in dead):
            _record_recovery(faults, node, dead, samples)
            return
        await asyncio.sleep(0.05)
    if faults.is_alone:
        faults.journal.stuck.append(f"the runs of {node.name} had no owner for {_WATCH_SECONDS:g} s")


def _record_recovery(faults: Faults, node: Node, dead: set[str], samples: list[tuple[float, dict[str, int]]]) -> None:
    owned = [(seconds, sum(runs.get(worker, 0) for worker in dead)) for seconds, runs in samples]
    if owned[0][1]:
        seconds = next(later for (_, left), (later, _) in zip(owned[-2::-1], owned[::-1], strict=False) if left)
        faults.journal.recoveries.append(Recovery(node.name, owned[0][1], seconds))
        faults.mark(f"{owned[0][1]} runs of {node.name} had an owner, or had ended, after {seconds:.1f} s")


async def stop_beyond_lease(faults: Faults) -> None:
    await _pause_node(faults, LEASE_SECONDS + 1.5, LEASE_SECONDS + 6)


async def stop_within_lease(faults: Faults) -> None:
    await _pause_node(faults, 2, LEASE_SECONDS - 2.5)


async def _pause_node(faults: Faults, low: float, high: float) -> None:
    node = faults.pick(faults.cluster.nodes)
    if node is None:
        return
    faults.mark(f"SIGSTOP {node.name}")
    node.send_signal(STOP)
    seconds = await faults.pause(low, high)
    node.send_signal(CONTINUE)
    faults.mark(f"SIGCONT {node.name} after {seconds:.1f} s")
    faults.heal(node)


async def restart(faults: Faults) -> None:
    """SIGTERM, which hands its runs over, and a start."""
    node = faults.pick(faults.cluster.nodes)
    if node is None:
        return
    faults.mark(f"SIGTERM {node.name}")
    problem = await node.stop()
    if problem is not None:
        faults.journal.unexpected.append(problem)
    await node.start()
    faults.heal(node)


async def cut_redis(faults: Faults) -> None:
    await _cut(faults, "redis", 1, 12)


async def cut_postgres(faults: Faults) -> None:
    await _cut(faults, "postgres", 1, 14)


async def _cut(faults: Faults, service: str, low: float, high: float) -> None:
    node = faults.pick(faults.cluster.nodes)
    if node is None:
        return
    mode = faults.random.choice(("refused", "silent"))
    faults.mark(f"cut {node.name} from {service} ({mode})")
    faults.cluster.proxy.set_mode(f"{node.name}.{service}", mode)
    seconds = await faults.pause(low, high)
    faults.cluster.proxy.set_mode(f"{node.name}.{service}", "open")
    faults.mark(f"{node.name} reaches {service} again after {seconds:.1f} s")
    faults.heal(node)


async def restart_redis(faults: Faults) -> None:
    """SIGKILL and a start, with the data of up to a second ago, or without any."""
    redis, loses_data = faults.cluster.redis, faults.random.random() < 0.4
    if "redis" in faults._busy:
        return
    faults._busy.add("redis")
    faults.mark(f"kill -9 Redis{', which loses its data' if loses_data else ''}")
    await asyncio.to_thread(redis.kill)
    await faults.pause(0.2, 5)
    if loses_data:
        await asyncio.to_thread(_erase, faults.cluster)
    await asyncio.to_thread(redis.start)
    faults.mark("Redis runs again")
    faults._busy.discard("redis")


async def pause_redis(faults: Faults) -> None:
    await _pause_redis(faults, 1, 4)


async def _pause_redis(faults: Faults, low: float, high: float) -> None:
    if "redis" in faults._busy:
        return
    faults._busy.add("redis")
    faults.mark("SIGSTOP Redis")
    faults.cluster.redis.pause()
    await faults.pause(low, high)
    faults.cluster.redis.resume()
    faults.mark("SIGCONT Redis")
    faults._busy.discard("redis")


async def flush_redis(faults: Faults) -> None:
    """All data is gone at once, and no connection is lost."""
    faults.mark("FLUSHALL")
    await _command(faults, "FLUSHALL")


async def disconnect_redis(faults: Faults) -> None:
    """Redis closes connections of one kind."""
    kind = faults.random.choice(("normal", "pubsub"))
    faults.mark(f"CLIENT KILL TYPE {kind}")
    await _command(faults, "CLIENT", "KILL", "TYPE", kind)


async def fill_redis(faults: Faults) -> None:
    """Redis refuses to write, since its memory is full."""
    await _refuse_writes(
        faults, "full memory", ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")
    )


async def demote_redis(faults: Faults) -> None:
    """Redis is a replica without a primary: it can be read only."""
    await _refuse_writes(faults, "a replica", ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"))


async def _refuse_writes(faults: Faults, state: str, begin: Sequence[str], end: Sequence[str]) -> None:
    if "redis" in faults._busy:
        return
    faults._busy.add("redis")
    faults.mark(f"Redis: {state}")
    await _command(faults, *begin)
    seconds = await faults.pause(0.5, 12)
    await _command(faults, *end)
    faults.mark(f"Redis takes writes again after {seconds:.1f} s")
    faults._busy.discard("redis")


async def _command(faults: Faults, *words: str) -> None:
    """On a server that is stopped, nothing happens."""

    def execute() -> None:
        with redis.Redis.from_url(faults.cluster.redis.url, socket_timeout=5) as client:
            client.execute_command(*words)

    try:
        await asyncio.to_thread(execute)
    except redis.RedisError:
        faults.mark(f"{words[0]} has failed")


def _erase(cluster: Cluster) -> None:
    for path in cluster.redis.directory.glob("appendonlydir/*"):
        path.unlink()


async def restart_postgres(faults: Faults) -> None:
    if "postgres" in faults._busy:
        return
    faults._busy.add("postgres")
    hard = faults.random.random() < 0.5
    faults.mark("kill -9 PostgreSQL" if hard else "stop PostgreSQL at once")
    await asyncio.to_thread(faults.cluster.postgres.stop, hard=hard)
    await faults.pause(0.2, 12)
    await asyncio.to_thread(faults.cluster.postgres.start)
    faults.mark("PostgreSQL runs again")
    faults._busy.discard("postgres")


async def pause_postgres(faults: Faults) -> None:
    await _pause_postgres(faults, 1, 16)


async def _pause_postgres(faults: Faults, low: float, high: float) -> None:
    if "postgres" in faults._busy:
        return
    faults._busy.add("postgres")
    faults.mark("SIGSTOP PostgreSQL")
    stopped = faults.cluster.postgres.pause()
    await faults.pause(low, high)
    faults.cluster.postgres.resume(stopped)
    faults.mark("SIGCONT PostgreSQL")
    faults._busy.discard("postgres")


async def disconnect_postgres(faults: Faults) -> None:
    """PostgreSQL ends all of its sessions, and takes new ones."""
    faults.mark("pg_terminate_backend of all")
    try:
        async with faults.cluster.connect() as database:
            await database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        faults.mark("pg_terminate_backend has failed")


# -- only by name, in `--faults`: each takes a minute ------------------------------------------------------------------


async def stop_node_long(faults: Faults) -> None:
    await _pause_node(faults, 60, 60)


async def stop_redis_long(faults: Faults) -> None:
    await _pause_redis(faults, 60, 60)


async def stop_postgres_long(faults: Faults) -> None:
    await _pause_postgres(faults, 60, 60)


SINGLE_FAULTS: Final[list[Fault]] = [kill, kill, restart, stop_within_lease]
FAULTS: Final[list[Fault]] = [
    kill,
    kill,
    kill,
    stop_beyond_lease,
    stop_beyond_lease,
    stop_within_lease,
    restart,
    cut_redis,
    cut_redis,
    cut_postgres,
    cut_postgres,
    restart_redis,
    pause_redis,
    flush_redis,
    disconnect_redis,
    fill_redis,
    demote_redis,
    restart_postgres,
    pause_postgres,
    disconnect_postgres,
]
