"""The kinds of objects that `ls`, `get` and `rm` know: their paths, and the columns of their tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import click

from understudy.cli.output import minute

Cell = Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Resource:
    """`path` is that of the list; `{parent}` in it is the id of `parent`, an option. `prefix` begins its ids.

    `query` is added to requests of the list. `read_only`: it cannot be deleted.
    """

    path: str
    prefix: str
    columns: dict[str, Cell]
    parent: str = ""
    query: tuple[tuple[str, Any], ...] = ()
    is_paged: bool = True
    read_only: bool = False

    def list_path(self, parent: str | None) -> str:
        """Raises click.UsageError without the parent that the path needs."""
        if not self.parent:
            return self.path
        if parent is None:
            raise click.UsageError(f"These objects belong to another one: name it with --in {self.parent}….")
        return self.path.replace("{parent}", quote(parent, safe=""))

    def object_path(self, object_id: str, parent: str | None) -> str:
        return f"{self.list_path(parent)}/{quote(object_id, safe='')}"


def member(name: str) -> Cell:
    def cell(row: dict[str, Any]) -> str:
        value = row.get(name)
        return "" if value is None else " ".join(str(value).split())[:60]

    return cell


def moment(name: str) -> Cell:
    return lambda row: minute(row[name]) if row.get(name) else ""


def _size(row: dict[str, Any]) -> str:
    count = float(row.get("bytes") or row.get("usage_bytes") or 0)
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _content(row: dict[str, Any]) -> str:
    parts = row.get("content") or row.get("output") or []
    texts = [str((part.get("text") or {}).get("value", "")) for part in parts if isinstance(part.get("text"), dict)]
    return " ".join(" ".join(texts).split())[:60]


_CREATED: Final = {"created": moment("created_at")}
_ID: Final = {"id": member("id")}
_STATUS: Final = {"status": member("status")}
_MODEL: Final = {"model": member("model")}

RESOURCES: Final[dict[str, Resource]] = {
    "assistants": Resource("/assistants", "asst_", _ID | {"name": member("name")} | _MODEL | _CREATED),
    "threads": Resource(
        "/threads", "thread_", _ID | {"preview": member("preview")} | _CREATED, query=(("include", ["preview"]),)
    ),
    "messages": Resource(
        "/threads/{parent}/messages",
        "msg_",
        _ID | {"role": member("role"), "text": _content} | _CREATED,
        parent="thread_",
    ),
    "runs": Resource(
        "/runs", "run_", _ID | _STATUS | _MODEL | {"thread": member("thread_id")} | _CREATED, read_only=True
    ),
    "responses": Resource("/responses", "resp_", _ID | _STATUS | _MODEL | _CREATED),
    "conversations": Resource("/conversations", "conv_", _ID | _CREATED),
    "files": Resource(
        "/files", "file", _ID | {"name": member("filename"), "purpose": member("purpose"), "size": _size} | _CREATED
    ),
    "stores": Resource("/vector_stores", "vs_", _ID | {"name": member("name")} | _STATUS | {"size": _size} | _CREATED),
    "store-files": Resource(
        "/vector_stores/{parent}/files", "file", _ID | _STATUS | {"size": _size} | _CREATED, parent="vs_"
    ),
    "batches": Resource(
        "/batches", "batch_", _ID | _STATUS | {"endpoint": member("endpoint")} | _CREATED, read_only=True
    ),
    "containers": Resource("/containers", "cntr_", _ID | {"name": member("name")} | _STATUS | _CREATED),
    "completions": Resource("/chat/completions", "chatcmpl-", _ID | _MODEL | {"created": moment("created")}),
    "webhooks": Resource("/webhook_endpoints", "we_", _ID | {"name": member("name"), "url": member("url")} | _CREATED),
    "models": Resource("/models", "", _ID | {"owner": member("owned_by")}, is_paged=False, read_only=True),
}


def find_resource(object_id: str) -> Resource:
    """By the prefix of an id; anything without a known one is the id of a model. Raises UsageError for an empty id."""
    if not object_id.strip():
        raise click.UsageError("The ID is empty.")
    named = [one for one in RESOURCES.values() if one.prefix and not one.parent and object_id.startswith(one.prefix)]
    if not named and object_id.startswith("msg_"):
        return RESOURCES["messages"]
    return named[0] if named else RESOURCES["models"]
