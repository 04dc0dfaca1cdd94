"""The texts of the items of a response's output, as a moderation reads them: what the model wrote. Pure."""

from collections.abc import Sequence

import msgspec

from understudy.engine import client_history
from understudy.wire.response_items import (
    CodeInterpreterCall,
    CustomToolCallItem,
    FileSearchCall,
    FunctionCallItem,
    ImageGenerationCall,
    McpApprovalRequest,
    McpCall,
    OutputItem,
    OutputMessage,
    OutputText,
    ReasoningItem,
    WebSearchCall,
)


def item_texts(item: OutputItem) -> Sequence[str]:
    texts: Sequence[str] = ()
    match item:
        case OutputMessage(content=parts):
            texts = [part.text if isinstance(part, OutputText) else part.refusal for part in parts]
        case ReasoningItem(summary=summary):
            texts = [part.text for part in summary]
        case FunctionCallItem() | McpCall() | McpApprovalRequest():
            texts = [item.arguments]
        case CustomToolCallItem(input=text) | CodeInterpreterCall(code=text):
            texts = [text]
        case ImageGenerationCall(revised_prompt=str(text)):
            texts = [text]
        case FileSearchCall(queries=queries):
            texts = queries
        case WebSearchCall(action=action):
            texts = [value for name, value in action.items() if name != "type" and isinstance(value, str)]
        case _ if (kind := str(item.__struct_config__.tag)) in client_history.CALLS:
            texts = [client_history.call_arguments(kind, msgspec.to_builtins(item))]
        case _:
            pass
    return texts
