"""What the clients of a chaos run did and received. `checks` compares it with what the cluster has in the end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(slots=True)
class SentMessage:
    """One attempt to add a user message; its tag is in its text. Unacknowledged, it may or may not be stored."""

    thread_id: str
    tag: str
    acknowledged: bool = False


@dataclass(slots=True)
class StartedRun:
    """A run whose id its client knows. `outputs` are the texts that its client submitted for calls, also in vain."""

    id: str
    thread_id: str
    kind: str
    tag: str
    outputs: list[str] = field(default_factory=list)
    waits_for_client: bool = False


@dataclass(slots=True)
class StartedResponse:
    """`image` is the data URL that was sent with it, if there was one."""

    id: str
    tag: str
    previous_id: str | None = None
    image: str = ""


@dataclass(slots=True)
class SavedFile:
    """`deleted`: True once the deletion was acknowledged, None where its outcome is unknown."""

    id: str
    sha256: str
    deleted: bool | None = False


@dataclass(slots=True)
class IndexedFile:
    """A file of a vector store, whose text has the `word` that no other file has."""

    vector_store_id: str
    file_id: str
    word: str


@dataclass(slots=True)
class StartedBatch:
    id: str
    tags: dict[str, str]
    """The tag of each line by its custom id."""


@dataclass(slots=True)
class OrderedVideo:
    """Orders with one idempotency key; every reply has to name the same video."""

    key: str
    ids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Frame:
    """An event of a stream; `number` is that with which a client can resume behind it, None of the last ones."""

    number: int | None
    name: str
    data: Any


@dataclass(slots=True)
class FollowedLog:
    """All that one client received of one run or response, over all its connections.

    `connections` are the numbers after which it resumed, each with the node; `errors` the error events that ended streams.
    """

    kind: Literal["run", "response"]
    id: str
    frames: list[Frame] = field(default_factory=list)
    connections: list[tuple[int, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    has_ended: bool = False
    number_at_takeover: int | None = None


@dataclass(slots=True)
class Realtime:
    """`ends` counts the `response.done` that clients have received, which are charged before they are sent."""

    sessions: int = 0
    ends: int = 0


@dataclass(slots=True)
class Recovery:
    """The runs of a killed node: seconds from the kill until the last of them had a new owner, or had ended."""

    node: str
    runs: int
    seconds: float


@dataclass(slots=True)
class Journal:
    messages: list[SentMessage] = field(default_factory=list)
    runs: dict[str, StartedRun] = field(default_factory=dict)
    responses: dict[str, StartedResponse] = field(default_factory=dict)
    files: dict[str, SavedFile] = field(default_factory=dict)
    indexed: list[IndexedFile] = field(default_factory=list)
    batches: dict[str, StartedBatch] = field(default_factory=dict)
    videos: list[OrderedVideo] = field(default_factory=list)
    followed: list[FollowedLog] = field(default_factory=list)
    realtime: Realtime = field(default_factory=Realtime)
    recoveries: list[Recovery] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)
    """Status codes, and kinds of failed requests."""
    unexpected: list[str] = field(default_factory=list)
    """Replies and results that no fault explains."""
    stuck: list[str] = field(default_factory=list)
    """Work that did not end in time."""

    @contextmanager
    def following(self, log: FollowedLog) -> Iterator[FollowedLog]:
        """Records a follower when it has ended, also one that was cancelled."""
        try:
            yield log
        finally:
            self.followed.append(log)
