"""Processes that share PostgreSQL and Redis: runs of one and of two, streams that another node follows, and claims.

It needs --postgres or --database, and `redis-server`. Processor time is that of all processes of a server. On a machine
of two cores, which these share with PostgreSQL, Redis, the provider and the load, it counts, and rates do not.
"""

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import assistants, claims, http, load, postgres, process, report
from benchmarks.process import Process
from benchmarks.report import Report
from benchmarks.stage import Service, Stage

_COLUMNS = ("case", "per second", "CPU µs", "p50 ms", "p99 ms")
_TIMES = 1.8
_TWO = "two processes"
_BEYOND_MS = 2.0
_DELTAS_A_CORE = 40_000
_PACED_STREAMS, _PACED_CHUNKS, _PACE, _REPLAYED = 8, 100, 20.0, 10
_ROUNDS = 5
_RUNS_A_CLIENT = 12
_TEXT, _DELTA = b"word", b'"object":"thread.message.delta"'
_WORD = re.compile(rb'"value":"word(\d+) "')


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Runs at once of so many deltas each, `pace` a second, 0 as fast as their node takes them."""

    name: str
    runs: int
    deltas: int
    pace: float = 0.0


_FAST = _Crowd("as fast as they are taken", 16, 3_000)
_CROWDS = (_FAST, _Crowd("50 a second of each of 100 runs", 100, 250, 50.0))
# All followers are there before the first delta.
_LEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Cluster:
    """`url` is that of PostgreSQL; each server gets a database of its own, unless it names one."""

    stage: Stage
    redis: Service
    upstream: Service

    async def start(
        self, name: str, *flags: str, database: str, files_of: str = "", core: int | None = None
    ) -> Service:
        """`files_of` is the name of another server on the database: they share its files."""
        directory = self.stage.directory / name
        (directory / "data").mkdir(mode=0o700, parents=True)
        if files_of:
            (directory / "data" / "blobs").symlink_to(self.stage.directory / files_of / "data" / "blobs")
        (directory / "understudy.toml").write_text(f'[providers.scripted]\nbase_url = "{self.upstream.url}/v1"\n')
        port = process.free_port()
        command = [sys.executable, "-m", "understudy", "serve", "--port", str(port), "--data", str(directory / "data")]
        environ = process.bare_environment() | {
            "UNDERSTUDY_API_KEY": http.KEY,
            "UNDERSTUDY_DATABASE": database,
            "UNDERSTUDY_BROKER": f"redis://127.0.0.1:{self.redis.port}",
            "UNDERSTUDY_BLOBS__SHARED": "true",
            "UNDERSTUDY_EMBEDDINGS__MODEL": "builtin",
        }
        child = Process([*command, *flags], core, directory / "server.log", environ)
        self.stage.stack.enter_context(child)
        child.await_port(port)
        return Service(child, port)


async def measure(stage: Stage) -> Report:
    if stage.options.database is None:
        raise SystemExit("cluster requires --postgres or --database")
    done = Report("cluster", _COLUMNS, notes=["CPU: of a run, of a delta, or of a list of candidates."])
    redis = _start_redis(stage)
    await _measure_processes(stage, redis, done)
    await _measure_followers(stage, redis, done)
    for row in await claims.measure(stage.directory, stage.options.database):
        name = f"{row.database}, {row.step}: {row.queued} queued"
        done.add(name, "", report.us(row.cpu), report.ms(row.elapsed), "")
    return done


def _start_redis(stage: Stage) -> Service:
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("cluster requires redis-server; scripts/setup-system installs it")
    port = process.free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    child = stage.stack.enter_context(Process(command, stage.cores.load, stage.directory / "redis.log"))
    child.await_port(port)
    return Service(child, port)


# -- one process and two -------------------------------------------------------------------------------------------


async def _measure_processes(stage: Stage, redis: Service, done: Report) -> None:
    """In alternating rounds; each process has as many clients as the one process, since that is its capacity.

    With as many clients in all, each process does less at a time, which costs a run more. Two servers that share
    nothing cost what two processes cost on this machine anyway.
    """
    cluster = _Cluster(stage, redis, stage.upstream())
    one, two = await _start_loaded(cluster, "one"), await _start_loaded(cluster, "two", "--processes", "2")
    separate = [await _start_loaded(cluster, name) for name in ("left", "right")]
    clients = stage.options.concurrency
    cases = {
        "one process": ([one], clients),
        _TWO: ([two], 2 * clients),
        "two processes, as many clients in all": ([two], clients),
        "two servers that share nothing": (separate, clients),
    }
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in cases}
    for _ in range(_ROUNDS):
        for name, (servers, each) in cases.items():
            found[name].append(await _run_on(servers, each, done))
    middle = {name: [median(column) for column in zip(*rounds, strict=True)] for name, rounds in found.items()}
    times = {name: 2 * middle["one process"][1] / spent for name, (_, spent, _) in middle.items()}
    for name, (rate, spent, p50) in middle.items():
        goals = [report.at_least(_TIMES, times[name], " times")] if name == _TWO else []
        done.add(f"streamed run, {name}", f"{rate:,.0f}", report.us(spent), report.ms(p50), "", goals=goals)
    for name in list(cases)[1:]:
        done.notes.append(f"{name}: {times[name]:.2f} times the capacity of one process, by processor time a run.")


async def _start_loaded(cluster: _Cluster, name: str, *flags: str) -> tuple[Service, Callable[[], load.Script]]:
    """A server with a database of its own, and what its clients do."""
    database = await postgres.create_database(str(cluster.stage.options.database), f"cluster_{name}")
    server = await cluster.start(name, *flags, database=database)
    (assistant,) = await assistants.made(server.port, assistants.create_assistant())
    return server, assistants.thread_and_run(assistant)


async def _run_on(
    servers: Sequence[tuple[Service, Callable[[], load.Script]]], clients: int, done: Report
) -> tuple[float, float, float]:
    """Runs a second, processor time of a run, and the median of its duration; `clients` of each server."""
    before = sum(_cpu(server) for server, _ in servers)
    # Of a number of runs, not of some time: those at its end would cost, and not count.
    limit = clients * _RUNS_A_CLIENT
    measured = await asyncio.gather(
        *(load.run(script, server.port, clients, process.WAIT, limit) for server, script in servers)
    )
    done.notes += [str(one.errors) for one in measured if one.errors]
    spent = (sum(_cpu(server) for server, _ in servers) - before) / max(sum(one.count for one in measured), 1)
    return sum(one.count / one.seconds for one in measured), spent, median(one.quantiles["p50"] for one in measured)


def _cpu(service: Service) -> float:
    """Seconds of processor time of a server and of its processes."""
    return service.process.worked_with_children()


# -- followers on another node -------------------------------------------------------------------------------------


async def _measure_followers(stage: Stage, redis: Service, done: Report) -> None:
    paced = stage.upstream(chunks=_PACED_CHUNKS, pace=_PACE)
    owner, other, assistant = await _start_pair(stage, redis, paced, "paced")
    await _measure_delay(owner, other, assistant, done)
    for number, crowd in enumerate(_CROWDS):
        upstream = stage.upstream(chunks=crowd.deltas, pace=crowd.pace, files=1024, lead=_LEAD_SECONDS)
        owner, other, assistant = await _start_pair(stage, redis, upstream, f"crowd_{number}")
        await _measure_deltas(crowd, owner, other, redis, assistant, done)
        for service in (other, owner, upstream):
            service.process.stop()


async def _start_pair(stage: Stage, redis: Service, upstream: Service, name: str) -> tuple[Service, Service, str]:
    """A node that executes runs, on the server's core, and one that only follows them, on the load's; an assistant."""
    database = await postgres.create_database(str(stage.options.database), f"cluster_{name}")
    cluster = _Cluster(stage, redis, upstream)
    owner = await cluster.start(f"owner_{name}", database=database, core=stage.cores.server)
    # It executes nothing: what it spends is for the runs that it follows.
    other = await cluster.start(f"other_{name}", "--no-jobs", database=database, files_of=f"owner_{name}")
    (assistant,) = await assistants.made(owner.port, assistants.create_assistant())
    return owner, other, assistant


async def _measure_delay(owner: Service, other: Service, assistant: str, done: Report) -> None:
    """When each delta arrives on the other node, after its arrival on the node that executes the run."""
    first: list[float] = []
    beyond: list[float] = []
    for _ in range(_ROUNDS):
        pairs = await asyncio.gather(*(_follow_both(owner, other, assistant) for _ in range(_PACED_STREAMS)))
        for local, remote in pairs:
            # Those before both followed are replayed.
            both = sorted(local.keys() & remote.keys())[_REPLAYED:]
            if both:
                beyond += [remote[number] - local[number] for number in both]
                first.append(beyond[-len(both)])
    goal = report.at_most(_BEYOND_MS, median(first) * 1000, " ms")
    done.add("first delta on another node, beyond", "", "", report.ms(median(first)), "", goals=[goal])
    beyond.sort()
    p99 = report.ms(beyond[int(len(beyond) * 0.99)])
    done.add("each delta on another node, beyond", "", "", report.ms(median(beyond)), p99)


async def _follow_both(owner: Service, other: Service, assistant: str) -> tuple[dict[int, float], dict[int, float]]:
    path = await _start_run(owner, assistant)
    return await asyncio.gather(_follow(owner, path), _follow(other, path))


async def _measure_deltas(
    crowd: _Crowd, owner: Service, other: Service, redis: Service, assistant: str, done: Report
) -> None:
    """Processor time a delta of the node that follows, of Redis, and of the owner beyond a run that only it streams."""
    spent: dict[str, list[float]] = {"owner alone": [], "owner": [], "other": [], "Redis": []}
    # The first runs of a server read and compile what later ones have.
    await _stream(crowd, owner, other, assistant, done)
    for _ in range(_ROUNDS):
        before = _cpu(owner)
        deltas = await _stream(crowd, owner, owner, assistant, done)
        spent["owner alone"].append((_cpu(owner) - before) / deltas)
        marks = {"owner": _cpu(owner), "other": _cpu(other), "Redis": _cpu(redis)}
        deltas = await _stream(crowd, owner, other, assistant, done)
        for name, service in (("owner", owner), ("other", other), ("Redis", redis)):
            spent[name].append((_cpu(service) - marks[name]) / deltas)
    middle = {name: median(times) for name, times in spent.items()}
    for name, seconds in middle.items():
        has_goal = name == "other" and crowd is _FAST
        goals = [report.at_least(_DELTAS_A_CORE, 1 / seconds, "/s")] if has_goal else []
        rate, spent_us = f"{1 / seconds:,.0f}", f"{seconds * 1e6:.1f}"
        done.add(f"deltas across Redis, {crowd.name}: {name}", rate, spent_us, "", "", goals=goals)


async def _stream(crowd: _Crowd, owner: Service, follower: Service, assistant: str, done: Report) -> int:
    counts = await asyncio.gather(*(_stream_run(owner, follower, assistant, done) for _ in range(crowd.runs)))
    if set(counts) != {crowd.deltas}:
        raise SystemExit(f"streams of {crowd.deltas} deltas had {sorted(set(counts))}")
    return crowd.runs * crowd.deltas


async def _stream_run(owner: Service, follower: Service, assistant: str, done: Report) -> int:
    """The deltas of a new run, as a client of the follower sees them."""
    path = await _start_run(owner, assistant)
    started = time.monotonic()
    count, first = await _count_deltas(follower, path)
    if first - started < _LEAD_SECONDS / 2:
        done.notes.append("A follower came after the first deltas, which were merged for it.")
    return count


async def _count_deltas(server: Service, path: str) -> tuple[int, float]:
    """The deltas of a stream, also those that are merged as their reader was late; when the first ones came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(http.get(path).data)
    count, first, rest = 0, 0.0, b""
    async with asyncio.timeout(process.WAIT):
        while data := await reader.read(1 << 16):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            count += sum([line.count(_TEXT) for line in lines if _DELTA in line])
            first = first or (time.monotonic() if count else 0.0)
            if b"event: done" in lines:
                break
    writer.close()
    return count, first


async def _start_run(server: Service, assistant: str) -> str:
    """The path of the events of a new run."""
    body = {"assistant_id": assistant, "thread": {"messages": [assistants.QUESTION]}}
    (answer,) = await load.ask(server.port, [http.post("/v1/threads/runs", body)])
    run = answer.json()
    return f"/v1/threads/{run['thread_id']}/runs/{run['id']}/events"


async def _follow(server: Service, path: str) -> dict[int, float]:
    """When each word arrived, until the run has ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(http.get(path).data)
    arrived: dict[int, float] = {}
    kept = b""
    async with asyncio.timeout(process.WAIT):
        while data := await reader.read(1 << 16):
            now = time.perf_counter()
            kept = kept[-200:] + data
            for word in _WORD.findall(kept):
                arrived.setdefault(int(word), now)
            if b"event: done" in kept:
                break
    writer.close()
    return arrived
