"""What a foreign object has beyond this server's: set aside by its path, the rest is converted."""

from typing import Any

import msgspec
import pytest

from understudy.engine.transfers.pruning import convert
from understudy.wire.messages import MessageObject
from understudy.wire.runs import RunObject

MESSAGE: dict[str, Any] = {
    "id": "msg_a",
    "object": "thread.message",
    "created_at": 1,
    "assistant_id": None,
    "thread_id": "thread_a",
    "run_id": None,
    "status": "completed",
    "role": "user",
    "content": [{"type": "text", "text": {"value": "Hi", "annotations": []}}],
    "attachments": [],
    "metadata": {},
}
REQUIRED = frozenset({"id", "role", "content"})


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({}, {}),
        ({"color": "red"}, {"color": "red"}),
        ({"color": None}, {}),
        ({"content": [{"type": "audio", "audio": 1}]}, {"content[0]": {"type": "audio", "audio": 1}}),
        ({"status": "strange"}, {"status": "strange"}),
        ({"metadata": {"n": 1, "none": None}}, {}),
    ],
)
def test_what_does_not_fit_is_set_aside(changes, unknown):
    converted, found = convert({**MESSAGE, **changes}, MessageObject, REQUIRED, {"status": "completed"})
    assert (found, converted.id) == (unknown, "msg_a")
    assert all(isinstance(value, str) for value in converted.metadata.values())


def test_a_required_member_of_the_wrong_type_is_an_error():
    with pytest.raises(msgspec.ValidationError, match="role"):
        convert({**MESSAGE, "role": "robot"}, MessageObject, REQUIRED, {})


def test_a_member_deep_inside_is_named_by_its_path():
    run = {"id": "run_a", "usage": {"prompt_tokens": 1, "cost": 2}, "last_error": None}
    with pytest.raises(msgspec.ValidationError, match="required field"):
        convert(run, RunObject, REQUIRED, {})
    content = [{"type": "text", "text": {"value": "Hi", "annotations": [], "lang": "en"}}]
    assert convert({**MESSAGE, "content": content}, MessageObject, REQUIRED, {})[1] == {"content[0].text.lang": "en"}
