"""What a run needs of a kind of tools: `BuiltInTool`. A new built-in tool is one module and a row of `tool_use`.

Knows no tool. The functions that clients run themselves are in `functions.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from understudy.engine.run import events
from understudy.engine.run.turn import ToolCall
from understudy.store.run_state import NewItem, PendingCall

BuiltIn = Literal["file_search", "code_interpreter", "mcp", "web_search", "image_generation", "tool_search"]

CALL_LIMIT_ERROR: Final = "Not called: the client allows no more tool calls."
"""What the model reads of a call that was refused."""


@dataclass(frozen=True, slots=True)
class OfferedFunction:
    """A function that the model can call for a built-in tool: `definition` is its chat completions tool.

    `keys` are what tool choices name it by, see `run/tool_choice.py`. `is_deferred`: it is hidden until a search for
    tools has loaded one of the keys.
    """

    name: str
    kind: BuiltIn
    definition: Mapping[str, Any]
    keys: frozenset[str]
    is_deferred: bool = False


@dataclass(frozen=True, slots=True)
class CallResult:
    """The events of a call that was executed, and the items that are stored of it: mostly one."""

    events: Sequence[events.Event]
    item: NewItem
    more_items: Sequence[NewItem] = ()


class BuiltInTool(Protocol):
    """The tools of one kind, in one run."""

    async def prepare(self) -> None:
        """Loads, and waits for, what the tool needs before the model is called.

        Raises Interrupted, and ApiError where the tool cannot be used at all.
        """

    def offer(self) -> Sequence[OfferedFunction]:
        """The functions that the model is offered in the next turn."""

    def open(self, call: ToolCall) -> events.Event:
        """The event of a call whose name is complete; its arguments follow. Sets the id of the call's item."""

    def request_approval(self, call: PendingCall) -> NewItem | None:  # noqa: ARG002 - most tools need none
        """The item that asks the client to approve of the call first; None where it can be executed."""
        return None

    async def execute(self, call: PendingCall) -> CallResult:
        """Raises Interrupted, RunLost, and ApiError where the tool cannot be used at all."""

    def refuse(self, call: PendingCall) -> CallResult:
        """The result of a call beyond the client's limit, which is not executed."""
