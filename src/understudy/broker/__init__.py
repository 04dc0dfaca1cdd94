"""The broker connects the processes of a cluster: wake-ups of workers, messages between nodes, events of runs.

The database is the truth; the broker only makes things quick. What it loses is found by a sweep, by the numbers of the
events, or in the database. It knows neither jobs nor events: kinds are names, bodies are bytes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from understudy.errors import UnderstudyError

EVENTS_PER_ATTEMPT: Final = 1_000_000
"""Event `n` of attempt `a` of a run has the number `(a - 1) * EVENTS_PER_ATTEMPT + n`; both count from 1."""

MAX_MESSAGE_BYTES: Final = 65_536
"""The limit of a message and of a reply: larger bodies would disconnect the readers of a busy server."""

Handler = Callable[[str, bytes], Awaitable[bytes | None]]
"""Receives the sender's node id and the body; returns the reply of a request."""

Receiver = Callable[[str, bytes], None]
"""Receives the sender's node id and the body of a message."""

ReconnectCallback = Callable[[bool], Awaitable[None]]
"""Called after each reconnect; with True if the server has lost its data, or may have lost a part."""


class BrokerError(UnderstudyError):
    """The base of what a broker raises."""


class BrokerUnavailable(BrokerError):
    """The broker's server is unreachable, or timed out."""


class NoReply(BrokerError):
    """The node has not replied: it is gone, it has no handler, its handler failed, or the time is over."""


class EventsMissing(BrokerError):
    """A stream that had events is empty: they were evicted, or have expired."""


class EventBatch(Struct, frozen=True):
    """Consecutive events of a run, `first` to `last`, in one body.

    `previous` is the last number of the batch before it, 0 for none: a reader that has read less has missed a batch.
    """

    run_id: str
    first: int
    last: int
    previous: int
    body: bytes


class CellCost(Struct, frozen=True):
    """`cost` units for the cell of that name, which holds `limit` units and loses `rate` of them a second."""

    name: str
    limit: float
    rate: float
    cost: float


class Broker(Protocol):
    """Every method may be called from the event loop's thread only; none blocks it."""

    node_id: str
    """This process: the address of messages to it. Another one after each start."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be other nodes."""
        ...

    @property
    def is_available(self) -> bool:
        """Whether the server is reachable, by the latest attempt."""
        ...

    async def start(self) -> None:
        """Connects, to an unreachable server later. Raises SettingsError if the server refuses this node."""
        ...

    async def stop(self) -> None:
        """Disconnects. Waits for wake-ups and requests end with CancelledError and NoReply."""
        ...

    # -- jobs --------------------------------------------------------------------------------------------------

    def wake(self, kind: str) -> None:
        """Wakes one process that waits for jobs of that kind. Never raises; may be lost."""
        ...

    async def wait_woken(self, kind: str) -> None:
        """Returns when this process is woken. At most one call per kind at a time."""
        ...

    # -- messages between nodes --------------------------------------------------------------------------------

    def handle(self, topic: str, handler: Handler) -> None:
        """Sets the handler of a topic; before the start.

        Calls start in the order in which a node has sent its messages; each is a task of its own.
        """
        ...

    def receive(self, topic: str, receiver: Receiver) -> None:
        """Sets what is called with each message of a topic that has no replies; before the start.

        It is called in the order in which a node has sent its messages, without a task, so it must return soon.
        """
        ...

    async def send(self, node_id: str, topic: str, body: bytes) -> None:
        """Sends a message, which may be lost, or arrive twice. Raises ValueError above `MAX_MESSAGE_BYTES`."""
        ...

    async def drain(self) -> None:
        """Returns when the server has received the messages sent so far, or is unavailable."""
        ...

    async def broadcast(self, topic: str, body: bytes) -> None:
        """Sends a message to all nodes, also to this one; as `send` otherwise."""
        ...

    async def request(self, node_id: str, topic: str, body: bytes, seconds: float = 2.0) -> bytes:
        """The reply of a node's handler. Raises NoReply; the handler may have been called all the same."""
        ...

    # -- events of runs ----------------------------------------------------------------------------------------

    async def write_events(self, batches: Sequence[EventBatch]) -> Sequence[str]:
        """Appends batches to the streams of their runs, in one round trip.

        Returns the runs of which a later attempt has written: this process has lost them. Writing a batch again
        changes nothing. Raises BrokerUnavailable, and EventsMissing if a batch that is not a run's first one has no
        stream; then any of the batches may be written.
        """
        ...

    async def read_events(self, run_id: str, after: int) -> list[EventBatch]:
        """Batches with a later `last` than `after`, oldest first. Raises BrokerUnavailable."""
        ...

    async def last_numbers(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        """The number of the last event of each stream, 0 for an empty one. Raises BrokerUnavailable.

        After a reconnect, a number below that of an acknowledged write proves that the server has lost a part.
        """
        ...

    async def keep_events(self, run_ids: Sequence[str], seconds: float) -> Sequence[str]:
        """Renews the expiry of streams and stored logs; returns the runs that have no stream. Never raises."""
        ...

    async def store_log(self, run_id: str, data: bytes, last: int, seconds: float, *, is_whole: bool = True) -> bool:
        """Stores the log of a run, and trims its stream to the batches from the event `last` on; 0 without a stream.

        Returns False, and stores nothing, where the stream has had a later event: the log is of an earlier owner, or an
        earlier one of this owner. Also without a stream, if the log is not `is_whole`. Raises BrokerUnavailable.
        """
        ...

    async def load_log(self, run_id: str) -> bytes | None:
        """The stored log of a run; None if it is absent. Raises BrokerUnavailable."""
        ...

    async def delete_events(self, run_id: str) -> None:
        """Deletes the stream and the stored log of a run. Never raises."""
        ...

    # -- counts of limits --------------------------------------------------------------------------------------

    async def take_cells(self, group: str, cells: Sequence[CellCost]) -> tuple[bool, list[float]]:
        """Adds each cost to its cell of the group, or none if one would exceed its limit; by the server's clock.

        Returns whether they were added, and the levels: with the costs if they were, without otherwise. Raises
        BrokerUnavailable.
        """
        ...

    async def add_to_cells(self, group: str, cells: Sequence[CellCost]) -> None:
        """Adds each cost, which may be negative, whatever the limits are. Never raises; may be lost."""
        ...

    async def take_place(self, group: str, holder: str, limit: int, seconds: float) -> bool:
        """Takes one of the `limit` places of a group for so many seconds; False if none is free.

        Raises BrokerUnavailable.
        """
        ...

    async def keep_places(self, group: str, holders: Sequence[str], seconds: float) -> None:
        """Renews the places of holders, or takes them whatever the limit is. Never raises; may be lost."""
        ...

    async def free_place(self, group: str, holder: str) -> None:
        """Never raises; may be lost."""
        ...

    def on_reconnect(self, callback: ReconnectCallback) -> None:
        """Adds a callback; before the start."""
        ...
