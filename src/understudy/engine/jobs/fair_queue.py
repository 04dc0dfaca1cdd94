"""Candidates in the order in which they are claimed: projects take turns, and within a project its groups. Pure."""

from collections import Counter, deque
from itertools import count
from typing import Generic

from understudy.store.workers import Candidate, Key

_Lane = tuple[str, int]


class FairQueue(Generic[Key]):
    """The project with the fewest running jobs is next, then the one that was served longest ago.

    The same holds for the groups of a project. Within a group, candidates keep the order in which they were added.
    """

    def __init__(self) -> None:
        self._lanes: dict[_Lane, deque[Candidate[Key]]] = {}
        self._keys: set[Key] = set()
        self._running: Counter[str | _Lane] = Counter()
        self._served: dict[str | _Lane, int] = {}
        self._ticks = count(1)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, candidate: Candidate[Key]) -> None:
        """Adding one that is queued does nothing."""
        if candidate.key not in self._keys:
            self._keys.add(candidate.key)
            self._lanes.setdefault(_lane(candidate), deque()).append(candidate)

    def pop(self) -> Candidate[Key]:
        """The next candidate. Raises ValueError if the queue is empty."""
        lane = min(self._lanes, key=self._order)
        queued = self._lanes[lane]
        candidate = queued.popleft()
        if not queued:
            del self._lanes[lane]
        self._keys.discard(candidate.key)
        self._served[candidate.project_id] = self._served[lane] = next(self._ticks)
        return candidate

    def clear(self) -> None:
        self._lanes.clear()
        self._keys.clear()

    def job_started(self, candidate: Candidate[Key]) -> None:
        self._running[candidate.project_id] += 1
        self._running[_lane(candidate)] += 1

    def job_ended(self, candidate: Candidate[Key]) -> None:
        for name in (candidate.project_id, _lane(candidate)):
            self._running[name] -= 1
            if not self._running[name]:
                del self._running[name]
        if not self._running and not self._keys:
            self._served.clear()

    def _order(self, lane: _Lane) -> tuple[int, ...]:
        project_id = lane[0]
        served = self._served
        return self._running[project_id], served.get(project_id, 0), self._running[lane], served.get(lane, 0)


def _lane(candidate: Candidate[Key]) -> _Lane:
    return candidate.project_id, candidate.group
