"""Calls of remote MCP tools with the client's decision, in the input of a response. Knows no run."""

from collections.abc import Sequence

import msgspec

from understudy import ids
from understudy.errors import InvalidRequest, NotFound
from understudy.store import Store
from understudy.store.run_state import PendingCall
from understudy.wire.input_items import InputItem, InputMcpApproval, InputMcpApprovalRequest


async def list_approved_calls(store: Store, project_id: str, items: Sequence[InputItem]) -> list[PendingCall]:
    """The calls with a decision of the client, which run before the model is called. Raises InvalidRequest."""
    calls: list[PendingCall] = []
    approvals = [item for item in items if isinstance(item, InputMcpApproval)]
    if not approvals:
        return calls
    sent = {item.id: item for item in items if isinstance(item, InputMcpApprovalRequest)}
    for item in approvals:
        approved = _to_stored_form(sent.get(item.approval_request_id))
        if approved is None:
            approved = await _load_request(store, project_id, item.approval_request_id)
        calls.append(
            PendingCall(
                len(calls),
                approved["call_id"],
                approved["function"],
                approved["arguments"],
                "mcp",
                item_id=ids.mcp_call(),
                approved=item.approve,
                approval_id=item.approval_request_id,
                server_label=approved["server_label"],
            )
        )
    return calls


async def _load_request(store: Store, project_id: str, item_id: str) -> dict[str, str]:
    try:
        found = await store.responses.item(project_id, item_id)
    except NotFound:
        found = None
    if found is None or found.kind != "mcp_approval_request":
        raise InvalidRequest(f"No approval request found with id '{item_id}'.", param="input")
    members: dict[str, str] = msgspec.json.decode(found.body)
    members.setdefault("call_id", ids.tool_call())
    members.setdefault("function", members["name"])
    return members


def _to_stored_form(item: InputMcpApprovalRequest | None) -> dict[str, str] | None:
    """One that the client carries itself, as one that is stored."""
    if item is None:
        return None
    return {
        "call_id": ids.tool_call(),
        "function": item.name,
        "arguments": item.arguments,
        "server_label": item.server_label,
    }
