"""Messages that an import decodes in one step become what the slower way makes of them."""

from typing import Any

import msgspec
import pytest

from understudy.engine.transfers import conversion
from understudy.engine.transfers.plain_messages import decode_plain
from understudy.importing.identifiers import has_inner_references
from understudy.importing.objects import RawObject
from understudy.wire.messages import MessageObject

TEXT = {"type": "text", "text": {"value": "Hi", "annotations": []}}
MESSAGE = {"id": "msg_1", "object": "thread.message", "created_at": 7, "thread_id": "thread_1", "role": "user"}


def raw(content: list[Any], **members: Any) -> RawObject:
    encoded = msgspec.json.encode({**MESSAGE, "content": content, **members})
    return RawObject("message", "msg_1", 7, 0, encoded, has_inner_references=has_inner_references("message", encoded))


@pytest.mark.parametrize(
    ("content", "members"),
    [
        ([TEXT], {}),
        ([TEXT, {"type": "refusal", "refusal": "No."}], {"metadata": {"a": "b"}, "run_id": "run_1"}),
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}], {}),
        ([TEXT], {"status": "in_progress", "incomplete_details": {"reason": "run_failed"}, "attachments": []}),
    ],
)
def test_a_plain_message_is_what_the_general_conversion_makes(content, members):
    one = raw(content, **members)
    plain = decode_plain(one)
    assert isinstance(plain, MessageObject)
    general, unknown = conversion.to_object(one, one.body, 99)
    assert msgspec.json.encode(conversion.end(plain)) == msgspec.json.encode(general)
    assert unknown == ""


@pytest.mark.parametrize(
    ("content", "members"),
    [
        ([{**TEXT, "extra": 1}], {}),
        ([{"type": "text", "text": {"value": "Hi", "annotations": [], "lang": "en"}}], {}),
        ([{"type": "text", "text": {"value": "Hi", "annotations": [{"type": "url_citation"}]}}], {}),
        ([{"type": "image_file", "image_file": {"file_id": "file-1"}}], {}),
        ([TEXT], {"vendor": 1}),
        ([TEXT], {"metadata": None}),
        ([TEXT], {"incomplete_details": {"reason": "run_failed", "more": 1}}),
        ([TEXT], {"attachments": [{"file_id": "file-1", "tools": []}]}),
        ([TEXT], {"object": "understudy.item"}),
    ],
)
def test_other_messages_get_a_closer_look(content, members):
    assert decode_plain(raw(content, **members)) is None


def test_no_member_of_messages_is_missing():
    decoded = decode_plain(raw([TEXT]))
    assert type(decoded).__struct_fields__ == MessageObject.__struct_fields__
