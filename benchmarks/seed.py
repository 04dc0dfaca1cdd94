"""Fills a thread with messages, in the file itself and by the store's own statements: far faster than over HTTP."""

import math
from pathlib import Path

from understudy import ids
from understudy.store import open_store
from understudy.store.database import Bundle, Transaction
from understudy.store.messages import add_item, encode
from understudy.wire.messages import MessageContentTextObject, MessageObject, TextContent

_IN_ONE = 50_000
_TEXT = "What is the tallest mountain, and how high is it?"


async def fill(data: Path, database: str | None, thread_id: str, count: int) -> list[str]:
    """The ids, the oldest first. No server may be using the data directory."""
    made: list[str] = []
    store = await open_store(data, database, exclusive=True)
    try:
        for number in range(math.ceil(count / _IN_ONE)):
            size = min(_IN_ONE, count - number * _IN_ONE)
            made += await store.database.write(_insert, store.database.text_insert, thread_id, size)
    finally:
        await store.close()
    return made


def _insert(text_insert: str, thread_id: str, count: int) -> Transaction[list[str]]:
    """What creating each of them would write, out of one encoded message."""
    template = ids.message()
    body = encode(_message(template, thread_id))
    made = [ids.message() for _ in range(count)]
    for message_id in made:
        bundle = Bundle()
        whole = body.replace(template, message_id, 1)
        item = add_item(bundle, message_id, thread_id, None, "message", "user", whole)
        bundle.add(text_insert.replace("{item}", item), _TEXT, message_id)
        yield bundle
    return made


def _message(message_id: str, thread_id: str) -> MessageObject:
    return MessageObject(
        id=message_id,
        created_at=1750000000,
        assistant_id=None,
        thread_id=thread_id,
        run_id=None,
        status="completed",
        role="user",
        content=[MessageContentTextObject(TextContent(_TEXT))],
        attachments=[],
        metadata={},
    )
