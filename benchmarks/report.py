"""Tables for people and a file of everything that was measured for programs. Measures nothing itself."""

import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import msgspec

from benchmarks.rounds import Series
from benchmarks.stage import Stage

_PACKAGES = (
    "understudy",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "aiohttp",
    "msgspec",
    "apsw",
    "asyncpg",
    "fastapi",
)
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a number should be, and whether it is."""

    text: str
    met: bool

    def __str__(self) -> str:
        return f"{self.text} {'met' if self.met else 'MISSED'}"


@dataclass(slots=True)
class Report:
    """`raw` is whatever the benchmark measured; the table is what it makes of it, a row a line.

    `conditions` stands above the table where it is not made of interleaved rounds with streams of the usual length.
    """

    name: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    conditions: str = ""

    def add(self, *cells: object, goals: Sequence[Goal] = ()) -> None:
        self.rows.append([*map(str, cells), ", ".join(map(str, goals))])

    def keep(self, series: Sequence[Series]) -> None:
        self.raw["cases"] = msgspec.to_builtins(series)
        for one in series:
            for round_ in one.rounds:
                self.notes += [f"{one.name}: {count} times {error}" for error, count in round_.errors.items()]


def at_least(limit: float, value: float, unit: str = "") -> Goal:
    return Goal(f"≥ {limit:,g}{unit}", value >= limit)


def at_most(limit: float, value: float, unit: str = "") -> Goal:
    return Goal(f"≤ {limit:,g}{unit}", value <= limit)


def rate(series: Series) -> str:
    return f"{series.rate:,.0f}"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def us(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:.0f}"


def mb(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.0f}"


def memory(idle: int, after: int) -> str:
    return f"The server's memory: {mb(idle)} MB before the load, {mb(after)} MB after it."


def show(report: Report, stage: Stage) -> None:
    options = stage.options
    store = {None: "SQLite", "both": "SQLite and PostgreSQL"}.get(options.database, "PostgreSQL")
    print(f"\n{report.name}: {store}, {stage.cores}")
    usual = f"Medians of {options.rounds} interleaved rounds; streams have {options.chunks} chunks of text."
    print(report.conditions or usual)
    print(f"The load average before: {stage.busy:.2f}.\n")
    table = [[*report.columns, "goal"], *report.rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        print("  ".join([*cells, row[-1]]).rstrip())
    for note in report.notes:
        print(f"  {note}")


def write(report: Report, stage: Stage, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = [dict(zip([*report.columns, "goal"], row, strict=True)) for row in report.rows]
    found = {
        "benchmark": report.name,
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(stage),
        "options": msgspec.to_builtins(stage.options) | {"database": stage.options.database is not None},
        "versions": _versions(),
        "table": table,
        "notes": report.notes,
        **report.raw,
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    print(f"\nEverything measured: {path}")


def _commit() -> str | None:
    """None outside a repository; `+` says that files were changed since."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def _machine(stage: Stage) -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": str(stage.cores),
        "load_average_before": stage.busy,
    }


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "sqlite": apsw.sqlite_lib_version(), **found}
