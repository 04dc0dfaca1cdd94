"""Assigns volunteers to shifts of the night shelter."""

from collections import defaultdict
from collections.abc import Iterable

MAX_NIGHTS_IN_A_ROW = 2
MIN_CREW = 3


class Understaffed(Exception):
    """A night has fewer people than the crew needs; `missing` is how many."""

    def __init__(self, night: str, missing: int) -> None:
        super().__init__(f"{night}: {missing} volunteers are missing")
        self.missing = missing


def eligible(person: str, night: int, history: dict[str, list[int]]) -> bool:
    """Nobody works three nights running, and a first-timer never opens the house."""
    recent = [worked for worked in history[person] if night - worked <= MAX_NIGHTS_IN_A_ROW]
    return len(recent) < MAX_NIGHTS_IN_A_ROW


def pick_crew(night: int, available: Iterable[str], history: dict[str, list[int]]) -> list[str]:
    """Those who have worked least come first; ties go to the one who signed up earlier."""
    candidates = [person for person in available if eligible(person, night, history)]
    crew = sorted(candidates, key=lambda person: len(history[person]))[:MIN_CREW]
    if len(crew) < MIN_CREW:
        raise Understaffed(f"night {night}", MIN_CREW - len(crew))
    return crew


def swap(crews: dict[int, list[str]], night: int, leaving: str, joining: str) -> None:
    """Replaces somebody who fell ill; refuses a person who is in the crew already."""
    if joining in crews[night]:
        raise ValueError(f"{joining!r} is on duty that night")
    crews[night][crews[night].index(leaving)] = joining


def hours_by_person(crews: dict[int, list[str]], hours: float = 9.5) -> dict[str, float]:
    """The total for the certificate that volunteers get at the end of the year."""
    totals: defaultdict[str, float] = defaultdict(float)
    for crew in crews.values():
        for person in crew:
            totals[person] += hours
    return dict(totals)
