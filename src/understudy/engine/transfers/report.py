"""The report of an import: counts by kind, and the first of what was not imported, with the reasons."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from understudy.importing.objects import Problem
from understudy.store.qualified_ids import SEPARATOR
from understudy.wire.transfers import ImportReport, ReportEntry

_MAX_ENTRIES: Final = 1000
_MAX_MEMBERS: Final = 200
_PROBLEMS: Final = 1000
_PLACE: Final = re.compile(r"\[\d+\]")


def add_skipped(report: ImportReport, kind: str, identifier: str, reason: str) -> None:
    """Counts an object that was not imported."""
    report.skipped[kind] = report.skipped.get(kind, 0) + 1
    add_entry(report, kind, identifier, reason)


async def add_problems(report: ImportReport, problems: Iterable[Problem]) -> None:
    """Counts the parts of the input that were not read. Others have a turn meanwhile: there may be many."""
    for number, problem in enumerate(problems, 1):
        add_skipped(report, "input", problem.place, problem.reason)
        if number % _PROBLEMS == 0:
            await asyncio.sleep(0)


def add_entry(report: ImportReport, kind: str, identifier: str, reason: str) -> None:
    """Adds a remark on an object."""
    if len(report.entries) < _MAX_ENTRIES:
        report.entries.append(ReportEntry(kind, identifier.partition(SEPARATOR)[0], reason))
    else:
        report.entries_left_out += 1


def add_without_content(report: ImportReport, file_id: str) -> None:
    report.files_without_content += 1
    if len(report.without_content) < _MAX_ENTRIES:
        report.without_content.append(file_id)


def count_unknown(report: ImportReport, kind: str, members: str) -> None:
    """`members` is the encoded object of unknown members by path."""
    unknown: Mapping[str, Any] = msgspec.json.decode(members)
    for path in unknown:
        name = f"{kind}.{_PLACE.sub('[]', path)}"
        if name in report.unknown_members or len(report.unknown_members) < _MAX_MEMBERS:
            report.unknown_members[name] = report.unknown_members.get(name, 0) + 1


def count(counts: dict[str, int], kind: str, number: int) -> None:
    if number:
        counts[kind] = counts.get(kind, 0) + number
