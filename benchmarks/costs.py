"""Processor time and bytes of a run, a response, a chat, a stored message, a passage and an idle stream.

From them: what a month of 1,000,000 runs takes, as a formula of the prices of a core and of a gigabyte. SQLite only,
since the bytes are those of its file.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks import assistants, chat, files, http, load, process, responses, server
from benchmarks.load import Script
from benchmarks.report import Report
from benchmarks.stage import Service, Stage

_COLUMNS = ("one", "CPU µs", "bytes on the disk", "bytes of memory", "count")
_OPERATIONS, _WARM_UP = 3000, 200
_CONCURRENCY, _SUCCEEDING = 16, 0.99
_STREAMS, _IDLE_SECONDS = 500, 10.0
_SLOW = 0.001
"""Chunks a second: nothing more comes while an idle stream is measured."""
_DOCUMENT_BYTES, _PASSAGE_TOKENS, _OVERLAP_TOKENS = 2_000_000, 200, 60
_MONTH_RUNS, _MONTH_SECONDS, _BUSY = 1_000_000, 30 * 86_400, 0.5
_WAIT, _POLL = 300.0, 0.5


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time and bytes of one piece of work; None is not measured."""

    cpu: float
    disk: float | None = None
    memory: float | None = None


async def measure(stage: Stage) -> Report:
    done = Report("costs", _COLUMNS)
    done.conditions = (
        f"{_OPERATIONS:,} of each, {_CONCURRENCY} at once; streams have {stage.options.chunks} chunks of text."
    )
    upstream = stage.upstream()
    tested = server.start(stage, upstream)
    database = server.data(stage) / "understudy.sqlite3"
    costs: dict[str, Cost] = {}
    for name, script in (await _scripts(tested)).items():
        costs[name] = await _cost(tested, database, script)
        _add(done, name, costs[name], _OPERATIONS)
    passages, costs["passage, indexed"] = await _index(tested, database)
    _add(done, "passage, indexed", costs["passage, indexed"], passages)
    costs["idle stream"] = await _idle_streams(stage)
    _add(done, "idle stream, a second", costs["idle stream"], _STREAMS)
    done.raw["costs"] = {name: {"cpu": one.cpu, "disk": one.disk, "memory": one.memory} for name, one in costs.items()}
    done.notes += describe_month(costs["streamed run in a new thread"])
    return done


async def _scripts(tested: Service) -> dict[str, Callable[[], Script]]:
    assistant, thread = await assistants.made(tested.port, assistants.create_assistant(), assistants.create_thread())
    return {
        "streamed run in a new thread": assistants.thread_and_run(assistant),
        "streamed response, stored": responses.streamed(),
        "streamed chat completion": chat.streamed(),
        "stored message": load.once(assistants.create_message(thread)),
    }


async def _cost(tested: Service, database: Path, script: Callable[[], Script]) -> Cost:
    await load.run(script, tested.port, _CONCURRENCY, _WAIT, _WARM_UP)
    cpu, size = tested.process.worked(), _size(database)
    done = await load.run(script, tested.port, _CONCURRENCY, _WAIT, _OPERATIONS)
    if done.count < _OPERATIONS * _SUCCEEDING:
        raise SystemExit(f"{done.count} of {_OPERATIONS} succeeded: {done.errors}")
    spent = tested.process.worked() - cpu
    return Cost(spent / done.count, (_size(database) - size) / done.count)


def _size(database: Path) -> int:
    """Bytes of the pages in use, what is still in the write-ahead log included."""
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        pages, free, page = (
            next(connection.execute(f"PRAGMA {name}"))[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return (int(pages) - int(free)) * int(page)


async def _index(tested: Service, database: Path) -> tuple[int, Cost]:
    """One document of synthetic text, with the built-in vectors: the number of its passages, and the cost of one.

    The processes that read and embed are children of the server's, and count.
    """
    await _add_document(tested, _text(_DOCUMENT_BYTES // 10))
    cpu, size = tested.process.cpu_with_children(), _size(database)
    await _add_document(tested, _text(_DOCUMENT_BYTES))
    spent, passages = tested.process.cpu_with_children() - cpu, _count_passages(database)
    return passages, Cost(spent / passages, (_size(database) - size) / passages)


async def _add_document(tested: Service, text: str) -> None:
    (file,) = await assistants.made(tested.port, http.upload("document.txt", text.encode()))
    static = {"max_chunk_size_tokens": _PASSAGE_TOKENS, "chunk_overlap_tokens": _OVERLAP_TOKENS}
    body = {"file_ids": [file], "chunking_strategy": {"type": "static", "static": static}}
    (store,) = await assistants.made(tested.port, http.post("/v1/vector_stores", body))
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline:
        (answer,) = await load.ask(tested.port, [http.get(f"/v1/vector_stores/{store}")])
        if answer.json()["file_counts"]["completed"]:
            return
        await asyncio.sleep(_POLL)
    raise SystemExit(f"The document was not indexed within {_WAIT:g} s.")


def _text(size: int) -> str:
    def sentences() -> Iterator[str]:
        length, number = 0, 0
        while length < size:
            sentence = (
                f"Mount {number * 7919 % 100_003} is {number % 8849} metres high and lies in region {number % 613}. "
            )
            length, number = length + len(sentence), number + 1
            yield sentence

    return "".join(sentences())


def _count_passages(database: Path) -> int:
    """Those of the document that was added last."""
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        last = "SELECT count(*) FROM chunks WHERE document = (SELECT max(document) FROM chunks)"
        return int(next(connection.execute(last))[0])


async def _idle_streams(stage: Stage) -> Cost:
    """Streams of runs whose provider is silent, on a server of their own: processor time of a second, and bytes."""
    files.allow(_STREAMS * 4)
    upstream = stage.upstream(pace=_SLOW, files=_STREAMS * 4)
    port = process.free_port()
    child = stage.stack.enter_context(server.launch(stage, stage.directory / "idle", upstream.url, port))
    child.await_port(port)
    tested = Service(child, port)
    (assistant,) = await assistants.made(port, assistants.create_assistant())
    request = assistants.stream(assistant).data
    with ExitStack() as stack:
        await _open_streams(port, request, 1, stack)
        memory, idle = server.settled_rss(tested), await _cpu_a_second(tested)
        await _open_streams(port, request, _STREAMS, stack)
        grown = server.settled_rss(tested) - memory
        return Cost((await _cpu_a_second(tested) - idle) / _STREAMS, memory=grown / _STREAMS)


async def _open_streams(port: int, request: bytes, number: int, stack: ExitStack) -> None:
    """Returns once each has its first text."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
    for reader, writer in opened:
        stack.callback(_close, reader, writer)  # a reader that is collected closes its connection
        writer.write(request)
    waiting = (reader.readuntil(b"event: thread.run.in_progress\n") for reader, _ in opened)
    await asyncio.wait_for(asyncio.gather(*waiting), _WAIT)


def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _cpu_a_second(tested: Service) -> float:
    cpu, started = tested.process.worked(), time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    return (tested.process.worked() - cpu) / (time.monotonic() - started)


def _add(done: Report, name: str, cost: Cost, count: int) -> None:
    disk = "" if cost.disk is None else f"{cost.disk:,.0f}"
    memory = "" if cost.memory is None else f"{cost.memory:,.0f}"
    done.add(name, f"{cost.cpu * 1e6:,.1f}", disk, memory, f"{count:,}")


def describe_month(run: Cost) -> list[str]:
    """What a month of `_MONTH_RUNS` runs, each in a thread of its own, takes, and its price as a formula."""
    cores = _MONTH_RUNS * run.cpu / _MONTH_SECONDS
    gigabytes = _MONTH_RUNS * (run.disk or 0.0) / 1e9
    hours = _MONTH_RUNS * run.cpu / 3600
    amounts = f"{hours:.2f} hours of a core, {cores:.5f} of one on average, and {gigabytes:.2f} GB on the disk"
    price = f"{cores / _BUSY:.5f} * C + {gigabytes:.2f} * G"
    meaning = f"C is the price of a core a month, busy for {_BUSY:.0%} of it, and G of a GB on the disk"
    return [f"{_MONTH_RUNS:,} runs a month: {amounts}.", f"Their price without the models': {price}; {meaning}."]
