"""The mixed load: clients that work until the time is over and finish what they have begun.

A request that may be executed twice is never repeated blindly: the client looks whether the object is there, by its tag.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from chaos.cluster import REALTIME_MODEL
from chaos.followers import follow_response, follow_run
from chaos.http import Client, Impatient, Reply, Uncertain
from chaos.journal import (
    IndexedFile,
    Journal,
    OrderedVideo,
    SavedFile,
    SentMessage,
    StartedBatch,
    StartedResponse,
    StartedRun,
)
from chaos.model import FUNCTION, OUTPUT_START

RUN_SECONDS: Final = 120.0
BATCH_SECONDS: Final = 240.0
TERMINAL: Final = {"completed", "failed", "cancelled", "expired", "incomplete"}
_TURNS: Final = 3
_IMAGE_BYTES: Final = 30_000
# What a server recognizes the format by.
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TURN_SECONDS: Final = 60.0
_TOOLS: Final[dict[str, list[dict[str, Any]]]] = {
    "plain": [],
    "function": [{"type": "function", "function": {"name": FUNCTION, "parameters": {"type": "object"}}}],
    "code": [{"type": "code_interpreter"}],
}


@dataclass(slots=True)
class Load:
    """`until` is on the monotonic clock; `thinking` the mean seconds that a client waits between its actions."""

    client: Client
    journal: Journal
    until: float
    thinking: float
    followers: set[asyncio.Task[None]] = field(default_factory=set)
    assistants: dict[str, str] = field(default_factory=dict)

    async def prepare(self, webhook_url: str) -> None:
        """Before the first fault: the assistants, and the endpoint of the webhooks."""
        await self.client.repeat(
            "POST", "/v1/webhook_endpoints", {"name": "chaos", "url": webhook_url, "event_types": ["*"]}
        )
        for kind, tools in _TOOLS.items():
            body = {"model": "gpt-4o", "tools": tools}
            self.assistants[kind] = (await self.client.repeat("POST", "/v1/assistants", body)).json["id"]

    async def run(self, clients: Sequence["Behaviour"]) -> None:
        """Returns once every client has finished, and every follower has seen the end."""
        await asyncio.gather(*(self._repeat(client) for client in clients))
        if self.followers:
            await asyncio.wait(self.followers)
        for follower in self.followers:
            follower.result()

    async def _repeat(self, client: "Behaviour") -> None:
        while time.monotonic() < self.until:
            try:
                await client(self)
            except Uncertain:
                pass  # a client that gives up; its unacknowledged work has no promise
            except (Impatient, AssertionError) as error:
                self.journal.stuck.append(f"{client.__name__}: {error}")
            await self.think()

    async def think(self) -> None:
        await asyncio.sleep(self.client.random.uniform(0, 2 * self.thinking))

    def happens(self, share: float) -> bool:
        return self.client.random.random() < share

    def start(self, follower: Coroutine[Any, Any, None]) -> None:
        self.followers.add(asyncio.create_task(follower))

    async def create(self, path: str, body: Any, **options: Any) -> Any:
        """The created object. Raises Uncertain, and AssertionError for a refusal."""
        reply = await self.client.send("POST", path, body, **options)
        assert reply.status == 200, f"POST {path}: {reply.status} {reply.body[:300]!r}"
        return reply.json


Behaviour = Callable[[Load], Coroutine[Any, Any, None]]


def new_tag() -> str:
    return secrets.token_hex(6)


# -- runs --------------------------------------------------------------------------------------------------------------


async def plain_runs(load: Load) -> None:
    await _converse(load, "plain")


async def function_runs(load: Load) -> None:
    await _converse(load, "function")


async def code_runs(load: Load) -> None:
    await _converse(load, "code")


async def _converse(load: Load, kind: str) -> None:
    thread = (await load.create("/v1/threads", {}))["id"]
    for _ in range(_TURNS):
        tag = await _add_message(load, thread, kind)
        run = await _start_run(load, thread, kind, tag)
        for _ in range(load.client.random.choice((0, 1, 1, 2))):
            load.start(follow_run(load.client, load.journal, run))
        if not await _finish_run(load, run):
            return
        if time.monotonic() > load.until:
            return
        await load.think()


async def _add_message(load: Load, thread: str, kind: str) -> str:
    """Repeats an attempt whose outcome is unknown with another tag, as another message."""
    while True:
        sent = SentMessage(thread, new_tag())
        load.journal.messages.append(sent)
        body = {"role": "user", "content": f"{kind}:{sent.tag} please"}
        try:
            reply = await load.client.send("POST", f"/v1/threads/{thread}/messages", body)
        except Uncertain:
            await load.think()
            continue
        if reply.status == 200:
            sent.acknowledged = True
            return sent.tag
        assert reply.status == 400, f"POST message: {reply.status} {reply.body[:300]!r}"
        await _free_thread(load, thread, kind)


async def _start_run(load: Load, thread: str, kind: str, tag: str) -> StartedRun:
    """Starts one run on the thread, or finds the one that an attempt with an unknown outcome has started."""
    body = {"assistant_id": load.assistants[kind], "metadata": {"tag": tag}}
    path = f"/v1/threads/{thread}/runs"
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        run_id = None
        try:
            if load.happens(0.4):
                run_id = await _stream_run(load, path, body)
            else:
                reply = await load.client.send("POST", path, body)
                assert reply.status in {200, 400, 409}, f"POST {path}: {reply.status} {reply.body[:300]!r}"
                run_id = reply.json["id"] if reply.status == 200 else None
        except Uncertain:
            pass
        if run_id is None:
            started = [run for run in await load.client.list(path) if run["metadata"].get("tag") == tag]
            run_id = started[-1]["id"] if started else None
        if run_id is None:
            await _free_thread(load, thread, kind)
        if run_id is not None:
            run = StartedRun(run_id, thread, kind, tag)
            load.journal.runs[run.id] = run
            return run
        await load.think()
    raise AssertionError(f"no run started on {thread} within {RUN_SECONDS:g} s")


async def _free_thread(load: Load, thread: str, kind: str) -> None:
    """Finishes a run that a request started which its client had given up."""
    for run in await load.client.list(f"/v1/threads/{thread}/runs"):
        if run["status"] not in TERMINAL and run["id"] not in load.journal.runs:
            late = StartedRun(run["id"], thread, kind, run["metadata"].get("tag", ""))
            load.journal.runs[late.id] = late
            await _finish_run(load, late)


async def _stream_run(load: Load, path: str, body: dict[str, Any]) -> str | None:
    """The id of a streamed run, once its stream has begun; its client goes away early, as browsers do."""
    async with load.client.stream("POST", path, body | {"stream": True}) as response:
        async for raw in response.content:
            if raw.startswith(b"data: ") and b'"object":"thread.run"' in raw:
                return str(json.loads(raw.removeprefix(b"data: "))["id"])
    return None


async def _finish_run(load: Load, run: StartedRun) -> bool:
    """Waits for the end, submits outputs, sometimes cancels; whether the thread is free again."""
    path = f"/v1/threads/{run.thread_id}/runs/{run.id}"
    deadline = time.monotonic() + RUN_SECONDS
    cancels = run.kind == "plain" and load.happens(0.1)
    while time.monotonic() < deadline:
        found = await load.client.get(path)
        if found["status"] in TERMINAL:
            return True
        if found["status"] == "requires_action":
            if load.happens(0.07):
                run.waits_for_client = True
                return False
            await _submit(load, run, path, found)
        elif cancels and load.happens(0.3):
            cancels = False
            with suppress(Uncertain):
                await load.client.send("POST", f"{path}/cancel", {})
        await asyncio.sleep(load.client.random.uniform(0.2, 0.6))
    load.journal.stuck.append(f"run {run.id} ({run.kind}) has not ended within {RUN_SECONDS:g} s")
    return False


async def _submit(load: Load, run: StartedRun, path: str, found: dict[str, Any]) -> None:
    outputs = []
    for call in found["required_action"]["submit_tool_outputs"]["tool_calls"]:
        output = OUTPUT_START + new_tag()
        run.outputs.append(output)
        outputs.append({"tool_call_id": call["id"], "output": output})
    try:
        # 400: an earlier attempt has been accepted meanwhile.
        reply = await load.client.send("POST", f"{path}/submit_tool_outputs", {"tool_outputs": outputs})
        assert reply.status in {200, 400}, f"submit: {reply.status} {reply.body[:300]!r}"
    except Uncertain:
        pass


# -- responses ---------------------------------------------------------------------------------------------------------


async def background_responses(load: Load) -> None:
    """Chains of background responses."""
    previous: str | None = None
    for _ in range(_TURNS):
        tag = new_tag()
        image = _new_image(load) if load.happens(0.3) else ""
        body: dict[str, Any] = {"model": "gpt-4o", "input": _build_input(tag, image), "background": True}
        body["metadata"] = {"tag": tag}
        if previous is not None:
            body["previous_response_id"] = previous
        made = await load.create("/v1/responses", body)
        response = StartedResponse(made["id"], tag, previous, image)
        load.journal.responses[response.id] = response
        for _ in range(load.client.random.choice((0, 1, 2))):
            load.start(follow_response(load.client, load.journal, response))
        if load.happens(0.1):
            await load.think()
            with suppress(Uncertain):
                await load.client.send("POST", f"/v1/responses/{response.id}/cancel", {})
        if await _await_end(load, f"/v1/responses/{response.id}", RUN_SECONDS) != "completed":
            return
        previous = response.id
        await load.think()


def _new_image(load: Load) -> str:
    """A data URL of bytes that the server stores as a blob."""
    data = _PNG_SIGNATURE + load.client.random.randbytes(_IMAGE_BYTES)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _build_input(tag: str, image: str) -> Any:
    text = f"plain:{tag} please"
    if not image:
        return text
    content = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": image, "detail": "auto"}]
    return [{"type": "message", "role": "user", "content": content}]


async def _await_end(load: Load, path: str, seconds: float) -> str | None:
    """The status at the end; None, with an entry in the journal, where there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status: str = (await load.client.get(path))["status"]
        if status in TERMINAL:
            return status
        await asyncio.sleep(load.client.random.uniform(0.2, 0.8))
    load.journal.stuck.append(f"{path} has not ended within {seconds:g} s")
    return None


async def chats(load: Load) -> None:
    """Plain completions, which are charged."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"plain:{new_tag()} please"}]}
    await load.create("/v1/chat/completions", body)


async def realtime(load: Load) -> None:
    """A session of some turns."""
    journal, turns = load.journal.realtime, load.client.random.randint(1, 5)
    async with load.client.socket(f"/v1/realtime?model={REALTIME_MODEL}") as socket:
        journal.sessions += 1
        for _ in range(turns):
            await socket.send_json({"type": "response.create"})
            async with asyncio.timeout(_TURN_SECONDS):
                while (await socket.receive_json())["type"] != "response.done":
                    pass
            journal.ends += 1
            await load.think()


# -- files -------------------------------------------------------------------------------------------------------------


async def files(load: Load) -> None:
    data = secrets.token_bytes(load.client.random.randint(1, 200_000))
    saved = await _upload(load, data, "assistants")
    content = await load.client.repeat("GET", f"/v1/files/{saved.id}/content")
    if content.status != 200 or content.body != data:
        load.journal.unexpected.append(f"the content of {saved.id} differs: {content.status}")
    if load.happens(0.3):
        saved.deleted = None
        reply = await load.client.send("DELETE", f"/v1/files/{saved.id}")
        assert reply.status == 200, f"DELETE file: {reply.status} {reply.body[:300]!r}"
        saved.deleted = True


async def _upload(load: Load, data: bytes, purpose: str, name: str = "data.txt") -> SavedFile:
    form = aiohttp.FormData({"purpose": purpose})
    form.add_field("file", data, filename=name)
    made = await load.create("/v1/files", None, data=form)
    saved = SavedFile(made["id"], hashlib.sha256(data).hexdigest())
    load.journal.files[saved.id] = saved
    return saved


async def ingestion(load: Load) -> None:
    store = (await load.create("/v1/vector_stores", {"name": "chaos"}))["id"]
    for _ in range(_TURNS):
        word = f"word{new_tag()}"
        data = "\n\n".join(f"Paragraph {n} of {word}. " + "Filler sentence of a document. " * 30 for n in range(6))
        saved = await _upload(load, data.encode(), "assistants", f"{word}.txt")
        # Idempotent: the same file is attached once.
        reply = await load.client.repeat("POST", f"/v1/vector_stores/{store}/files", {"file_id": saved.id})
        assert reply.status == 200, f"attach: {reply.status} {reply.body[:300]!r}"
        load.journal.indexed.append(IndexedFile(store, saved.id, word))
        await _await_end(load, f"/v1/vector_stores/{store}/files/{saved.id}", RUN_SECONDS)
        await load.think()


# -- jobs --------------------------------------------------------------------------------------------------------------


async def batches(load: Load) -> None:
    tags = {f"line-{number}": new_tag() for number in range(load.client.random.randint(5, 25))}
    lines = [_batch_line(custom_id, tag) for custom_id, tag in tags.items()]
    saved = await _upload(load, "\n".join(lines).encode(), "batch", "batch.jsonl")
    body = {"input_file_id": saved.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = await load.create("/v1/batches", body)
    load.journal.batches[made["id"]] = StartedBatch(made["id"], tags)
    await _await_end(load, f"/v1/batches/{made['id']}", BATCH_SECONDS)


def _batch_line(custom_id: str, tag: str) -> str:
    return (
        f'{{"custom_id":"{custom_id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"gpt-4o",'
        f'"messages":[{{"role":"user","content":"plain:{tag} please"}}]}}}}'
    )


async def videos(load: Load) -> None:
    """Orders one video, and repeats the order with its idempotency key until it is acknowledged, and once more."""
    order = OrderedVideo(new_tag())
    load.journal.videos.append(order)
    body = {"prompt": "Static", "resolution": "540p"}
    path, headers = "/v2/generate/video/luma-ai/generation", {"Idempotency-Key": order.key}
    for _ in range(2):
        reply: Reply = await load.client.repeat("POST", path, body, headers=headers)
        assert reply.status == 200, f"POST {path}: {reply.status} {reply.body[:300]!r}"
        order.ids.add(reply.json["id"])
    await _await_video(load, f"{path}?generation_id={reply.json['id']}")


async def _await_video(load: Load, path: str) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        if (await load.client.get(path))["state"] in {"completed", "failed"}:
            return
        await asyncio.sleep(1)
    load.journal.stuck.append(f"{path} has not ended within {RUN_SECONDS:g} s")
