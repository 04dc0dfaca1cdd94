"""Counts of limits in this process, by the generic cell rate algorithm (GCRA): one number a limit, drained evenly.

A cell holds as many units as its limit and loses `rate` of them a second. So a whole window's units may come at once,
and then one in every `1 / rate` seconds. Source: the waits and resets that the hosted API's replies and errors name.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from understudy.engine.limits.policy import Rule

TOLERANCE_SECONDS: Final = 2e-6
"""Clocks count seconds since 1970 in floats, whose differences are this inexact."""
_SWEPT_AT_ONCE: Final = 500


class _Cell:
    """`level` units at the time `at`."""

    __slots__ = ("at", "level", "rate")

    def __init__(self, level: float, at: float, rate: float) -> None:
        self.level = level
        self.at = at
        self.rate = rate


class LocalCells:
    """No method awaits anything, so that requests are counted one after another."""

    def __init__(self) -> None:
        self._cells: dict[str, _Cell] = {}
        self._swept: Iterator[str] = iter(())

    def __len__(self) -> int:
        return len(self._cells)

    def take(self, rules: Sequence[Rule], costs: Sequence[float], now: float) -> tuple[bool, list[float]]:
        """Adds each cost to its cell, unless one of them would exceed its limit: then to none.

        Returns whether they were added, and the levels: with the costs if they were, without otherwise.
        """
        cells = self._cells
        levels, found, fits = [], [], True
        for rule, cost in zip(rules, costs, strict=True):
            cell = cells.get(rule.cell)
            level = 0.0
            if cell is not None and (level := cell.level) > 0.0 and now > cell.at:
                level -= (now - cell.at) * rule.rate
                if level < 0.0:  # noqa: PLR1730 - half the time of `max`
                    level = 0.0
            if level + cost > rule.limit + rule.rate * TOLERANCE_SECONDS:
                fits = False
                if cell is not None and _is_lowered(cell, level, rule):
                    level = float(rule.limit)
                    cell.level, cell.at, cell.rate = level, now, rule.rate
            found.append(cell)
            levels.append(level)
        if fits:
            for index, cell in enumerate(found):
                levels[index] = level = levels[index] + costs[index]
                if cell is None:
                    cells[rules[index].cell] = _Cell(level, now, rules[index].rate)
                else:
                    cell.level, cell.at, cell.rate = level, now, rules[index].rate
        return fits, levels

    def add(self, rules: Sequence[Rule], costs: Sequence[float], now: float) -> None:
        """Adds each cost, which may be negative, whatever the limits are."""
        for rule, cost in zip(rules, costs, strict=True):
            cell = self._cells.get(rule.cell)
            level = 0.0 if cell is None else max(cell.level - max(now - cell.at, 0.0) * rule.rate, 0.0)
            if cell is not None and _is_lowered(cell, level, rule):
                level = float(rule.limit)
            self._cells[rule.cell] = _Cell(max(level + cost, 0.0), now, rule.rate)

    def sweep(self, now: float) -> None:
        """Forgets some of the empty cells; repeated calls visit all of them."""
        names = list(islice(self._swept, _SWEPT_AT_ONCE))
        if not names:
            self._swept = iter(list(self._cells))
        for name in names:
            cell = self._cells.get(name)
            if cell is not None and cell.level <= (now - cell.at) * cell.rate:
                del self._cells[name]


def _is_lowered(cell: _Cell, level: float, rule: Rule) -> bool:
    """Whether the limit was lowered: what the old one admitted blocks for at most one window."""
    return level > rule.limit and cell.rate != rule.rate
