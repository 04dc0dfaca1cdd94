"""Applies a run's events to its state and public objects, to the store at a checkpoint, and then to the log.

Therefore streams send only stored changes, openings aside, and the thread's lock is released before the final event.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self, TypeVar

import msgspec

from understudy.clock import Clock
from understudy.engine.run import events
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.log import RunLog
from understudy.engine.run.log_tail import LogTail
from understudy.engine.run.openings import UnstoredOpenings
from understudy.engine.run.run_tokens import RunTokens
from understudy.engine.run.state import RunState
from understudy.errors import StoreError, StoreUnavailable
from understudy.store import Store
from understudy.store.charges import Usage
from understudy.store.run_state import Checkpoint, NewItem, PendingCall, Plan, Progress
from understudy.store.states import EXECUTING
from understudy.wire.run_outcome import RunCompletionUsage


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Identified)

# The openings of objects that the store has while they are open.
_STORED_OPENINGS = (events.MessageOpened, events.CallsStepOpened)
_OPENING_EVENTS = (
    *_STORED_OPENINGS,
    events.ReasoningOpened,
    events.CallOpened,
    events.SearchOpened,
    events.WebCallOpened,
    events.ImageCallOpened,
    events.CodeOpened,
    events.RemoteCallOpened,
    events.ToolSearchOpened,
)
# What follows the last check, and the end of the run, have the numbers up to the next epoch.
_MAX_EVENTS: Final = EVENTS_PER_EPOCH - 50_000
_FIRST_RETRY_SECONDS: Final = 0.05
_MAX_RETRY_SECONDS: Final = 0.5
WAITING_STATUSES: Final = frozenset({"requires_action"})


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The ids of the open steps and messages of an earlier owner that the run does not continue."""

    steps: Sequence[str] = ()
    messages: Sequence[str] = ()


NOTHING_ABANDONED: Final = Abandoned()


class _Committed(NamedTuple):
    """What a turn changes of a run's progress, as the last checkpoint has it.

    An opening may be stored when its turn has ended and is not charged yet: it has nothing of that turn.
    """

    used: RunCompletionUsage
    pending: RunCompletionUsage | None
    turns: int
    calls: list[PendingCall]
    figures: Sequence[str]

    @classmethod
    def of(cls, progress: Progress) -> Self:
        return cls(progress.used, progress.pending, progress.turns, progress.calls, tuple(progress.figures))

    def restore(self, progress: Progress) -> Progress:
        """The progress without what has changed since."""
        return msgspec.structs.replace(
            progress,
            used=self.used,
            pending=self.pending,
            turns=self.turns,
            calls=self.calls,
            figures=list(self.figures),
        )


class RunLost(Exception):
    """This worker lost the run: another one ended, deleted or claimed it."""


class EventLimitExceeded(Exception):
    """The run has produced as many events as one owner can number."""

    def __init__(self) -> None:
        super().__init__(f"The run has produced more than {_MAX_EVENTS} events, which is the limit. Start a new one.")


class Projection(Protocol):
    """The public objects of a run as its events change them."""

    @property
    def encode(self) -> Callable[[events.Event], tuple[bytes, ...]]:
        """Applies an event; returns its frames for streams."""

    @property
    def encode_texts(self) -> Callable[[Sequence[str]], bytes]:
        """Applies deltas that continue the open text; returns their frames, one each, joined.

        Empty where the deltas need more than that: then nothing was applied.
        """

    def checkpoint(self, progress: Progress, *, with_run: bool, only_opens: bool = False) -> Checkpoint:
        """The changes since the last checkpoint; includes the run if its status changed, or `with_run`.

        `only_opens`: what has ended since then is stored later, so the response does not have it yet.
        """

    def set_outline(self, plan: Plan) -> None:
        """Records that the stream has nothing open."""

    def output_texts(self) -> Sequence[str]:
        """The texts of a response's output so far, those of its open items as well."""


class RunWriter:
    """Writes one run for its worker. `owner` is the id of the worker in the store, `epoch` the number of its claim."""

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
        epoch: int = 1,
        interrupted: bool = False,
        abandoned: Abandoned = NOTHING_ABANDONED,
        holds_lease: Callable[[], bool] = lambda: True,
        tokens: RunTokens | None = None,
        openings: UnstoredOpenings | None = None,
    ) -> None:
        """`tokens` None is without limits; without `openings` each is stored before it is published."""
        self.store = store
        self.project_id = project_id
        self.state = state
        self.spec = state.spec
        self._projection = projection
        self.log = log
        self.progress = progress
        progress.epoch = epoch
        self.counters = progress.plan or Plan()
        """What the run has used of its limits; stored where the request has such limits."""
        self.tokens = tokens
        self.epoch = epoch
        self._owner = owner
        self._interrupted = interrupted
        self._abandoned = abandoned
        self._holds_lease = holds_lease
        self._last_number = (epoch - 1) * EVENTS_PER_EPOCH + _MAX_EVENTS
        self._openings = openings
        self._tail: LogTail | None = None
        if log.is_resumable and progress.plan is not None:
            self._tail = LogTail(log, progress.plan, projection.set_outline)
        self._unpublished: list[events.Event] = []
        self._storing: asyncio.Task[None] | None = None
        self._used: list[Usage] = []
        self._unstored: Checkpoint | None = None
        self._committed = _Committed.of(progress)
        self._clock = clock

    def check(self) -> None:
        """Raises RunLost without a lease, and EventLimitExceeded where too few numbers are left for another answer."""
        if not self._holds_lease():
            raise RunLost
        if self.log.length >= self._last_number:
            raise EventLimitExceeded

    def output_texts(self) -> Sequence[str]:
        """The texts of a response's output so far, those of its open items as well."""
        return self._projection.output_texts()

    def publish(self, event: events.Event) -> None:
        self.state.apply(event)
        self.log.append(event, self._projection.encode(event))

    def publish_texts(self, texts: Sequence[str]) -> None:
        """Publishes deltas of the open message's text."""
        while texts:
            frames = self._projection.encode_texts(texts) if len(texts) > 1 else b""
            if frames:
                self.state.is_message_empty = False
                self.log.append_texts(texts, frames)
                return
            self.publish(events.TextDelta(texts[0]))
            texts = texts[1:]

    async def open(self, *opened: events.Event) -> None:
        """Publishes the openings of steps, messages and items, and stores them: first where a client can resume.

        Else those of steps and messages are stored soon after. Raises RunLost, having published nothing.
        """
        is_stored = self._tail is not None or any(isinstance(event, _STORED_OPENINGS) for event in opened)
        if is_stored and (self._openings is None or self.log.is_resumable):
            await self.commit(*opened)
            return
        for event in opened:
            self.publish(event)
        if is_stored and self._openings is not None:
            self._openings.add(self.store_opening, self.spec.thread_id)

    def publish_end(self, event: events.Event) -> None:
        """Publishes the end of an item: where a client can resume, once the next checkpoint has stored it.

        Else the next owner would not know whether clients have the end.
        """
        if self._tail is None:
            self.publish(event)
        else:
            self._unpublished.append(event)

    def store_opening(self) -> asyncio.Task[None]:
        """Stores the openings that no checkpoint has stored. A failure is that of the next checkpoint."""
        self._storing = asyncio.create_task(self._store_opening(self._storing))
        if (openings := self._openings) is not None:
            openings.begin(self.store_opening, self._storing)
            self._storing.add_done_callback(openings.end)
        return self._storing

    async def _store_opening(self, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        opened = self._projection.checkpoint(self.progress, with_run=False, only_opens=True)
        is_resumable = self._record_sent(self.log.length)
        opening = msgspec.structs.replace(
            opened,
            progress=self._committed.restore(self.progress),
            project_id=self.project_id,
            only_opens=True,
            abandoned_steps=self._abandoned.steps,
            abandoned_messages=self._abandoned.messages,
            is_resumable=is_resumable,
        )
        self._unstored = opening if self._unstored is None else _merge_checkpoints(self._unstored, opening)
        with suppress(StoreError):
            if await self.store.runs.advance(self._owner, self.epoch, self._unstored):
                self._unstored = None
                self._abandoned = NOTHING_ABANDONED

    def discard_opening(self) -> None:
        """Stores nothing more without a checkpoint."""
        if self._openings is not None:
            self._openings.remove(self.store_opening)

    def add_usage(self, usage: Usage, *, is_limited: bool = True) -> None:
        """Adds the usage of a model turn, which the transaction of the next checkpoint debits.

        `is_limited`: its tokens count for the limits of the run's model.
        """
        self._used.append(usage)
        if is_limited and self.tokens is not None:
            self.tokens.charge(usage.input_tokens + usage.output_tokens)

    def unrecorded_usage(self) -> list[Usage]:
        """The usage that no transaction has debited."""
        return list(self._used)

    def drop_usage(self) -> None:
        """Drops the usage since the last commit, which cannot be stored."""
        self._used.clear()
        self.progress.used = self._committed.used
        self.progress.pending = None

    async def commit(
        self, *happened: events.Event, calls: Sequence[NewItem] = (), release: bool = False, checkpoint: bool = False
    ) -> None:
        """Applies events, stores what they changed, and then appends them to the log.

        `checkpoint`: the run's progress is stored even where its public object did not change.

        Raises RunLost, having published nothing.
        """
        if self._openings is None:
            await self._commit(happened, calls, release=release, checkpoint=checkpoint)
            return
        self._openings.begin(self.store_opening, self)
        try:
            if self._storing is not None:
                await asyncio.wait([self._storing])
                self._storing = None
            await self._commit(happened, calls, release=release, checkpoint=checkpoint)
        finally:
            self._openings.end(self)

    async def _commit(
        self, happened: Sequence[events.Event], calls: Sequence[NewItem], *, release: bool, checkpoint: bool
    ) -> None:
        state = self.state
        only_opens = bool(happened) and all(isinstance(event, _OPENING_EVENTS) for event in happened)
        happened, self._unpublished = [*self._unpublished, *happened], []
        frames = [self._apply(event) for event in happened]
        if state.ended:
            # The headers were lent for the time of the run.
            self.progress.headers = {}
        if self._tail is not None:
            is_open = only_opens or (state.has_open_step and not state.ended)
            self._tail.record(happened, is_open=is_open or self._tail.stores_rest)
        changes = self._projection.checkpoint(
            self.progress,
            with_run=checkpoint or self._tail is not None,
            only_opens=only_opens and not calls,
        )
        latest = msgspec.structs.replace(
            changes,
            calls=calls,
            used=tuple(self._used),
            project_id=self.project_id,
            release=release,
            interrupted=self._interrupted and not only_opens,
            only_opens=only_opens,
            abandoned_steps=self._abandoned.steps,
            abandoned_messages=self._abandoned.messages,
            is_resumable=self._record_sent(self.log.length + len(happened)),
        )
        if self._unstored is not None:
            latest = _merge_checkpoints(self._unstored, latest)
        try:
            advanced = await self._advance(latest)
        except Exception:
            self._unstored = latest
            raise
        if not advanced:
            raise RunLost
        self._unstored = None
        self._interrupted = self._interrupted and only_opens
        self._abandoned = NOTHING_ABANDONED
        self._used.clear()
        self._committed = _Committed.of(self.progress)
        for event, frame in zip(happened, frames, strict=True):
            self.log.append(event, frame)
        if state.ended or state.status in WAITING_STATUSES:
            self.log.close()

    def _record_sent(self, number: int) -> bool:
        """Records the last event that the store has, if clients resume the stream of a run; returns whether they do.

        The log of a response is rebuilt with its numbers instead.
        """
        is_resumable = self.log.is_resumable and self.progress.plan is None
        if is_resumable:
            self.progress.sent = number
        return is_resumable

    async def _advance(self, latest: Checkpoint) -> bool:
        """Stores the checkpoint; waits for an unavailable database as long as this worker has its lease.

        Raises StoreUnavailable if the database came back with a part that may be of this checkpoint.
        """
        try:
            return await self.store.runs.advance(self._owner, self.epoch, latest)
        except StoreUnavailable:
            delay = _FIRST_RETRY_SECONDS
        while True:
            await asyncio.sleep(delay)
            delay = min(2 * delay, _MAX_RETRY_SECONDS)
            has_lease = self._holds_lease()
            try:
                advanced = await self.store.runs.advance(self._owner, self.epoch, latest)
                # The connection may have been lost after the commit.
                return advanced or (has_lease and await self._is_stored(latest))
            except StoreUnavailable:
                if not has_lease:
                    raise
            except StoreError as error:
                raise StoreUnavailable(str(error)) from error

    async def _is_stored(self, latest: Checkpoint) -> bool:
        if latest.run is None or latest.run.status in EXECUTING:
            return False
        return await self.store.runs.status(latest.run_id) == latest.run.status

    def _apply(self, event: events.Event) -> tuple[bytes, ...]:
        self.state.apply(event)
        return self._projection.encode(event)

    def now(self) -> int:
        return int(self._clock.now())

    def time(self) -> float:
        """Unix seconds, with fractions."""
        return self._clock.now()


def _merge_checkpoints(missed: Checkpoint, latest: Checkpoint) -> Checkpoint:
    """The changes of the latest checkpoint, and those of an earlier one that could not be stored."""
    steps = _latest_versions(missed.new_steps, missed.changed_steps, latest.new_steps, latest.changed_steps)
    messages = _latest_versions(
        missed.new_messages, missed.changed_messages, latest.new_messages, latest.changed_messages
    )
    return msgspec.structs.replace(
        latest,
        run=latest.run or missed.run,
        response=latest.response or missed.response,
        response_body=latest.response_body or missed.response_body,
        new_steps=steps[0],
        changed_steps=steps[1],
        new_messages=messages[0],
        changed_messages=messages[1],
        calls=[*missed.calls, *latest.calls],
        is_resumable=missed.is_resumable or latest.is_resumable,
    )


def _latest_versions(
    missed_new: Sequence[T], missed_changed: Sequence[T], new: Sequence[T], changed: Sequence[T]
) -> tuple[list[T], list[T]]:
    """The objects that the store does not have, and those that it has to change, each in its latest version."""
    inserted = {one.id for one in (*missed_new, *new)}
    latest = {one.id: one for one in (*missed_new, *missed_changed, *new, *changed)}
    return (
        [one for one in latest.values() if one.id in inserted],
        [one for one in latest.values() if one.id not in inserted],
    )
