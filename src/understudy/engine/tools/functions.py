"""The functions and other tools that clients run themselves: how their calls begin, and the items that ask for them."""

from understudy.engine.client_calls import new_item_id, render_call
from understudy.engine.run import events
from understudy.engine.run.turn import ToolCall
from understudy.store.run_state import ClientTool, NewItem, PendingCall
from understudy.tools.code_interpreter import CodeArguments
from understudy.wire.response_items import encode_items
from understudy.wire.response_tools import type_of


def open_call(call: ToolCall) -> events.Event:
    """The event of a call whose name is complete; `call.client` is set unless it is a plain function of that name."""
    call.item_id = new_item_id(call.client)
    if call.client is not None and call.client.kind == "custom":
        call.code = CodeArguments()
    name = call.client.name if call.client is not None else call.name
    return events.CallOpened(call.index, call.id, name, call.item_id, call.client)


def render_request(call: PendingCall) -> NewItem:
    """The item that a client has to answer with an output."""
    tool = call.client or ClientTool("function", call.name)
    item = render_call(tool, call.item_id or new_item_id(tool), call.id, call.arguments)
    return NewItem(item.id or "", type_of(item), encode_items(item).decode())
