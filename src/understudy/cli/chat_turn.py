"""One turn of a conversation in a terminal: sends a message, and reads its stream of events into neutral ones.

A conversation with an assistant is a thread with runs; without one, it is a conversation with responses. Both are the
same object of the server, so either continues the other.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from understudy.cli.api_client import ApiClient, segment

_IMAGES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool in one line."""

    summary: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call that this program has to answer."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class End:
    """`object` is the run or response; `problem` is empty for a complete answer."""

    object: dict[str, Any]
    problem: str = ""


TurnEvent = Text | ToolUse | FunctionCall | End
AnswerCall = Callable[[FunctionCall], str]


@dataclass(slots=True)
class Conversation:
    """`assistant` None: `model` answers. `thread_id` is None until the first turn, unless one is resumed."""

    api: ApiClient
    assistant: dict[str, Any] | None
    model: str | None
    thread_id: str | None = None
    instructions: str | None = None
    files: list[dict[str, Any]] = field(default_factory=list)

    async def attach(self, path: Path) -> dict[str, Any]:
        """Uploads a file for the next message. Raises OSError and RequestFailed."""
        file = await self.api.upload(path, "vision" if path.suffix.lower() in _IMAGES else "assistants")
        self.files.append(file)
        return file

    async def send(self, text: str, answer_call: AnswerCall) -> AsyncIterator[TurnEvent]:
        """The events of the turn; the last one is its End. `answer_call` returns the output of a function."""
        files, self.files = self.files, []
        turn = self._run_thread(text, files, answer_call) if self.assistant else self._respond_to_text(text, files)
        async for event in turn:
            yield event

    # A thread and its runs

    async def _run_thread(
        self, text: str, files: list[dict[str, Any]], answer_call: AnswerCall
    ) -> AsyncIterator[TurnEvent]:
        assert self.assistant is not None
        if self.thread_id is None:
            self.thread_id = (await self.api.post("/threads", {}))["id"]
        thread = f"/threads/{segment(self.thread_id.replace('conv_', 'thread_'))}"
        await self.api.post(f"{thread}/messages", {"role": "user"} | self._message_content(text, files))
        body = {"assistant_id": self.assistant["id"], "stream": True}
        if self.instructions:
            body["additional_instructions"] = self.instructions
        path: str | None = f"{thread}/runs"
        while path is not None:
            run: dict[str, Any] = {}
            async for name, data in self.api.events(path, body):
                if name.startswith("thread.run.") and data.get("object") == "thread.run":
                    run = data
                for event in _read_run_event(name, data):
                    yield event
            path = None
            if run.get("status") == "requires_action":
                calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
                outputs = []
                for call in calls:
                    wanted = FunctionCall(call["id"], call["function"]["name"], call["function"]["arguments"])
                    yield wanted
                    outputs.append({"tool_call_id": call["id"], "output": answer_call(wanted)})
                path, body = f"{thread}/runs/{run['id']}/submit_tool_outputs", {"tool_outputs": outputs, "stream": True}
        yield End(run, _describe_end(run, "run"))

    def _message_content(self, text: str, files: list[dict[str, Any]]) -> dict[str, Any]:
        assert self.assistant is not None
        images = [file for file in files if file["purpose"] == "vision"]
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        parts += [{"type": "image_file", "image_file": {"file_id": file["id"]}} for file in images]
        kinds = {tool["type"] for tool in self.assistant["tools"]} & {"file_search", "code_interpreter"}
        tools = [{"type": kind} for kind in sorted(kinds or {"file_search"})]
        attached = [{"file_id": file["id"], "tools": tools} for file in files if file not in images]
        return {"content": parts} | ({"attachments": attached} if attached else {})

    # A conversation and its responses

    async def _respond_to_text(self, text: str, files: list[dict[str, Any]]) -> AsyncIterator[TurnEvent]:
        if self.thread_id is None:
            self.thread_id = (await self.api.post("/conversations", {}))["id"]
        content: list[dict[str, Any]] = [{"type": "input_text", "text": text}]
        for file in files:
            is_image = file["purpose"] == "vision"
            content.append({"type": "input_image" if is_image else "input_file", "file_id": file["id"]})
        body: dict[str, Any] = {
            "model": self.model,
            "conversation": self.thread_id.replace("thread_", "conv_"),
            "input": [{"role": "user", "content": content}],
            "stream": True,
        }
        if self.instructions:
            body["instructions"] = self.instructions
        response: dict[str, Any] = {}
        async for name, data in self.api.events("/responses", body):
            response = data.get("response", response)
            for event in _read_response_event(name or data.get("type", ""), data):
                yield event
        yield End(response, _describe_end(response, "response"))


def _read_run_event(name: str, data: dict[str, Any]) -> list[TurnEvent]:
    if name == "thread.message.delta":
        parts = data["delta"].get("content") or ()
        return [Text(part["text"].get("value") or "") for part in parts if part.get("type") == "text"]
    if name == "thread.run.step.completed":
        calls = data["step_details"].get("tool_calls") or ()
        return [ToolUse(_summarize_call(call)) for call in calls if call["type"] != "function"]
    if name == "error":
        raise click.ClickException(str((data.get("error") or data).get("message")))
    return []


def _read_response_event(name: str, data: dict[str, Any]) -> list[TurnEvent]:
    if name == "response.output_text.delta":
        return [Text(data["delta"])]
    if name == "response.output_item.done" and data["item"]["type"].endswith("_call"):
        item = data["item"]
        return [ToolUse(_summarize_call({"type": item["type"].removesuffix("_call")} | item))]
    if name == "error":
        raise click.ClickException(str((data.get("error") or data).get("message")))
    return []


def _summarize_call(call: dict[str, Any]) -> str:
    """One line: the kind of the tool, and what it was called with."""
    kind = str(call["type"]).removesuffix("_call")
    inner = call.get(kind)
    given = inner.get("input") if isinstance(inner, dict) else None
    wanted = call.get("name") or call.get("queries") or call.get("code") or given or ""
    text = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
    first, *rest = text.strip().splitlines() or [""]
    return f"{kind.replace('_', ' ')} {first[:100]}{' …' if rest or len(first) > 100 else ''}".strip()


def _describe_end(ended: dict[str, Any], noun: str) -> str:
    status = ended.get("status")
    if status == "completed":
        return ""
    error = ended.get("last_error") or ended.get("error") or {}
    reason = error.get("message") or (ended.get("incomplete_details") or {}).get("reason") or ""
    return f"The {noun} ended as {status or 'unknown'}{f': {reason}' if reason else '.'}"
