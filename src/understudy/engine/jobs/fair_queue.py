"""Candidates in the order in which they are claimed: projects take turns, and within a project its groups. Pure.

A queue is bounded: it holds the oldest candidates of each group, and the store has the others.
"""

from collections import Counter, deque
from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

from understudy.store.workers import Candidate, Key

Name = TypeVar("Name", bound=Hashable)
_Lane = tuple[str, int | str]

_MAX_CANDIDATES_A_LANE: Final = 100
_MIN_HEAP: Final = 64


class FairQueue(Generic[Key]):
    """The project with the fewest running jobs is next, then the one that was served longest ago.

    The same holds for the groups of a project. Within a group, candidates keep the order in which they were added.
    """

    def __init__(self, most: int | None = _MAX_CANDIDATES_A_LANE) -> None:
        """At most `most` candidates of a lane."""
        self._most = most
        self.is_incomplete = False
        """Whether a lane that had more candidates than fit has none now: the store has to list them again."""
        self._lanes: dict[_Lane, deque[Candidate[Key]]] = {}
        self._overflowed: set[_Lane] = set()
        self._keys: set[Key] = set()
        self._running: Counter[str | _Lane] = Counter()
        self._served: dict[str | _Lane, int] = {}
        self._ticks = count(1)
        self._projects: _Turns[str] = _Turns()
        self._groups: dict[str, _Turns[_Lane]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, candidate: Candidate[Key]) -> None:
        """Adding one that is queued does nothing, nor does one more than fit into its lane."""
        if candidate.key in self._keys:
            return
        project, lane = candidate.project_id, _lane(candidate)
        queued = self._lanes.get(lane)
        if queued is None:
            queued = self._lanes[lane] = deque()
            self._groups.setdefault(project, _Turns()).put(lane, self._order(lane))
            if project not in self._projects:
                self._projects.put(project, self._order(project))
        if len(queued) == self._most:
            self._overflowed.add(lane)
            return
        self._keys.add(candidate.key)
        queued.append(candidate)

    def pop(self) -> Candidate[Key]:
        """The next candidate. Raises IndexError if the queue is empty."""
        project = self._projects.first()
        lane = self._groups[project].first()
        queued = self._lanes[lane]
        candidate = queued.popleft()
        self._keys.discard(candidate.key)
        self._served[project] = self._served[lane] = next(self._ticks)
        if not queued:
            self._remove_lane(project, lane)
        self._reorder(candidate)
        return candidate

    def clear(self) -> None:
        self.is_incomplete = False
        self._overflowed.clear()
        self._lanes.clear()
        self._keys.clear()
        self._groups.clear()
        self._projects = _Turns()

    def job_started(self, candidate: Candidate[Key]) -> None:
        self._running[candidate.project_id] += 1
        self._running[_lane(candidate)] += 1
        self._reorder(candidate)

    def job_ended(self, candidate: Candidate[Key]) -> None:
        for name in (candidate.project_id, _lane(candidate)):
            self._running[name] -= 1
            if not self._running[name]:
                del self._running[name]
        if not self._running and not self._keys:
            self._served.clear()
        self._reorder(candidate)

    def _remove_lane(self, project: str, lane: _Lane) -> None:
        del self._lanes[lane]
        if lane in self._overflowed:
            self._overflowed.discard(lane)
            self.is_incomplete = True
        groups = self._groups[project]
        groups.remove(lane)
        if not groups:
            del self._groups[project]
            self._projects.remove(project)

    def _reorder(self, candidate: Candidate[Key]) -> None:
        if not self._keys:
            return
        project, lane = candidate.project_id, _lane(candidate)
        if project in self._projects:
            self._projects.put(project, self._order(project))
            if lane in self._groups[project]:
                self._groups[project].put(lane, self._order(lane))

    def _order(self, name: str | _Lane) -> tuple[int, int]:
        return self._running[name], self._served.get(name, 0)


class _Turns(Generic[Name]):
    """Names by their orders; the first one is found in a time that does not grow with their number."""

    def __init__(self) -> None:
        self._orders: dict[Name, tuple[int, int, int]] = {}
        # Entries whose order is not that of their name are stale.
        self._heap: list[tuple[tuple[int, int, int], Name]] = []
        self._ticks = count()

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, name: object) -> bool:
        return name in self._orders

    def put(self, name: Name, order: tuple[int, int]) -> None:
        """Adds a name, or changes its order. Of equal ones, the first that was put comes first."""
        self._orders[name] = entry = (*order, next(self._ticks))
        heappush(self._heap, (entry, name))
        if len(self._heap) > _MIN_HEAP + 2 * len(self._orders):
            self._heap = [(order, name) for name, order in self._orders.items()]
            heapify(self._heap)

    def remove(self, name: Name) -> None:
        del self._orders[name]

    def first(self) -> Name:
        """Raises IndexError if it is empty."""
        while self._orders.get((entry := self._heap[0])[1]) != entry[0]:
            heappop(self._heap)
        return entry[1]


def _lane(candidate: Candidate[Key]) -> _Lane:
    return candidate.project_id, candidate.group
