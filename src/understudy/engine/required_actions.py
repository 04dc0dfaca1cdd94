"""What a client sends to a run that waits for it, checked against the pending calls: outputs and approvals."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from understudy import ids
from understudy.engine.views.steps import step_calls
from understudy.errors import InvalidRequest
from understudy.store.run_state import NewItem, StoredRun
from understudy.wire.runs import RunObject, ToolApproval


def check_outputs(run: RunObject, call_ids: list[str]) -> None:
    """Raises InvalidRequest unless the outputs are those of all pending calls."""
    if run.status != "requires_action" or run.required_action is None:
        raise InvalidRequest(f'Runs in status "{run.status}" do not accept tool outputs.')
    pending = run.required_action.submit_tool_outputs
    if pending is UNSET:
        raise InvalidRequest("The run waits for approvals. Send them as 'tool_approvals'.", param="tool_outputs")
    expected = [call.id for call in pending.tool_calls]
    if sorted(call_ids) != sorted(expected):
        raise InvalidRequest(f"Expected tool outputs for call_ids {expected}, got {call_ids}")


def check_approvals(run: RunObject, call_ids: list[str]) -> None:
    """Raises InvalidRequest unless the approvals are those of all pending calls."""
    if run.status != "requires_action" or run.required_action is None:
        raise InvalidRequest(f'Runs in status "{run.status}" do not accept tool approvals.')
    pending = run.required_action.submit_tool_approval
    if pending is UNSET:
        raise InvalidRequest("The run waits for outputs. Send them as 'tool_outputs'.", param="tool_approvals")
    expected = [call.id for call in pending.tool_calls]
    if sorted(call_ids) != sorted(expected):
        raise InvalidRequest(f"Expected tool approvals for call_ids {expected}, got {call_ids}")


def apply_approvals(stored: StoredRun, approvals: Sequence[ToolApproval]) -> None:
    """Notes for the engine what the client has decided, and the headers that it gives with it."""
    decided = {one.tool_call_id: one for one in approvals}
    for call in stored.progress.calls:
        if call.id in decided:
            call.approved = decided[call.id].approve
    labels = {call.id: call.server_label for step in stored.steps for call in step_calls(step) if call.type == "mcp"}
    for one in approvals:
        label = labels.get(one.tool_call_id)
        if one.headers and label:
            stored.progress.headers[label] = one.headers


def build_output_item(call_id: str, output: str) -> NewItem:
    """The item of the conversation that a function's output becomes."""
    item_id = ids.function_call_output_item()
    item = {"type": "function_call_output", "id": item_id, "call_id": call_id, "output": output, "status": "completed"}
    return NewItem(item_id, "function_call_output", msgspec.json.encode(item).decode())
