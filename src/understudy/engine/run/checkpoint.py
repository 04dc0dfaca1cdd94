"""Applies a run's events: to its state and its public objects, to the store at a checkpoint, and then to the log.

So whatever a stream shows is already stored, and the thread's lock is released before the end is announced.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from understudy.clock import Clock
from understudy.engine.run import events
from understudy.engine.run.log import RunLog
from understudy.engine.run.state import RunState
from understudy.store import Store
from understudy.store.ledger import Usage
from understudy.store.run_state import Checkpoint, NewItem, Progress

T = TypeVar("T")

_WAITING_STATUSES = frozenset({"requires_action"})


class RunLost(Exception):
    """The run is no longer this worker's: it was ended, deleted or taken over."""


class Projection(Protocol):
    """The public objects of a run as its events change them."""

    def encode(self, event: events.Event) -> bytes:
        """Applies the event; returns the frames that streams show of it, empty where they show nothing."""

    def settle(self) -> None:
        """Writes into open calls what was received of their arguments so far."""

    def checkpoint(self, progress: Progress, *, with_run: bool) -> Checkpoint:
        """What has changed since the last checkpoint; the run itself where its status did, or `with_run`."""


class RunWriter:
    """One run as its worker changes it. `owner` is the worker that the store knows it by."""

    def __init__(
        self,
        owner: str,
        store: Store,
        clock: Clock,
        project_id: str,
        state: RunState,
        projection: Projection,
        log: RunLog,
        progress: Progress,
        *,
        interrupted: bool = False,
    ) -> None:
        self.store = store
        self.project_id = project_id
        self.state = state
        self._projection = projection
        self.log = log
        self.progress = progress
        self._owner = owner
        self._interrupted = interrupted
        self._used: list[Usage] = []
        self._unstored: Checkpoint | None = None
        self._stored_usage = progress.used
        self._clock = clock

    def publish(self, event: events.Event) -> None:
        self.log.append(event, self._apply(event))

    def add_usage(self, usage: Usage) -> None:
        """Adds the usage of a model turn, which the transaction of the next checkpoint debits."""
        self._used.append(usage)

    def unrecorded_usage(self) -> list[Usage]:
        """The usage that no transaction has debited."""
        return list(self._used)

    def drop_usage(self) -> None:
        """Drops the usage since the last commit, which cannot be stored."""
        self._used.clear()
        self.progress.used = self._stored_usage
        self.progress.pending = None

    async def commit(
        self, *happened: events.Event, calls: Sequence[NewItem] = (), release: bool = False, checkpoint: bool = False
    ) -> None:
        """Applies events, stores what they changed, and then appends them to the log.

        `checkpoint`: the run's progress is stored even where its public object did not change.

        Raises RunLost, having published nothing.
        """
        state = self.state
        frames = [self._apply(event) for event in happened]
        if state.ended:
            # The headers were lent for the time of the run.
            self.progress.headers = {}
        latest = replace(
            self._projection.checkpoint(self.progress, with_run=checkpoint),
            calls=calls,
            used=tuple(self._used),
            project_id=self.project_id,
            release=release,
            interrupted=self._interrupted,
        )
        if self._unstored is not None:
            latest = _merge_checkpoints(self._unstored, latest)
        try:
            advanced = await self.store.runs.advance(self._owner, latest)
        except Exception:
            self._unstored = latest
            raise
        if not advanced:
            raise RunLost
        self._unstored = None
        self._interrupted = False
        self._used.clear()
        self._stored_usage = self.progress.used
        for event, frame in zip(happened, frames, strict=True):
            self.log.append(event, frame)
        if state.ended or state.status in _WAITING_STATUSES:
            self.log.close()

    def _apply(self, event: events.Event) -> bytes:
        self.state.apply(event)
        return self._projection.encode(event)

    def settle(self) -> None:
        """Completes the open calls in the public objects, so that the next checkpoint stores their arguments."""
        self._projection.settle()

    def now(self) -> int:
        return int(self._clock.now())


def _merge_checkpoints(missed: Checkpoint, latest: Checkpoint) -> Checkpoint:
    """The changes of the latest checkpoint, and those of an earlier one that could not be stored."""
    return replace(
        latest,
        new_steps=_without_duplicates(missed.new_steps, latest.new_steps),
        changed_steps=_without_duplicates(missed.changed_steps, latest.changed_steps, without=missed.new_steps),
        new_messages=_without_duplicates(missed.new_messages, latest.new_messages),
        changed_messages=_without_duplicates(
            missed.changed_messages, latest.changed_messages, without=missed.new_messages
        ),
        calls=[*missed.calls, *latest.calls],
    )


def _without_duplicates(first: Sequence[T], second: Sequence[T], without: Sequence[T] = ()) -> list[T]:
    found = {id(one): one for one in (*first, *second)}
    return [one for one in found.values() if all(one is not other for other in without)]
