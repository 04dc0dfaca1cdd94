"""Other servers beside this one in alternating rounds: the same core, load and scripted provider.

Chat completions with LiteLLM's proxy, responses, conversations and vector stores with OGX, streamed runs with Aegra and
langhost. A row has the rates of both and the ratio; a server that cannot be installed or started here has a row with
the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import assistants, chat, http, load, peer_servers, report, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.environments import UnavailableError, default_cache
from benchmarks.http import Request
from benchmarks.load import Failed, Script
from benchmarks.peer_servers import Peer
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Service, Stage
from benchmarks.upstream import MODEL

_COLUMNS = ("case", "other server", "ours/s", "other/s", "ratio", "our CPU µs", "other CPU µs", "errors")
_CONCURRENCY = 16
_TEXT = "The tallest mountain on Earth is Mount Everest. It is 8,849 metres high. " * 40
_QUESTION = str(assistants.QUESTION["content"])

_Script = Callable[[], Script]
_Scripts = dict[str, tuple[_Script, _Script]]
"""By the name of a case: ours and the other's."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The same work for both servers."""

    name: str
    peer: Peer
    ours: HttpCase
    other: HttpCase


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    tested = server.start(stage, upstream)
    done = Report("peers", _COLUMNS)
    pairs: list[_Pair] = []
    for start, find_scripts in _PEERS.values():
        pairs += await _start(stage, tested, upstream, start, find_scripts, done)
    cases = [case for pair in pairs for case in (pair.ours, pair.other)]
    series = await rounds.interleave(cases, stage.options.rounds, stage.options.round_seconds, warm_up=1.0)
    for pair, ours, other in zip(pairs, series[::2], series[1::2], strict=True):
        _add(done, pair, ours, other)
    done.keep(series)
    done.notes.append(f"{_CONCURRENCY} requests at once. Ratio: of rates, ours to the other's.")
    return done


async def _start(
    stage: Stage,
    tested: Service,
    upstream: Service,
    start: Callable[[Stage, Path, Service], Peer],
    find_scripts: Callable[[Service, Peer, list[str]], Awaitable[_Scripts]],
    done: Report,
) -> list[_Pair]:
    """The cases of a peer; none, and a note with the reason, if it cannot be had."""
    try:
        peer = start(stage, default_cache("peers"), upstream)
        scripts = await find_scripts(tested, peer, done.notes)
    except (UnavailableError, SystemExit, TimeoutError) as fault:
        # It may hang as well, as a store that downloads an embedder does.
        reason = str(fault) or "it did not respond while its objects were made"
        done.notes.append(f"{start.__name__.removeprefix('start_')} is left out: {reason}")
        return []
    return [
        _Pair(
            name,
            peer,
            HttpCase(f"{name}, ours", tested, ours, _CONCURRENCY),
            HttpCase(f"{name}, {peer.name}", peer.service, other, _CONCURRENCY),
        )
        for name, (ours, other) in scripts.items()
    ]


def _add(done: Report, pair: _Pair, ours: Series, other: Series) -> None:
    ratio = ours.rate_against(other)
    done.add(
        pair.name,
        pair.peer.name,
        report.rate(ours),
        f"{other.rate:,.1f}",
        f"{ratio:.1f}",
        report.us(ours.cpu),
        report.us(other.cpu),
        ours.errors + other.errors,
        goals=[Goal("ahead", ratio > 1)],
    )


async def _find_chats(_: Service, __: Peer, ___: list[str]) -> _Scripts:
    return {"chat, whole": (chat.whole(), chat.whole()), "chat, stream": (chat.streamed(), chat.streamed())}


async def _find_responses(tested: Service, peer: Peer, notes: list[str]) -> _Scripts:
    item = {"items": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": _QUESTION}]}]}
    ours, other = [await _make_conversation(service) for service in (tested, peer.service)]
    same = {"create a conversation": (http.post("/v1/conversations", {"metadata": {}}), b'"conversation"')}
    return {
        "response, whole": (_respond(MODEL), _respond(peer.model)),
        "response, stream": (_respond(MODEL, stream=True), _respond(peer.model, stream=True)),
        **{name: (load.once(request, holds), load.once(request, holds)) for name, (request, holds) in same.items()},
        "add an item to a conversation": (
            load.once(http.post(f"/v1/conversations/{ours}/items", item), b'"list"'),
            load.once(http.post(f"/v1/conversations/{other}/items", item), b'"list"'),
        ),
        **await _find_searches(tested, peer, notes),
    }


async def _find_searches(tested: Service, peer: Peer, notes: list[str]) -> _Scripts:
    """None, and a note, where the other server indexes no file in time."""
    new_store = http.post("/v1/vector_stores", {"name": "bench"})
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            other = await _make_store(peer.service)
    except (UnavailableError, TimeoutError) as fault:
        reason = str(fault) or f"it has indexed no file within {_STORE_SECONDS:.0f} s"
        notes.append(f"{peer.name} has no rows for vector stores: {reason}")
        return {}
    ours = await _make_store(tested)
    created = [load.once(new_store, b'"vector_store"') for _ in range(2)]
    return {
        "create a vector store": (created[0], created[1]),
        "search in a vector store": (_search(ours), _search(other)),
    }


def _respond(model: str, *, stream: bool = False) -> _Script:
    body = {"model": model, "input": _QUESTION, "instructions": "Answer in one sentence.", "stream": stream}
    return load.once(http.post("/v1/responses", body), b"response.completed" if stream else b'"completed"')


def _search(store: str) -> _Script:
    request = http.post(f"/v1/vector_stores/{store}/search", {"query": "How high is the mountain?"})
    return load.once(request, b"Everest")


async def _make_conversation(service: Service) -> str:
    (conversation,) = await _created(service, http.post("/v1/conversations", {"metadata": {}}))
    return conversation


async def _make_store(service: Service) -> str:
    """A vector store with one file. Raises UnavailableError, if the file cannot be indexed."""
    (file,) = await _created(service, http.upload("everest.txt", _TEXT.encode()))
    (store,) = await _created(service, http.post("/v1/vector_stores", {"name": "search", "file_ids": [file]}))
    for _ in range(_POLLS):
        (answer,) = await load.ask(service.port, [http.get(f"/v1/vector_stores/{store}")])
        if answer.json()["file_counts"]["completed"]:
            return store
        await asyncio.sleep(_POLL_SECONDS)
    raise UnavailableError(f"its vector store has not indexed a file: {answer.body[-300:]!r}")


async def _created(service: Service, *requests: Request) -> list[str]:
    return [answer.json()["id"] for answer in await load.ask(service.port, requests)]


async def _find_runs(tested: Service, peer: Peer, _: list[str]) -> _Scripts:
    (assistant,) = await assistants.made(tested.port, assistants.create_assistant())
    return {"streamed run in a new thread": (_run_in_new_thread(assistant), _run_graph(peer.model))}


def _run_in_new_thread(assistant: str) -> _Script:
    """Two requests, as the other server needs."""
    thread = assistants.create_thread([assistants.QUESTION])

    def script() -> Script:
        made = load.expect((yield thread))
        run = http.post(f"/v1/threads/{made.json()['id']}/runs", {"assistant_id": assistant, "stream": True})
        return load.expect((yield run), holds=b"event: thread.run.completed\n").ended - made.sent

    return script


def _run_graph(graph: str) -> _Script:
    thread = http.post("/threads", {})
    body = {"assistant_id": graph, "input": {"messages": [assistants.QUESTION]}, "stream_mode": ["messages"]}

    def script() -> Script:
        made = load.expect((yield thread))
        answer = load.expect(
            (yield http.post(f"/threads/{made.json()['thread_id']}/runs/stream", body)), holds=b"word19"
        )
        if b"event: error" in answer.body:
            raise Failed(f"the stream has an error: {answer.body[-300:]!r}")
        return answer.ended - made.sent

    return script


_POLLS, _POLL_SECONDS = 300, 0.2
_STORE_SECONDS = 90.0
_PEERS = {
    "litellm": (peer_servers.start_litellm, _find_chats),
    "ogx": (peer_servers.start_ogx, _find_responses),
    "aegra": (peer_servers.start_aegra, _find_runs),
    "langhost": (peer_servers.start_langhost, _find_runs),
}
