"""Where a run's events happen: into the view, into the store where it is a boundary, and only then into the log.

So whatever a stream shows is already kept, and the thread's lock is off before the end is announced.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec

from understudy.clock import Clock
from understudy.engine.run import events
from understudy.engine.run.log import RunLog
from understudy.engine.views.assistants import RunView
from understudy.engine.views.responses import ResponseView
from understudy.store import Store
from understudy.store.ledger import Usage
from understudy.store.run_state import Checkpoint, NewItem, Progress

T = TypeVar("T")

_WAITING_STATUSES = frozenset({"requires_action"})


class RunLost(Exception):
    """The run is no longer this worker's: it was ended, deleted or taken over."""


class RunWriter:
    """One run as its worker changes it. `owner` is the worker that the store knows it by.

    `answer` is the view that its client sees where the run is a response's.
    """

    def __init__(
        self,
        owner: str,
        store: Store,
        clock: Clock,
        project_id: str,
        view: RunView,
        log: RunLog,
        progress: Progress,
        answer: ResponseView | None = None,
        *,
        interrupted: bool = False,
    ) -> None:
        self.store = store
        self.project_id = project_id
        self.view = view
        self.answer = answer
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
        """What a model turn has cost; debited by the transaction that stores what comes next."""
        self._used.append(usage)

    def unrecorded_usage(self) -> list[Usage]:
        """What no transaction has debited."""
        return list(self._used)

    def drop_usage(self) -> None:
        """Forgets what was used since the last commit, where that is what cannot be stored."""
        self._used.clear()
        self.progress.used = self._stored_usage
        self.progress.pending = None

    async def commit(
        self, *happened: events.Event, calls: Sequence[NewItem] = (), release: bool = False, checkpoint: bool = False
    ) -> None:
        """Takes events in, stores what they changed, and then shows them. Raises LostRun, having shown nothing.

        `checkpoint`: the run's progress is stored even where its public object did not change.
        """
        view = self.view
        status, steps, message = view.run.status, list(view.steps), view.message
        frames = [self._apply(event) for event in happened]
        if view.ended:
            # What was confided for the run's time is kept no longer.
            self.progress.headers = {}
        if self.answer is not None and self.progress.plan is not None:
            self.progress.plan.sequence = self.answer.sequence
        boundary = Checkpoint(
            run_id=view.run.id,
            # A copy: the store keeps the run as it is at this event.
            run=msgspec.structs.replace(view.run) if checkpoint or view.run.status != status else None,
            progress=self.progress,
            new_steps=[step for step in view.steps if all(step is not known for known in steps)],
            changed_steps=steps,
            new_messages=[view.message] if view.message is not None and view.message is not message else [],
            changed_messages=[message] if message is not None else [],
            calls=calls,
            used=tuple(self._used),
            project_id=self.project_id,
            release=release,
            interrupted=self._interrupted,
            response=self.answer.settled() if self.answer is not None else None,
        )
        if self._unstored is not None:
            boundary = _merge_checkpoints(self._unstored, boundary)
        try:
            advanced = await self.store.runs.advance(self._owner, boundary)
        except Exception:
            self._unstored = boundary
            raise
        if not advanced:
            raise RunLost
        self._unstored = None
        self._interrupted = False
        self._used.clear()
        self._stored_usage = self.progress.used
        for event, frame in zip(happened, frames, strict=True):
            self.log.append(event, frame)
        if view.ended or view.run.status in _WAITING_STATUSES:
            self.log.close()

    def _apply(self, event: events.Event) -> bytes:
        """Both views see everything; the frames are those of the one that the client sees."""
        frames = self.view.apply(event)
        return frames if self.answer is None else self.answer.apply(event)

    def now(self) -> int:
        return int(self._clock.now())


def _merge_checkpoints(missed: Checkpoint, latest: Checkpoint) -> Checkpoint:
    """What the latest boundary changes, and what an earlier one changed that could not be stored."""
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
