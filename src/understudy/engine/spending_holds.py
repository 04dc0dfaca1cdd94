"""What work in progress may cost, in the memory of this process: it counts as spent until it is charged.

Work holds an estimate from its admission to its end, so that concurrent calls do not all pass a limit that has room for
one of them. Nothing is stored: a hold ends with its work, or with the process. Knows no price and no model.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Literal

HolderKind = Literal["run", "video", "transcription", "file"]
"""The kinds of work that a hold can be bound to."""
_MAX_MEANS: Final = 10_000
_MEAN_OF: Final = 50
"""How many of the latest calls a mean is of, about."""
_NOTHING_HELD: Final = nullcontext()


class Hold:
    """The credits that one piece of work of a key and its project holds, 0 at first."""

    __slots__ = (
        "_charged",
        "_credits",
        "_holds",
        "_is_released",
        "bound_at",
        "is_transferred",
        "key_id",
        "kind",
        "project_id",
        "work_id",
    )

    def __init__(self, holds: "SpendingHolds", project_id: str, key_id: str) -> None:
        self._holds = holds
        self._credits = self._charged = 0
        self._is_released = False
        self.project_id = project_id
        self.key_id = key_id
        self.work_id = ""
        self.kind: HolderKind = "run"
        self.bound_at = 0.0
        """By the monotonic clock."""
        self.is_transferred = False
        """Whether another part than the request releases it."""

    def estimate(self, credits_: int) -> None:
        """Holds this much for what begins now; what was charged before is in the database. Nothing once released: work
        may end while its next estimate is made."""
        if self._is_released:
            return
        self._move_charged()
        self._change(credits_)

    def charge(self, credits_: int) -> None:
        """Replaces the estimate by the cost, which the next transaction of the work records."""
        if self._is_released:
            return
        self._charged = credits_
        self._change(credits_)

    def mark_recorded(self) -> None:
        """Ends the hold of what was charged, once a transaction has recorded it: it is spent now."""
        if self._charged:
            self._move_charged()
            self._change(0)

    def bind(self, work_id: str, kind: HolderKind = "run") -> None:
        """Makes the work the owner of the hold: it finds the hold by its id, and releases it.

        What the work holds already is added: a file may be indexed in two vector stores.
        """
        earlier = self._holds.bound.get(work_id)
        self.work_id, self.kind, self.is_transferred, self.bound_at = work_id, kind, True, time.monotonic()
        self._holds.bound[work_id] = self
        if earlier is not None and earlier is not self:
            self._change(self._credits + earlier._credits)  # noqa: SLF001 - of the same class
            earlier.release()

    def release(self) -> None:
        """Ends the hold. A second call does nothing."""
        self._is_released = True
        self._move_charged()
        self._change(0)
        if self._holds.bound.get(self.work_id) is self:
            del self._holds.bound[self.work_id]

    def _change(self, credits_: int) -> None:
        added, self._credits = credits_ - self._credits, credits_
        if added:
            self._holds.add(self.project_id, self.key_id, added)

    def _move_charged(self) -> None:
        """From what is held to what is recorded."""
        if self._charged:
            self._holds.add_recorded(self.project_id, self.key_id, self._charged)
            self._charged = 0


def released_on_error(hold: Hold | None) -> AbstractContextManager[None]:
    """Around the creation of work to which the hold is bound."""
    return _NOTHING_HELD if hold is None else _release_on_error(hold)


@contextmanager
def _release_on_error(hold: Hold) -> Iterator[None]:
    try:
        yield
    except BaseException:
        hold.release()
        raise


@contextmanager
def released_after(hold: Hold | None) -> Iterator[None]:
    """Around the work of the hold."""
    try:
        yield
    finally:
        if hold is not None:
            hold.release()


class SpendingHolds:
    """`recorded` are the credits that transactions have recorded since the start, by the ids of projects and keys.

    A state that was read before may not have them.
    """

    def __init__(self) -> None:
        self.bound: Final[dict[str, Hold]] = {}
        """By the ids of runs and jobs."""
        self.recorded: Final[dict[str, int]] = {}
        self._held: dict[str, int] = {}

    def sum_credits(self, scope: str) -> int:
        """The credits that a project or key holds now."""
        return self._held.get(scope, 0)

    def release(self, work_id: str) -> None:
        """Releases the hold of work that has ended, if it has one."""
        if (hold := self.bound.get(work_id)) is not None:
            hold.release()

    def add(self, project_id: str, key_id: str, credits_: int) -> None:
        for scope in (project_id, key_id):
            total = self._held.get(scope, 0) + credits_
            if total:
                self._held[scope] = total
            else:
                self._held.pop(scope, None)

    def add_recorded(self, project_id: str, key_id: str, credits_: int) -> None:
        for scope in (project_id, key_id):
            self.recorded[scope] = self.recorded.get(scope, 0) + credits_


class CostMeans:
    """The mean use of the latest calls of a key and a model: the estimate for the next one."""

    def __init__(self) -> None:
        self._means: dict[tuple[str, str, str], tuple[int, float, float]] = {}

    def add(self, key_id: str, model: str, kind: str, output_tokens: int, credits_: int) -> None:
        key = (key_id, model, kind)
        count, tokens, cost = self._means.get(key, (0, 0.0, 0.0))
        count = min(count + 1, _MEAN_OF)
        if count == 1 and len(self._means) >= _MAX_MEANS:
            del self._means[next(iter(self._means))]
        self._means[key] = (count, tokens + (output_tokens - tokens) / count, cost + (credits_ - cost) / count)

    def find_output(self, key_id: str, model: str, kind: str) -> int | None:
        """The mean of output tokens; None before the first call."""
        mean = self._means.get((key_id, model, kind))
        return None if mean is None else round(mean[1])

    def find_credits(self, key_id: str, model: str, kind: str) -> int | None:
        """The mean cost; None before the first call."""
        mean = self._means.get((key_id, model, kind))
        return None if mean is None else round(mean[2])
