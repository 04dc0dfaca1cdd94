"""Messages as lines of a table: a thread's id, a role and a text. Makes messages of the API of them."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from understudy.importing.found import Found, Parents, Place, Refused

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "thread_id": ("thread_id", "thread"),
    "role": ("role", "sender", "author"),
    "text": ("text", "content", "message", "body", "value"),
    "message_id": ("message_id", "id"),
    "assistant_id": ("assistant_id",),
    "run_id": ("run_id",),
    "created_at": ("created_at", "timestamp", "created", "date", "time"),
}
"""The members of a line, with the other names that exports of databases use for them."""

_ROLES: Final = {"user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "bot": "assistant"}


def is_flat_message(members: Mapping[str, Any]) -> bool:
    """Whether a dict without `object` is a message whose content is a text."""
    return "role" in members and isinstance(_find_member(members, "text")[1], str)


def to_message(
    members: Mapping[str, Any], place: Place, parents: Parents, list_number: int, index: int
) -> Found | Refused:
    """A message of the API, with the members that it does not know; or why the line is refused.

    Without a message's id, one is made of the line and its number, so that a repeated import has the same.
    """
    values = {}
    unknown = dict(members)
    for name in ALIASES:
        source, value = _find_member(members, name)
        values[name] = value
        if source is not None:
            unknown.pop(source, None)
    role = _ROLES.get(str(values["role"]).strip().lower())
    thread_id = values["thread_id"] or parents.thread_id
    if role is None:
        return Refused(place, f"The role {str(values['role'])[:64]!r} is not 'user' or 'assistant'.")
    if not isinstance(thread_id, str):
        return Refused(place, "The message has no thread_id.")
    body = {
        "id": values["message_id"] or _make_id(thread_id, role, values, index),
        "object": "thread.message",
        "created_at": values["created_at"],
        "thread_id": thread_id,
        "role": role,
        "content": [{"type": "text", "text": {"value": values["text"] or "", "annotations": []}}],
        "assistant_id": values["assistant_id"] or None,
        "run_id": values["run_id"] or None,
        "attachments": [],
        "metadata": {},
    }
    unknown.pop("object", None)
    return Found("message", {**unknown, **body}, parents, list_number, index, place)


def _find_member(members: Mapping[str, Any], name: str) -> tuple[str | None, Any]:
    """The name under which the members have a value, and the value."""
    for alias in ALIASES[name]:
        if members.get(alias) is not None:
            return alias, members[alias]
    return None, None


def _make_id(thread_id: str, role: str, values: Mapping[str, Any], index: int) -> str:
    parts = (thread_id, role, str(values["created_at"]), str(index), str(values["text"]))
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass"))
    return "msg_" + digest.hexdigest()[:24]
