"""Outcomes of the tests of a suite: read from the reports of their runners, and compared with the expected deviations."""

import html
import json
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal

Status = Literal["passed", "failed", "expected", "skipped"]
STATUSES: Final[tuple[Status, ...]] = ("passed", "expected", "failed", "skipped")
_DEVIATIONS: Final = Path(__file__).parent / "deviations.toml"
_REASON_LENGTH: Final = 300


@dataclass(frozen=True)
class Outcome:
    """One test. `reason` is the runner's text; for `expected` that of the list, for `passed` it is empty."""

    test: str
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Deviation:
    """Tests that fail or are left out for one reason; patterns as of fnmatch, in which `[` is no set."""

    patterns: tuple[str, ...]
    reason: str
    is_left_out: bool = False

    def matches(self, test: str) -> bool:
        return any(fnmatchcase(test, pattern.replace("[", "[[]")) for pattern in self.patterns)


def read_deviations(suite: str, path: Path = _DEVIATIONS) -> list[Deviation]:
    """Those of a suite, in the order of the file."""
    entries = tomllib.loads(path.read_text("utf-8")).get(suite, [])
    return [Deviation(tuple(one["tests"]), one["reason"], one.get("left_out", False)) for one in entries]


def compare(outcomes: Sequence[Outcome], deviations: Sequence[Deviation]) -> list[Outcome]:
    """The same outcomes, with `expected` and the reason of the list in place of `failed` for tests of the list."""
    return [_compared(one, deviations) for one in outcomes]


def _compared(outcome: Outcome, deviations: Sequence[Deviation]) -> Outcome:
    if outcome.status != "failed":
        return outcome
    reason = next((one.reason for one in deviations if not one.is_left_out and one.matches(outcome.test)), None)
    return outcome if reason is None else Outcome(outcome.test, "expected", reason)


def count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The number of outcomes of each status."""
    return {status: sum(one.status == status for one in outcomes) for status in STATUSES}


def read_junit(report: str, prefix: str = "") -> list[Outcome]:
    """Those of a JUnit file, as pytest and Node's runner write it. `prefix` begins the name of each test."""
    return [_junit_case(case, prefix) for case in ET.fromstring(report).iter("testcase")]


def _junit_case(case: ET.Element, prefix: str) -> Outcome:
    module = case.get("classname", "").removeprefix("tests.integration.").replace(".", "/")
    name = f"{prefix}{case.get('name')}" if module in {"", "test"} else f"{prefix}{module}::{case.get('name')}"
    for child in case:
        if child.tag in {"failure", "error"}:
            return Outcome(name, "failed", _shorten(child.get("message") or child.text or ""))
        if child.tag == "skipped":
            return Outcome(name, "skipped", _shorten(child.get("message") or ""))
    return Outcome(name, "passed")


def read_open_responses(report: str) -> list[Outcome]:
    """Those of the compliance suite's `--json`."""
    results = json.loads(report)["results"]
    return [Outcome(one["id"], one["status"], _shorten("; ".join(one.get("errors") or []))) for one in results]


def unexpected(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """The failures that the list of deviations does not have."""
    return (one for one in outcomes if one.status == "failed")


def _shorten(text: str) -> str:
    line = " ".join(html.unescape(text).split())
    return line if len(line) <= _REASON_LENGTH else line[:_REASON_LENGTH] + " …"
