"""Responses, their items and the events of their streams as compact shapes. Source: the service's recorded traffic."""

from typing import Any

from conformance.shapes import Id, changed

USAGE = {
    "input_tokens": int,
    "input_tokens_details": {"cache_write_tokens": int, "cached_tokens": int},
    "output_tokens": int,
    "output_tokens_details": {"reasoning_tokens": int},
    "total_tokens": int,
}
_IMAGE_TOKENS = {"image_tokens": 0, "text_tokens": 0}
TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": _IMAGE_TOKENS,
        "output_tokens": 0,
        "output_tokens_details": _IMAGE_TOKENS,
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
FUNCTION = {
    "type": "function",
    "description": "the weather at a place",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    "strict": False,
}


def long_id(prefix: str) -> Any:
    """Of a response or an item."""
    return Id(prefix, r"[0-9a-f]{50}")


def message_id() -> Any:
    return Id("msg")


def response(*output: Any, **changes: Any) -> Any:
    """One that is over, as it is read."""
    shape = {
        "id": long_id("resp"),
        "object": "response",
        "created_at": int,
        "status": "completed",
        "background": False,
        "billing": {"payer": "developer"},
        "completed_at": int,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "gpt-4o",
        "moderation": None,
        "output": list(output),
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"context": None, "effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tool_usage": TOOL_USAGE,
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": USAGE,
        "user": None,
        "metadata": {},
    }
    return changed(shape, changes)


def streamed(*output: Any, **changes: Any) -> Any:
    """One that is over, as its stream says it: nobody pays there."""
    shape = response(*output, **changes)
    del shape["billing"]
    return shape


def begun(status: Any = "in_progress", **changes: Any) -> Any:
    return streamed(status=status, completed_at=None, service_tier="auto", usage=None, **changes)


def in_conversation(shape: Any, conversation_id: str) -> Any:
    """Its conversation stands behind its times."""
    members = {}
    for name, value in shape.items():
        members[name] = value
        if name == "completed_at":
            members["conversation"] = {"id": conversation_id}
    return members


def output_text(text: Any = str, *annotations: Any) -> dict[str, Any]:
    return {"type": "output_text", "annotations": list(annotations), "logprobs": [], "text": text}


def answer(*parts: Any, **changes: Any) -> Any:
    shape = {
        "id": message_id(),
        "type": "message",
        "status": "completed",
        "content": list(parts),
        "role": "assistant",
    }
    return changed(shape, changes)


def asked(*parts: Any, role: str = "user") -> dict[str, Any]:
    content = [{"type": "input_text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"id": message_id(), "type": "message", "status": "completed", "content": content, "role": role}


def function_call(arguments: Any = str, **changes: Any) -> Any:
    shape = {
        "id": long_id("fc"),
        "type": "function_call",
        "status": "completed",
        "arguments": arguments,
        "call_id": str,
        "name": "get_weather",
    }
    return changed(shape, changes)


def function_call_output(output: Any) -> dict[str, Any]:
    return {
        "id": long_id("fc"),
        "type": "function_call_output",
        "status": "completed",
        "call_id": str,
        "output": output,
    }


def reasoning(**more: Any) -> dict[str, Any]:
    return {"id": long_id("rs"), "type": "reasoning", **more, "summary": []}


def code_call(**changes: Any) -> Any:
    shape = {
        "id": long_id("ci"),
        "type": "code_interpreter_call",
        "status": "completed",
        "code": str,
        "container_id": str,
        "outputs": None,
    }
    return changed(shape, changes)


def search_call(**changes: Any) -> Any:
    shape = {
        "id": long_id("fs"),
        "type": "file_search_call",
        "status": "completed",
        "queries": list,
        "results": None,
    }
    return changed(shape, changes)


def items(*shown: Any, has_more: bool = False) -> dict[str, Any]:
    first, last = (str, str) if shown else (None, None)
    return {"object": "list", "data": list(shown), "first_id": first, "has_more": has_more, "last_id": last}


# -- streams -----------------------------------------------------------------------------------------------------


def event(name: str, /, **members: Any) -> Any:
    """As a stream has it: the members in the order of the alphabet."""
    return f"response.{name}", {"type": f"response.{name}", **dict(sorted({**members, "sequence_number": int}.items()))}


def item(name: str, index: int, shape: Any) -> Any:
    return event(f"output_item.{name}", item=shape, output_index=index)


def said(*pieces: Any, index: int = 0, obfuscated: bool = True) -> Any:
    """An answer's events."""
    place = {"item_id": message_id(), "output_index": index, "content_index": 0}
    hidden = {"obfuscation": str} if obfuscated else {}
    whole = "".join(pieces)
    return [
        item("added", index, answer(status="in_progress")),
        event("content_part.added", part=output_text(""), **place),
        *(event("output_text.delta", delta=piece, logprobs=[], **hidden, **place) for piece in pieces),
        event("output_text.done", text=whole, logprobs=[], **place),
        event("content_part.done", part=output_text(whole), **place),
        item("done", index, answer(output_text(whole))),
    ]


def called(arguments: Any, *, index: int = 0) -> Any:
    place = {"item_id": long_id("fc"), "output_index": index}
    return [
        item("added", index, function_call("", status="in_progress")),
        event("function_call_arguments.delta", delta=arguments, obfuscation=str, **place),
        event("function_call_arguments.done", arguments=arguments, name="get_weather", **place),
        item("done", index, function_call(arguments)),
    ]
