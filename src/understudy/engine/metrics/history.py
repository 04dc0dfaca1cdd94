"""The last hour in minutes, in memory: requests by project, and what concerns the whole node. Starts empty."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from understudy.clock import Clock
from understudy.engine.metrics import families
from understudy.engine.metrics.instruments import OTHER, Distribution

MINUTES: Final = 60
_MINUTE_SECONDS: Final = 60
# The figures of further projects count in those of the server only.
_MAX_PROJECTS: Final = 200


class Figures:
    """The requests and streamed replies of a project in a minute."""

    __slots__ = ("errors", "first_deltas", "latencies", "limited")

    def __init__(self) -> None:
        self.latencies = Distribution(families.HTTP_LATENCY.bounds)
        self.first_deltas = Distribution(families.FIRST_DELTA.bounds)
        self.errors = 0
        self.limited = 0

    def add(self, other: "Figures") -> None:
        self.latencies.add(other.latencies)
        self.first_deltas.add(other.first_deltas)
        self.errors += other.errors
        self.limited += other.limited


@dataclass(slots=True)
class Minute:
    """`started_at` is in Unix seconds. `loop_lag` is the longest of the minute, and `oldest_waiting` the age of the
    oldest waiting job at its end, both in seconds; None where unknown."""

    started_at: float
    projects: dict[str, Figures] = field(default_factory=dict)
    loop_lag: float | None = None
    oldest_waiting: float | None = None

    def figures(self, project_id: str | None) -> Figures:
        """The figures of a project; None: those of all requests of the node."""
        if project_id is not None:
            return self.projects.get(project_id) or Figures()
        total = Figures()
        for figures in self.projects.values():
            total.add(figures)
        return total


class History:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: deque[Minute] = deque(maxlen=MINUTES - 1)
        self._current = Minute(clock.now())

    def find(self, project_id: str) -> Figures:
        """Those of the current minute, to add to. `project_id` is empty without a valid key and with an admin key."""
        projects = self._current.projects
        figures = projects.get(project_id)
        if figures is None:
            name = project_id if len(projects) < _MAX_PROJECTS else OTHER
            figures = projects.setdefault(name, Figures())
        return figures

    def roll(self, loop_lag: float, oldest_waiting: float | None) -> None:
        """Ends the current minute."""
        self._current.loop_lag, self._current.oldest_waiting = loop_lag, oldest_waiting
        self._minutes.append(self._current)
        self._current = Minute(self._clock.now())

    def seconds_left(self) -> float:
        """What is left of the current minute, by the clock: the minutes of several nodes are the same."""
        left = _MINUTE_SECONDS - self._clock.now() % _MINUTE_SECONDS
        # A timer may be early by less than that.
        return left if left > 1.0 else left + _MINUTE_SECONDS

    def list(self) -> Sequence[Minute]:
        """Oldest first; the last one is the current minute."""
        return (*self._minutes, self._current)
