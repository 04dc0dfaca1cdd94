"""A thread with all its messages as a download: lines of JSON, or Markdown to read. Messages are read in pages."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from understudy.api.operations import BYTES, EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.threads import read_thread_id
from understudy.store.pages import PageRequest
from understudy.wire import queries
from understudy.wire.messages import (
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentTextObject,
    MessageObject,
)
from understudy.wire.threads import ThreadExportQuery, ThreadObject

operations = OperationGroup(EXTENSIONS)

_PAGE: Final = 100
_AUTHORS: Final = {"user": "User", "assistant": "Assistant"}
_decode_thread = msgspec.json.Decoder(ThreadObject).decode
_decode_message = msgspec.json.Decoder(MessageObject).decode


@dataclass(frozen=True, slots=True)
class _Format:
    """`head` renders the encoded thread, `message` an encoded message."""

    media_type: str
    extension: str
    head: Callable[[str], str]
    message: Callable[[str], str]


@operations.add(
    "exportThread",
    "GET",
    "/threads/{thread_id}/export",
    summary="Download a thread with all its messages. An extension of the hosted API.",
    query=ThreadExportQuery,
    response=BYTES,
    binary=True,
)
async def export_thread(request: Request) -> Response:
    """The thread on the first line, then its messages, oldest first."""
    parts, project_id, thread_id = parts_of(request), project_of(request), await read_thread_id(request)
    chosen = _FORMATS[queries.parse(request.scope["query_string"], ThreadExportQuery).format]
    thread = await parts.store.threads.get(project_id, thread_id)
    headers = {"content-disposition": f'attachment; filename="{thread_id}.{chosen.extension}"'}
    chunks = _render_thread(parts, project_id, thread_id, thread, chosen)
    return StreamingResponse(chunks, media_type=chosen.media_type, headers=headers)


async def _render_thread(
    parts: Parts, project_id: str, thread_id: str, thread: str, chosen: _Format
) -> AsyncIterator[bytes]:
    """Raises NotFound if the thread is deleted meanwhile, which ends the download."""
    yield chosen.head(thread).encode()
    after = None
    while True:
        page = await parts.store.messages.page(project_id, thread_id, PageRequest(_PAGE, "asc", after))
        page = await parts.item_data.fill_page(page)
        if page.rows:
            yield "".join(chosen.message(body) for _, body in page.rows).encode()
        if not page.has_more:
            return
        after = page.rows[-1][0]


def _render_line(body: str) -> str:
    return f"{body}\n"


def _render_head(body: str) -> str:
    thread = _decode_thread(body)
    pairs = "".join(f"- {name}: {value}\n" for name, value in thread.metadata.items())
    return f"# {thread.id}\n\nCreated {_format_time(thread.created_at)}\n{pairs and chr(10) + pairs}"


def _render_message(body: str) -> str:
    message = _decode_message(body)
    author = _AUTHORS.get(message.role, message.role)
    state = f" · {message.status}" if message.status not in {None, "completed"} else ""
    parts = "\n\n".join(part for part in _render_parts(message) if part)
    return f"\n## {author} · {_format_time(message.created_at)}{state}\n\n{parts}\n"


def _render_parts(message: MessageObject) -> Iterator[str]:
    for part in message.content:
        match part:
            case MessageContentTextObject():
                yield part.text.value
            case MessageContentImageFileObject():
                yield f"[image: {part.image_file.file_id}]"
            case MessageContentImageUrlObject():
                yield f"[image: {part.image_url.url}]"
            case _:
                yield part.refusal
    if attachments := [one.file_id for one in message.attachments or () if isinstance(one.file_id, str)]:
        yield f"[attached: {', '.join(attachments)}]"


def _format_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_FORMATS: Final = {
    "jsonl": _Format("application/x-jsonl", "jsonl", _render_line, _render_line),
    "md": _Format("text/markdown; charset=utf-8", "md", _render_head, _render_message),
}
