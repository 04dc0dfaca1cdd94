"""What lists of threads and conversations show beside them. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.conversations import ConversationObject
from understudy.wire.run_outcome import RunStatus
from understudy.wire.threads import ThreadObject

ThreadDetail = Literal["preview", "message_count", "last_run", "match", "last_active_at"]


class LastRun(Struct):
    id: str
    status: RunStatus
    created_at: int
    assistant_id: str


class ThreadMatch(Struct):
    """A message with the words of `q`."""

    message_id: str
    text: str


Preview = Annotated[
    str | UnsetType | None, Meta(description="The first 200 characters of the first message of the user.")
]
MessageCount = Annotated[int | UnsetType, Meta(description="10,000 stands for as many and more.")]
Match = Annotated[ThreadMatch | UnsetType | None, Meta(description="The newest message that `q` matches.")]
LastActiveAt = Annotated[
    float | UnsetType,
    Meta(
        description="When a client last added a message, an item, a run or a response, in Unix seconds with"
        " milliseconds. Lists in this order have it always."
    ),
]


class ListedThread(ThreadObject, kw_only=True):
    """A thread with the members that `include[]` names."""

    preview: Preview = UNSET
    message_count: MessageCount = UNSET
    last_run: LastRun | UnsetType | None = UNSET
    match: Match = UNSET
    last_active_at: LastActiveAt = UNSET


class ListedConversation(ConversationObject, kw_only=True):
    """A conversation with the members that `include[]` names."""

    preview: Preview = UNSET
    message_count: MessageCount = UNSET
    last_run: LastRun | UnsetType | None = UNSET
    match: Match = UNSET
    last_active_at: LastActiveAt = UNSET


class ListThreadsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ListedThread]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListConversationsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ListedConversation]
    first_id: str | None
    last_id: str | None
    has_more: bool
