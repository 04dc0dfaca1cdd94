"""Results as tables: of a run for people, and in results.json for docs/explanation/compatibility.md."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from suites.catalog import Suite
from suites.outcomes import STATUSES, Outcome, count, read_deviations

RESULTS: Final = Path(__file__).parent / "results.json"
_UNLISTED: Final[dict[str, str]] = {
    "expected": "",
    "failed": "Not in the list of deviations.",
    "skipped": "The suite itself leaves them out, for other models, clients or servers.",
}
"""In place of texts of the suites, which stay out of the repository."""
_COLUMNS: Final = ("suite", "version", *STATUSES)


@dataclass(frozen=True)
class Result:
    """All outcomes of a suite; none if it is `unavailable`, for the reason in that text."""

    suite: Suite
    version: str
    outcomes: list[Outcome]
    unavailable: str = ""


def format_table(results: Sequence[Result]) -> str:
    """A line for each suite with the number of tests of each status."""
    rows = [list(_COLUMNS), *(_row(one) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(result: Result) -> list[str]:
    if result.unavailable:
        return [result.suite.name, result.version, *["-"] * len(STATUSES)]
    return [result.suite.name, result.version, *map(str, count(result.outcomes).values())]


def format_tests(results: Sequence[Result], *, is_whole: bool) -> str:
    """A line for each test that did not pass, with its reason; `is_whole`: for those that passed as well."""
    return "\n".join(line for one in results for line in _lines(one, is_whole=is_whole))


def _lines(result: Result, *, is_whole: bool) -> Iterator[str]:
    if result.unavailable:
        yield f"\n{result.suite.name} is unavailable: {result.unavailable}"
        return
    yield f"\n{result.suite.name}"
    for outcome in sorted(result.outcomes, key=lambda one: (STATUSES.index(one.status), one.test)):
        if is_whole or outcome.status != "passed":
            yield f"  {outcome.status:8}  {outcome.test}" + (f": {outcome.reason}" if outcome.reason else "")


def write(results: Sequence[Result], model: str, path: Path = RESULTS) -> None:
    """Replaces the entries of these suites in the file; those of the others stay."""
    entries: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for one in results:
        if not one.unavailable:
            entries[one.suite.name] = _entry(one, model)
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _entry(result: Result, model: str) -> dict[str, Any]:
    listed = {one.reason for one in read_deviations(result.suite.name)}
    reasons = {
        status: dict(
            Counter(
                one.reason if one.reason in listed else _UNLISTED[status]
                for one in result.outcomes
                if one.status == status
            ).most_common()
        )
        for status in _UNLISTED
    }
    return {
        "title": result.suite.title,
        "repository": result.suite.source.repository,
        "version": result.version,
        "model": model,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "counts": count(result.outcomes),
        "reasons": reasons,
    }
