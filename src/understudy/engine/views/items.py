"""The items of a thread as the Responses API shows them, also those that the Assistants API has written. Pure.

Messages are stored as the Assistants API serves them. Its marks of citations are not part of the text here: a citation
has the number of characters before it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from understudy.store.messages import Item
from understudy.tools.mcp import execution_error
from understudy.wire.items import (
    CodeInterpreterCallItem,
    CodeOutput,
    FileSearchCallItem,
    FileSearchResult,
    ImageGenerationCallItem,
    McpCallItem,
    WebResult,
    WebSearchCallItem,
)
from understudy.wire.messages import (
    FileCitationAnnotation,
    FilePathAnnotation,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
    TextContent,
    UrlCitationAnnotation,
)
from understudy.wire.response_items import CodeInterpreterCall, FileSearchCall, OutputItem, ReasoningItem, WebSearchCall
from understudy.wire.responses import ResponseObject

_IMAGE_URL: Final = "message.input_image.image_url"
# Without the includes of data; other items are rendered with what clients send in them.
_ITEMS_WITHOUT_DATA: Final = frozenset({"message", "input"})
_ITEMS_WITH_INCLUDES: Final = frozenset({"file_search_call", "code_interpreter_call", "reasoning", "web_search"})
_decode_message = msgspec.json.Decoder(MessageObject).decode
_decode_search = msgspec.json.Decoder(FileSearchCallItem).decode
_decode_code = msgspec.json.Decoder(CodeInterpreterCallItem).decode
_decode_image = msgspec.json.Decoder(ImageGenerationCallItem).decode
_decode_web = msgspec.json.Decoder(WebSearchCallItem).decode
_decode_remote = msgspec.json.Decoder(McpCallItem).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
# Members that responses with a reference to the item need, and that clients never see.
FILE_DATA: Final = "message.input_file.file_data"
_CONTENT_PATH: Final = "/v1/files/{}/content"
_CONTENT_URL: Final = re.compile(r"/v1/files/([^/]{1,256})/content")


def render_item(
    item: Item, included: frozenset[str] = frozenset(), names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`included` are the requested additional members; `names` maps the ids of cited files to names."""
    if item.kind == "message":
        return _render_message(_decode_message(item.body), included, names or {})
    view = _RENDERERS.get(item.kind)
    return _decode(item.body) if view is None else view(item.body, included)


def cited_file_ids(items: Iterable[Item]) -> list[str]:
    """The ids of the files whose names `shown` needs."""
    found: dict[str, None] = {}
    for item in items:
        if item.kind == "message" and '"annotations":[{' in item.body:
            for part in _decode_message(item.body).content:
                if isinstance(part, MessageContentTextObject):
                    found |= {
                        _annotation_target(one): None
                        for one in part.text.annotations
                        if not isinstance(one, UrlCitationAnnotation)
                    }
    return list(found)


def search_results(results: Iterable[FileSearchResult]) -> list[dict[str, Any]]:
    return [
        {
            "attributes": one.attributes,
            "file_id": one.file_id,
            "filename": one.filename,
            "score": one.score,
            "text": one.text,
            **one.place,
        }
        for one in results
    ]


def web_members(action: Mapping[str, Any], results: Sequence[WebResult], included: frozenset[str]) -> dict[str, Any]:
    """The members of a web search call: its action, and the sources and results that the client requested."""
    rendered = dict(action)
    if action.get("type") == "search" and "web_search_call.action.sources" in included:
        rendered["sources"] = [{"type": "url", "url": one.url} for one in results]
    members: dict[str, Any] = {"action": rendered}
    if "web_search_call.results" in included:
        members["results"] = [msgspec.to_builtins(one) for one in results]
    return members


def code_outputs(outputs: Iterable[CodeOutput], before: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Joins consecutive logs."""
    made = [dict(one) for one in before]
    for output in outputs:
        if output.type == "image":
            made.append({"type": "image", "url": output.url or _CONTENT_PATH.format(output.file_id)})
        elif made and made[-1]["type"] == "logs":
            made[-1]["logs"] += output.logs
        else:
            made.append({"type": "logs", "logs": output.logs})
    return made


def add_included(response: ResponseObject, made: Iterable[Item], included: frozenset[str]) -> ResponseObject:
    """The response with what its stored items hold, and what it was not made to show."""
    known = {
        item["id"]: item for item in (render_item(one, included) for one in made if one.kind in _ITEMS_WITH_INCLUDES)
    }
    output = [_add_included_to_item(item, known.get(item.id, {})) for item in response.output]
    return msgspec.structs.replace(response, output=output)


def _add_included_to_item(item: OutputItem, known: Mapping[str, Any]) -> OutputItem:
    """Members in the stored response stay: its request included them."""
    match item:
        case FileSearchCall(results=None):
            return msgspec.structs.replace(item, results=known.get("results"))
        case CodeInterpreterCall(outputs=None):
            return msgspec.structs.replace(item, outputs=known.get("outputs"))
        case WebSearchCall():
            members = {name: known[name] for name in ("action", "results") if name in known}
            return item if "sources" in item.action else msgspec.structs.replace(item, **members)
        case ReasoningItem() if known.get("encrypted_content"):
            return msgspec.structs.replace(item, encrypted_content=known["encrypted_content"])
        case _:
            return item


def parse_code_output(output: Mapping[str, Any]) -> CodeOutput:
    """What `code_outputs` has made of it, undone."""
    if output["type"] == "image":
        url: str = output["url"]
        path = _CONTENT_URL.fullmatch(url)
        return CodeOutput(type="image", url=url) if path is None else CodeOutput(type="image", file_id=path[1])
    return CodeOutput(type="logs", logs=output["logs"])


def strip_citation_marks(text: TextContent, names: Mapping[str, str]) -> tuple[str, list[dict[str, Any]]]:
    """The text without the marks of citations, and what they say."""
    plain, end, annotations = "", 0, list[dict[str, Any]]()
    for one in sorted(text.annotations, key=lambda one: one.start_index):
        plain += text.value[end : one.start_index]
        end = one.end_index
        if isinstance(one, UrlCitationAnnotation):
            link = text.value[one.start_index : end]
            span = {"end_index": len(plain) + len(link), "start_index": len(plain)}
            annotations.append({"type": "url_citation", **span, **_url_members(one)})
            plain += link
            continue
        file_id = _annotation_target(one)
        name = names.get(file_id, "")
        if isinstance(one, FileCitationAnnotation):
            cited = msgspec.to_builtins(one.file_citation)
            annotations.append(
                {"type": "file_citation", "file_id": file_id, "filename": name, "index": len(plain)} | cited
            )
            continue
        start = len(plain)
        plain += text.value[one.start_index : end]
        annotations.append({"type": "file_path", "file_id": file_id, "index": start})
    return plain + text.value[end:], annotations


def _url_members(annotation: UrlCitationAnnotation) -> dict[str, str]:
    return {"title": annotation.url_citation.title, "url": annotation.url_citation.url}


def _annotation_target(annotation: FileCitationAnnotation | FilePathAnnotation) -> str:
    if isinstance(annotation, FileCitationAnnotation):
        return annotation.file_citation.file_id
    return annotation.file_path.file_id


def _render_message(message: MessageObject, included: frozenset[str], names: Mapping[str, str]) -> dict[str, Any]:
    spoken = message.role == "assistant"
    content = [part for one in message.content for part in _render_part(one, spoken, included, names)]
    return {
        "id": message.id,
        "type": "message",
        "status": message.status,
        "content": content,
        **({"phase": message.phase} if message.phase else {}),
        "role": message.role,
    }


def _render_part(
    part: Any, spoken: bool, included: frozenset[str], names: Mapping[str, str]
) -> Iterable[dict[str, Any]]:
    if isinstance(part, MessageContentTextObject) and spoken:
        text, annotations = strip_citation_marks(part.text, names)
        yield {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}
    elif isinstance(part, MessageContentTextObject):
        yield {"type": "input_text", "text": part.text.value}
    elif isinstance(part, MessageContentRefusalObject):
        yield {"type": "refusal", "refusal": part.refusal}
    elif isinstance(part, MessageContentImageFileObject):
        image = part.image_file
        yield {"type": "input_image", "detail": image.detail, "file_id": image.file_id, "image_url": None}
    elif isinstance(part, MessageContentImageUrlObject):
        shown_url = part.image_url.url if _IMAGE_URL in included else None
        yield {"type": "input_image", "detail": part.image_url.detail, "file_id": None, "image_url": shown_url}


def omits_data(item: Item, included: frozenset[str]) -> bool:
    """Whether `render_item` leaves out all base64 that a client has sent in the item."""
    return item.kind in _ITEMS_WITHOUT_DATA and included.isdisjoint({_IMAGE_URL, FILE_DATA})


def _render_search(body: str, included: frozenset[str]) -> dict[str, Any]:
    item = _decode_search(body)
    wanted = "file_search_call.results" in included
    results = search_results(item.results) if wanted else None
    return {
        "id": item.id,
        "type": "file_search_call",
        "status": item.status,
        "queries": item.queries,
        "results": results,
    }


def _render_web_call(body: str, included: frozenset[str]) -> dict[str, Any]:
    item = _decode_web(body)
    members = web_members(item.action, item.results, frozenset() if item.omitted else included)
    status = "completed" if item.error is None else "failed"
    return {"id": item.id, "type": "web_search_call", "status": status, **members}


def _render_image_call(body: str, _: frozenset[str]) -> dict[str, Any]:
    item = _decode_image(body)
    status = "completed" if item.error is None else "failed"
    made = {"id": item.id, "type": "image_generation_call", "status": status, "result": item.result}
    return made | item.members


def _render_code(body: str, included: frozenset[str]) -> dict[str, Any]:
    item = _decode_code(body)
    wanted = "code_interpreter_call.outputs" in included
    return {
        "id": item.id,
        "type": "code_interpreter_call",
        "status": item.status,
        "code": item.code,
        "container_id": item.container_id,
        "outputs": code_outputs(item.outputs) if wanted else None,
    }


def _omit_file_data(body: str, included: frozenset[str]) -> dict[str, Any]:
    """What was sent as bytes is not sent back to clients."""
    item = _decode(body)
    if FILE_DATA in included:
        return item
    for part in item["content"]:
        if part["type"] == "input_file":
            part.pop("file_data", None)
            part.pop("file_url", None)
        elif part["type"] == "input_image" and _IMAGE_URL not in included:
            part["image_url"] = None
    return item


def _render_reasoning(body: str, included: frozenset[str]) -> dict[str, Any]:
    item = _decode(body)
    made = {"id": item["id"], "type": "reasoning", "summary": item.get("summary") or []}
    if "reasoning.encrypted_content" in included and item.get("encrypted_content"):
        made["encrypted_content"] = item["encrypted_content"]
    return made


def _order_members(names: Sequence[str], body: str, _: frozenset[str]) -> dict[str, Any]:
    item = _decode(body)
    return {name: item[name] for name in names if name in item}


def _render_remote_call(body: str, _: frozenset[str]) -> dict[str, Any]:
    item = _decode_remote(body)
    return {
        "id": item.id,
        "type": "mcp_call",
        "status": "completed" if item.error is None else "failed",
        "approval_request_id": item.approval_request_id,
        "arguments": item.arguments,
        "error": item.fault or execution_error(item.error),
        "name": item.name,
        "output": item.output,
        "server_label": item.server_label,
    }


_RENDERERS: Final[dict[str, Callable[[str, frozenset[str]], dict[str, Any]]]] = {
    "file_search_call": _render_search,
    "web_search": _render_web_call,
    "image_generation": _render_image_call,
    "code_interpreter_call": _render_code,
    "input": _omit_file_data,
    "reasoning": _render_reasoning,
    "function_call": partial(
        _order_members, ("id", "type", "status", "arguments", "call_id", "name", "namespace", "caller")
    ),
    "function_call_output": partial(
        _order_members, ("id", "type", "status", "call_id", "output", "name", "namespace", "caller")
    ),
    "custom_tool_call": partial(
        _order_members, ("id", "type", "status", "call_id", "input", "name", "namespace", "caller")
    ),
    "tool_search_call": partial(_order_members, ("id", "type", "status", "arguments", "call_id", "execution")),
    "tool_search_output": partial(_order_members, ("id", "type", "status", "call_id", "execution", "tools")),
    "mcp_call": _render_remote_call,
    "mcp_approval_request": partial(_order_members, ("id", "type", "arguments", "name", "server_label")),
    "custom_tool_call_output": partial(_order_members, ("id", "type", "status", "call_id", "output", "caller")),
}
