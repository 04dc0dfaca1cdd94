"""Compares a pool's jobs with the claims that are stored: jobs of others end, and claims without a job are released."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic

from understudy.engine.jobs.job import Job, JobKind, Work
from understudy.errors import StoreError
from understudy.store.workers import Key

_CHECK_SECONDS: Final = 30.0


class ClaimInProgress(Generic[Key]):
    """Counts a key while a `with` block stores its claim, which may be done more than once at a time.

    A class, as a generator with `contextmanager` takes three times as long.
    """

    __slots__ = ("_counts", "_key")

    def __init__(self, counts: Counter[Key], key: Key) -> None:
        self._counts: Counter[Key] = counts
        self._key: Key = key

    def __enter__(self) -> None:
        self._counts[self._key] += 1

    def __exit__(self, *_: object) -> None:
        self._counts[self._key] -= 1
        if not self._counts[self._key]:
            del self._counts[self._key]


class ClaimChecks(Generic[Key, Work]):
    """The claims of the worker `owner` and its `jobs`; `interrupt` is called with jobs that others own now."""

    def __init__(
        self,
        kind: JobKind[Key, Work],
        owner: str,
        jobs: Mapping[Key, Job[Key, Work]],
        interrupt: Callable[[Job[Key, Work]], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._kind: JobKind[Key, Work] = kind
        self._owner = owner
        self._jobs: Mapping[Key, Job[Key, Work]] = jobs
        self._interrupt: Callable[[Job[Key, Work]], None] = interrupt
        self._monotonic = monotonic
        self._next_check = -math.inf
        self.in_progress: Counter[Key] = Counter()
        """Keys whose claims may be stored and have no job yet."""
        # Jobs whose claims were not found by the last check.
        self._unclaimed: set[Job[Key, Work]] = set()

    def check_soon(self) -> None:
        """Makes the next `check` read the claims, however recent the last one is."""
        self._next_check = -math.inf

    async def check(self) -> None:
        """Interrupts the jobs that others own now, and ends claims without a job. Raises StoreError."""
        is_guarded = self._kind.guards_writes or not self._jobs
        if is_guarded and self._monotonic() < self._next_check:
            return
        self._next_check = self._monotonic() + _CHECK_SECONDS
        # What is claimed while this reads is neither lost nor forgotten.
        before, claiming = dict(self._jobs), set(self.in_progress)
        try:
            owned = await self._kind.list_owned(self._owner)
        except StoreError:
            self.check_soon()
            raise
        # A claim that is being committed is not stored yet.
        known = [job for key, job in before.items() if key not in claiming]
        self._interrupt_lost([job for job in known if not self._is_claimed(job, owned)])
        if forgotten := owned.keys() - self._jobs.keys() - before.keys() - claiming - self.in_progress.keys():
            await self._kind.release_forgotten(self._owner, sorted(forgotten))

    def _is_claimed(self, job: Job[Key, Work], owned: Mapping[Key, Any]) -> bool:
        key = job.candidate.key
        return key in owned and self._kind.is_current(job.work, owned[key])

    def _interrupt_lost(self, unclaimed: Iterable[Job[Key, Work]]) -> None:
        """Interrupts those that had no claim before either: one that ends may be read before its task resumes."""
        present = {job for job in unclaimed if not job.ended}
        for job in present & self._unclaimed:
            self._interrupt(job)
        self._unclaimed = present
        if present:
            self.check_soon()
