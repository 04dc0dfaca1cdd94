"""Converts calls of this server's tools in the input of clients to the items that its own calls are stored as. Pure.

What they returned reaches the model as if the call had been made here. A client may send a call without what it
returned, as a response has it by default; the model then reads that this is not known.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.engine.views.items import parse_code_output
from understudy.store.response_items import ItemRow
from understudy.tools import image_generation
from understudy.tools.web.types import normalize_url
from understudy.wire.input_items import (
    InputCodeInterpreterCall,
    InputFileSearchCall,
    InputImageCall,
    InputMcpCall,
    InputWebAction,
    InputWebSearchCall,
)
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

# Citation marks contain the turn of their search; these results belong to no turn of the run.
_INPUT_TURN_NUMBER: Final = 9000
_WEB_FUNCTIONS: Final[Mapping[str, str]] = {"open_page": "open_page", "find_in_page": "find_in_page"}
_FAILED: Final = "The call failed."


def _to_row(kind: str, item_id: str, item: msgspec.Struct) -> ItemRow:
    return ItemRow(item_id, kind, msgspec.json.encode(item).decode())


def _turn(number: int) -> int:
    return _INPUT_TURN_NUMBER + number % 1000


# -- searches ----------------------------------------------------------------------------------------------------


def _to_file_search_call(item: InputFileSearchCall, number: int) -> ItemRow:
    made = FileSearchCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        queries=item.queries or [],
        results=[_to_passage(one) for one in item.results or ()],
        turn=_turn(number),
        first=0,
        omitted=item.results is None,
    )
    return _to_row("file_search_call", made.id, made)


def _to_passage(one: Mapping[str, Any]) -> FileSearchResult:
    page, chunk, score = one.get("page"), one.get("chunk_index"), one.get("score")
    headings, attributes = one.get("heading_path"), one.get("attributes")
    return FileSearchResult(
        file_id=str(one.get("file_id", "")),
        filename=str(one.get("filename", "")),
        score=float(score) if isinstance(score, int | float) else 0.0,
        attributes=_known_attributes(attributes) if isinstance(attributes, dict) else {},
        text=str(one.get("text", "")),
        page=page if isinstance(page, int) else None,
        heading_path=[str(heading) for heading in headings] if isinstance(headings, list) else [],
        vector_store_id=str(one.get("vector_store_id", "")),
        chunk_index=chunk if isinstance(chunk, int) else None,
    )


def _known_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Others than texts, numbers and booleans cannot be read back."""
    return {name: value for name, value in attributes.items() if isinstance(value, str | int | float)}


def _to_web_search_call(item: InputWebSearchCall, number: int) -> ItemRow:
    action = item.action or InputWebAction(type="search")
    sources = action.sources or None
    action.sources = msgspec.UNSET
    listed = sources if item.results is None else item.results
    made = WebSearchCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        function=_WEB_FUNCTIONS.get(action.type, "web_search"),
        arguments=_encode_arguments(action),
        action=msgspec.to_builtins(action),
        results=list(_to_pages(listed or ())),
        error=_FAILED if item.status == "failed" else None,
        turn=_turn(number),
        omitted=listed is None,
    )
    return _to_row("web_search", made.id, made)


def _encode_arguments(action: InputWebAction) -> str:
    """What a model would have called the function with."""
    if action.type in _WEB_FUNCTIONS:
        members = {"url": action.url, "pattern": action.pattern}
        given: dict[str, Any] = {name: value for name, value in members.items() if isinstance(value, str)}
    else:
        queries = action.queries or ([action.query] if isinstance(action.query, str) else [])
        given = {"queries": queries}
    return msgspec.json.encode(given).decode()


def _to_pages(listed: Iterable[Mapping[str, Any]]) -> Iterable[WebResult]:
    """The results with a usable URL; of a source, nothing but its URL is known."""
    for one in listed:
        if (url := normalize_url(one.get("url"))) is None:
            continue
        title, text = (one.get(name) for name in ("title", "text"))
        yield WebResult(
            url=url, title=title if isinstance(title, str) else "", text=text if isinstance(text, str) else ""
        )


# -- other tools -------------------------------------------------------------------------------------------------


def _to_mcp_call(item: InputMcpCall, _: int) -> ItemRow:
    made = McpCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        server_label=item.server_label,
        name=item.name,
        arguments=item.arguments,
        output=item.output,
        error=None if item.error is None else _error_text(item.error),
        fault=item.error if isinstance(item.error, dict) else None,
        approval_request_id=item.approval_request_id,
        function=item.name,
    )
    return _to_row("mcp_call", made.id, made)


def _error_text(error: Any) -> str:
    """The text of an error for a model: its message, or the text of its content."""
    if not isinstance(error, dict):
        return str(error)
    content = error.get("content")
    texts = (
        [str(part.get("text", "")) for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    return str(error.get("message") or "\n".join(texts) or content or error)


_IMAGE_MEMBERS: Final = ("background", "output_format", "quality", "revised_prompt", "size")


def _to_image_call(item: InputImageCall, _: int) -> ItemRow:
    members = {name: one for name in _IMAGE_MEMBERS if isinstance(one := getattr(item, name), str)}
    failed = item.status == "failed"
    prompt = members.get("revised_prompt")
    made = ImageGenerationCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        function=image_generation.NAME,
        arguments=msgspec.json.encode({"prompt": prompt} if prompt else {}).decode(),
        result=None if failed else item.result or None,
        members=members,
        error=_FAILED if failed else None,
    )
    return _to_row("image_generation", made.id, made)


def _to_code_call(item: InputCodeInterpreterCall, _: int) -> ItemRow:
    made = CodeInterpreterCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        code=item.code or "",
        container_id=item.container_id or "",
        outputs=[output for one in item.outputs or () if (output := _to_code_output(one)) is not None],
        omitted=item.outputs is None,
    )
    return _to_row("code_interpreter_call", made.id, made)


def _to_code_output(one: Mapping[str, Any]) -> CodeOutput | None:
    url = one.get("url")
    if one.get("type") == "logs":
        return CodeOutput(type="logs", logs=str(one.get("logs", "")))
    return parse_code_output({"type": "image", "url": url}) if isinstance(url, str) else None


CONVERTERS: Final[dict[type, Callable[[Any, int], ItemRow]]] = {
    InputFileSearchCall: _to_file_search_call,
    InputWebSearchCall: _to_web_search_call,
    InputCodeInterpreterCall: _to_code_call,
    InputMcpCall: _to_mcp_call,
    InputImageCall: _to_image_call,
}
"""From an item and its number in the input to its row."""
