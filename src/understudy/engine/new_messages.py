"""Builds message objects from request bodies: of a thread, of a run, or of one message."""

from collections.abc import Sequence

from understudy import ids
from understudy.wire.messages import (
    CreateMessageRequest,
    MessageContent,
    MessageContentTextObject,
    MessageObject,
    MessageRequestContent,
    MessageRequestContentTextObject,
    TextContent,
)


def new_messages(bodies: Sequence[CreateMessageRequest] | None, thread_id: str, now: int) -> list[MessageObject]:
    return [new_message(body, thread_id, now) for body in bodies or ()]


def new_message(body: CreateMessageRequest, thread_id: str, now: int) -> MessageObject:
    parts = [MessageRequestContentTextObject(body.content)] if isinstance(body.content, str) else body.content
    return MessageObject(
        id=ids.message(),
        created_at=now,
        assistant_id=None,
        thread_id=thread_id,
        run_id=None,
        status="completed",
        completed_at=now,
        role=body.role,
        content=[_render_part(part) for part in parts],
        attachments=body.attachments or [],
        metadata=body.metadata or {},
    )


def _render_part(part: MessageRequestContent) -> MessageContent:
    if isinstance(part, MessageRequestContentTextObject):
        return MessageContentTextObject(TextContent(part.text))
    return part
