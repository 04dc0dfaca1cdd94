"""What a list of threads shows beside the threads. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.run_outcome import RunStatus
from understudy.wire.threads import ThreadObject

ThreadDetail = Literal["preview", "message_count", "last_run", "match"]


class LastRun(Struct):
    id: str
    status: RunStatus
    created_at: int
    assistant_id: str


class ThreadMatch(Struct):
    """A message with the words of `q`."""

    message_id: str
    text: str


class ListedThread(ThreadObject, kw_only=True):
    """A thread with the members that `include[]` names."""

    preview: Annotated[
        str | UnsetType | None, Meta(description="The first 200 characters of the first message of the user.")
    ] = UNSET
    message_count: Annotated[int | UnsetType, Meta(description="10,000 stands for as many and more.")] = UNSET
    last_run: LastRun | UnsetType | None = UNSET
    match: Annotated[ThreadMatch | UnsetType | None, Meta(description="The newest message that `q` matches.")] = UNSET


class ListThreadsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ListedThread]
    first_id: str | None
    last_id: str | None
    has_more: bool
