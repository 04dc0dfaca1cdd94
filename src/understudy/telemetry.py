"""Telemetry: what happened, as plain events with fixed names and attributes. Knows no vendor, no log and no metric.

`emit` builds an event only for its subscribers, so that an event without one costs a look-up. Subscribers run inside
the code that emits: they must be quick; their exceptions are logged and dropped. All durations are in seconds.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final, Literal, ParamSpec, TypeVar

from msgspec import Struct

logger = logging.getLogger(__name__)

RunKind = Literal["run", "response"]
ReplyKind = Literal["run", "response", "chat"]
TransactionKind = Literal["read", "scan", "write", "commit"]
KernelStop = Literal["expired", "evicted", "memory", "processor", "sockets", "files"]
JobEnd = Literal["ended", "interrupted"]


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """The base of all events; the class is the event's name."""


class RequestFinished(Event, frozen=True, kw_only=True, gc=False):
    """An HTTP request with its whole response. `path` has no version; `status` is 0 if the client left before it.
    `latency` ends where the response begins, and is the duration without one.

    `operation` is the id of the operation, empty where none was found or the request was refused before. `key_id` and
    `project_id` are empty without a valid key, and `project_id` is with an admin key.
    """

    request_id: str
    operation: str
    method: str
    path: str
    dialect: str
    status: int
    key_id: str
    project_id: str
    latency: float
    duration: float


class RequestLimited(Event, frozen=True, kw_only=True, gc=False):
    """A rate limit of this server refused a request or a batch. `limit` is its name, such as `requests_per_minute`, and
    `scope` what it is a limit of: the key, the project, or a model in the project.

    Both attributes become labels of a metric: only values of a closed set.
    """

    scope: Literal["key", "project", "model"]
    limit: str


class KeyRejected(Event, frozen=True, kw_only=True, gc=False):
    """A request was refused because of its key: the error's code, `missing_api_key` without a key."""

    code: str


class FirstDelta(Event, frozen=True, kw_only=True, gc=False):
    """The first content of a streamed reply: since the request of `chat`, and since a worker began to execute a run or
    a response, each of which has one in its first turn.
    """

    kind: ReplyKind
    project_id: str
    duration: float


class RunStarted(Event, frozen=True, kw_only=True, gc=False):
    """A worker begins, or continues, to execute a run. `kind` is `run` or `response`."""

    run_id: str
    project_id: str
    kind: RunKind


class RunStopped(Event, frozen=True, kw_only=True, gc=False):
    """A worker executes a run no more. `status` is the run's, which is still active if the worker released it."""

    run_id: str
    project_id: str
    kind: RunKind
    status: str
    duration: float


class RunTurnFinished(Event, frozen=True, kw_only=True, gc=False):
    """A turn of a run: the model has finished, with so many tool calls. Turns count from 1."""

    run_id: str
    turn: int
    calls: int
    duration: float


class ModelCalled(Event, frozen=True, kw_only=True, gc=False):
    """One attempt at a provider. `model` is the provider's id; `status` is `ok` or the kind of the error.

    The duration of a stream ends at its first content. `retry`: an attempt of the same call has failed before.
    """

    provider: str
    model: str
    status: str
    duration: float
    streamed: bool = False
    retry: bool = False


class TokensUsed(Event, frozen=True, kw_only=True, gc=False):
    """The usage of one model call, as it is charged. `cached_tokens` are part of `input_tokens`; `cost` is in USD."""

    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float


class ToolExecuted(Event, frozen=True, kw_only=True, gc=False):
    """A call of `file_search`, `code_interpreter` or `mcp`. `refused`: the limit of calls is reached."""

    run_id: str
    tool: str
    refused: bool
    duration: float


class KernelStarted(Event, frozen=True, kw_only=True, gc=False):
    """A session of the sandbox has a new kernel, or `failed` to get one."""

    failed: bool
    duration: float


class KernelStopped(Event, frozen=True, kw_only=True, gc=False):
    """The sandbox ended a session that expired or had to make room, or a kernel above a limit, without its client."""

    reason: KernelStop


class DocumentIndexed(Event, frozen=True, kw_only=True, gc=False):
    """A file of a vector store is searchable. `store` and `file` are row numbers."""

    store: int
    file: int
    embedder: str
    chunks: int
    usage_bytes: int
    duration: float


class PassagesEmbedded(Event, frozen=True, kw_only=True, gc=False):
    """Passages of an indexed file have vectors of the embedder that replaces the built-in one."""

    store: int
    file: int
    embedder: str
    chunks: int
    duration: float


class JobClaimed(Event, frozen=True, kw_only=True, gc=False):
    """A worker begins an attempt at a job. `job_kind`: `run`, `batch`, `file`, `embedding` or `video`.

    `key` is the id of a run, and the row number of other jobs. `wait` are the seconds since the job was created, at its
    first attempt; None at later ones.
    """

    job_kind: str
    key: str | int
    project_id: str
    wait: float | None = None


class JobFinished(Event, frozen=True, kw_only=True, gc=False):
    """An attempt at a job is over and will not be retried after a failure.

    `interrupted`: the job was deleted or cancelled, its claim was lost, or its worker stops and another one continues.
    """

    job_kind: str
    key: str | int
    project_id: str
    status: JobEnd
    duration: float


class JobRetried(Event, frozen=True, kw_only=True, gc=False):
    """An attempt at a job has failed; the next one starts after `delay` seconds at the earliest."""

    job_kind: str
    key: str | int
    project_id: str
    delay: float
    duration: float


class ObjectChanged(Event, frozen=True, kw_only=True, gc=False):
    """The store has a new status of an object. `parent_id` is the thread of a run, or the vector store of a file."""

    project_id: str
    object: Literal["thread.run", "response", "vector_store.file", "batch", "import", "export", "deletion"]
    id: str
    status: str
    parent_id: str = ""


class DeliveryAttempted(Event, frozen=True, kw_only=True, gc=False):
    """One attempt to deliver a webhook. `status_code` is 0 without a response."""

    delivery_id: str
    endpoint_id: str
    status_code: int
    duration: float


class TransactionFinished(Event, frozen=True, kw_only=True, gc=False):
    """A transaction of the database, with the wait for a connection or thread. `failed`: by the database itself.

    SQLite has one `commit` for the writes of a batch, and no event for a short read.
    """

    kind: TransactionKind
    failed: bool
    duration: float


class BrokerDisconnected(Event, frozen=True, kw_only=True, gc=False):
    """The connection to Redis was lost; it is tried again until it is there."""


EVENTS: Final[tuple[type[Event], ...]] = (
    *(RequestFinished, RequestLimited, KeyRejected, TransactionFinished, BrokerDisconnected),
    *(RunStarted, RunTurnFinished, RunStopped, FirstDelta, ModelCalled, TokensUsed, ToolExecuted),
    *(KernelStarted, KernelStopped),
    *(DocumentIndexed, PassagesEmbedded, JobClaimed, JobFinished, JobRetried, DeliveryAttempted),
    ObjectChanged,
)

P = ParamSpec("P")
E = TypeVar("E", bound=Event)
_subscribers: dict[object, tuple[Callable[[Any], None], ...]] = {}


def emit(event_type: Callable[P, Event], *args: P.args, **kwargs: P.kwargs) -> None:
    """Builds the event and passes it to every subscriber of its type; does nothing without one. Raises nothing."""
    if event_type in _subscribers:
        publish(event_type(*args, **kwargs))


def publish(event: Event) -> None:
    """Passes an event that nearly always has subscribers to them; `emit` costs more then. Raises nothing."""
    for subscriber in _subscribers.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            logger.exception("a subscriber of telemetry failed")


def subscribe(event_type: type[E], subscriber: Callable[[E], None]) -> Callable[[], None]:
    """Calls `subscriber` for every event of exactly this type, until the returned function is called."""
    _subscribers[event_type] = (*_subscribers.get(event_type, ()), subscriber)

    def unsubscribe() -> None:
        remaining = list(_subscribers.get(event_type, ()))
        if subscriber in remaining:
            remaining.remove(subscriber)
        if remaining:
            _subscribers[event_type] = tuple(remaining)
        else:
            _subscribers.pop(event_type, None)

    return unsubscribe


def log_events(target: logging.Logger) -> Callable[[], None]:
    """Logs every event in one line at debug level: its name and its attributes. Returns what ends it."""

    def write(event: Event) -> None:
        attributes = " ".join(f"{name}={getattr(event, name)!r}" for name in event.__struct_fields__)
        target.debug("%s %s", type(event).__name__, attributes)

    endings = [subscribe(event_type, write) for event_type in EVENTS]

    def unsubscribe() -> None:
        for end in endings:
            end()

    return unsubscribe


def elapsed(started: float) -> float:
    """Seconds since `started`, a value of `time.perf_counter`."""
    return time.perf_counter() - started
