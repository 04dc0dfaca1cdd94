"""The calls of one model turn, answered: the built-in tools' here, what is left by the client.

Each answer is stored when it is there, so that a run that is taken up again does not do a finished call twice.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from understudy import ids
from understudy.engine import events
from understudy.engine.computing import Computing
from understudy.engine.interpreter import Interpreter
from understudy.engine.interruption import Interruption
from understudy.engine.remote_tools import RemoteFunction, RemoteTools
from understudy.engine.searching import Searching, VectorStores
from understudy.engine.stage import Stage
from understudy.engine.turn import ToolCall
from understudy.store.files import StoredFile
from understudy.store.runs import Call, PendingCall
from understudy.tools.mcp import RemoteServers
from understudy.wire.runs import RunCompletionUsage

# How long a run waits for the files of its vector stores, in seconds.
_INDEXING = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs can use beside their client's functions."""

    vector_stores: VectorStores
    interpreter: Interpreter
    remote_servers: RemoteServers
    load_image: Callable[[str, str], Awaitable[str | None]]
    """From a project's id and a File's to a `data:` URL."""


class ToolUse:
    def __init__(self, stage: Stage, interruption: Interruption, tools: Tools) -> None:
        self._stage = stage
        self._interruption = interruption
        self._searching = Searching(stage, interruption, tools.vector_stores)
        self._computing = Computing(stage, interruption, tools.interpreter)
        self._remote = RemoteTools(stage, interruption, tools.remote_servers)
        self.files: Sequence[StoredFile] = ()
        """What the run's code can read."""

    async def prepare(self) -> None:
        """Gathers, and waits for, what the run's tools need before the model is asked."""
        self.files = await self._computing.files()
        await self._searching.await_indexing(_INDEXING)
        await self._remote.gather()

    @property
    def remote(self) -> Sequence[RemoteFunction]:
        """The tools of remote servers that the run may call."""
        return self._remote.functions

    async def begin(self, calls: Sequence[ToolCall], built_in: Mapping[str, str], usage: RunCompletionUsage) -> None:
        """Stores what the model wants to have called, before anything is done."""
        progress = self._stage.progress
        progress.pending = usage
        progress.calls = [
            PendingCall(call.index, call.id, call.name, "".join(call.arguments), built_in.get(call.name, "function"))
            for call in calls
        ]
        if any(call.kind != "function" for call in progress.calls):
            self._stage.view.settle()
            await self._stage.commit(checkpoint=True)

    async def finish(self) -> bool:
        """Answers every call of a built-in tool; False where the client has to answer others now.

        Raises Interrupted, LostRun, and ApiError where a tool cannot be used at all.
        """
        calls = self._stage.progress.calls
        waiting = self._remote.unapproved(calls)
        for call in [call for call in calls if call.kind != "function" and not call.done and call not in waiting]:
            self._interruption.check()
            await self._answer(call)
        if waiting:
            asked = events.ApprovalRequired(tuple(call.id for call in waiting))
            await self._stage.commit(asked, release=True)
            return False
        if any(call.kind == "function" for call in calls):
            await self._require_action()
            return False
        return True

    async def _answer(self, call: PendingCall) -> None:
        if call.kind == "file_search":
            happened, item = await self._searching.answer(call)
        elif call.kind == "mcp":
            happened, item = await self._remote.answer(call)
        else:
            happened, item = await self._computing.answer(call, self.files)
        call.done = True
        await self._stage.commit(*happened, *self._closing(), calls=[item], checkpoint=True)

    def _closing(self) -> list[events.Event]:
        """The end of the step, where nothing is left to answer."""
        progress = self._stage.progress
        if not all(call.done for call in progress.calls):
            return []
        cost = progress.pending or RunCompletionUsage()
        progress.used += cost
        progress.pending = None
        progress.calls = []
        return [events.CallsClosed(self._stage.now(), cost)]

    async def _require_action(self) -> None:
        progress = self._stage.progress
        calls = [_function_call(call) for call in progress.calls if call.kind == "function"]
        progress.calls = []
        await self._stage.commit(events.ActionRequired(), calls=calls, release=True)


def _function_call(call: PendingCall) -> Call:
    item_id = ids.function_call_item()
    item = {
        "type": "function_call",
        "id": item_id,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }
    return Call(item_id, "function_call", msgspec.json.encode(item).decode())
