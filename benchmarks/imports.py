"""How fast an import of threads with messages is, against bare inserts of the same rows into an empty database.

Processor time of this process, in alternating rounds. The import includes the reading of its input, the checks of every
object, and the job; the bare inserts have the rows already, and the text index as well.
"""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.report import Report
from benchmarks.stage import Stage
from understudy import settings
from understudy.app import open_offline
from understudy.cli.access import find_project
from understudy.cli.transfer_target import open_directory
from understudy.store import Store, open_store
from understudy.store.database import Transaction
from understudy.store.sql import insert_rows, split_batches

_THREADS, _MESSAGES = 1000, 20
_RATIO = 0.3
_CHUNK = 400
_THREAD_COLUMNS = "id, project_id, last_active_at, body"
_ITEM_COLUMNS = "id, thread_id, run_id, kind, role, body"
_TEXT = "This is message {0} of thread {1}, with as many words as a person writes to ask about pizza, tea and cake."


async def measure(stage: Stage) -> Report:
    source = stage.directory / "import.jsonl"
    with source.open("w") as file:
        file.writelines(f"{json.dumps(one)}\n" for one in _objects())
    imported: list[float] = []
    bare: list[float] = []
    for number in range(stage.options.rounds):
        data = stage.directory / f"imported{number}"
        imported.append(await _import(source, data))
        bare.append(await _insert_again(data, stage.directory / f"bare{number}"))
    return _report(imported, bare)


def _objects() -> Iterator[dict[str, Any]]:
    for thread in range(_THREADS):
        created_at = 1_700_000_000 + thread
        thread_id = f"thread_{thread:08}"
        yield {
            "id": thread_id,
            "object": "thread",
            "created_at": created_at,
            "metadata": {"user": f"user{thread % 50}"},
        }
        for number in range(_MESSAGES):
            text = {"value": _TEXT.format(number, thread), "annotations": []}
            yield {
                "id": f"msg_{thread:08}_{number}",
                "object": "thread.message",
                "created_at": created_at + number,
                "thread_id": thread_id,
                "assistant_id": None,
                "run_id": None,
                "role": "assistant" if number % 2 else "user",
                "content": [{"type": "text", "text": text}],
                "attachments": [],
                "metadata": {},
            }


async def _import(source: Path, data: Path) -> float:
    """Seconds of processor time."""
    loaded = settings.load({"data": str(data)})
    async with open_directory(loaded.settings, None, creates=True) as target:
        started = time.process_time()
        done = await target.run_import(source, None, data, dry_run=False, on_conflict="skip")
        spent = time.process_time() - started
    if done.report.imported != {"thread": _THREADS, "message": _THREADS * _MESSAGES}:
        raise SystemExit(f"The import is not complete: {done}")
    return spent


async def _insert_again(data: Path, empty: Path) -> float:
    """Inserts the rows of one database into another one; returns seconds of processor time."""
    loaded = settings.load({"data": str(data)})
    async with open_offline(loaded.settings) as parts:
        await find_project(parts.store, "default")
        threads, pairs, items = await parts.store.database.read(_read_rows)
    texts = {row[0]: json.loads(row[-1])["content"][0]["text"]["value"] for row in items}
    store = await open_store(empty)
    try:
        started = time.process_time()
        await _insert(store, threads, pairs, items, texts)
        return time.process_time() - started
    finally:
        await store.close()


async def _insert(
    store: Store, threads: Sequence[Any], pairs: Sequence[Any], items: Sequence[Any], texts: dict[str, str]
) -> None:
    for rows, table, columns in (
        (threads, "threads", _THREAD_COLUMNS),
        (pairs, "thread_metadata", "thread_id, project_id, pair"),
    ):
        for start in range(0, len(rows), _CHUNK):
            await store.database.write(_insert_rows, table, columns, rows[start : start + _CHUNK])
    for start in range(0, len(items), _CHUNK):
        await store.database.write(_insert_items, items[start : start + _CHUNK], texts)


def _read_rows() -> Transaction[tuple[list[Any], list[Any], list[Any]]]:
    threads = yield f"SELECT {_THREAD_COLUMNS} FROM threads ORDER BY seq", ()
    pairs = yield "SELECT thread_id, project_id, pair FROM thread_metadata", ()
    items = yield f"SELECT {_ITEM_COLUMNS} FROM items ORDER BY seq", ()
    return threads, pairs, items


def _insert_rows(table: Any, columns: Any, rows: Sequence[Any]) -> Transaction[None]:
    for batch in split_batches(rows):
        yield from insert_rows(table, columns, batch)


def _insert_items(rows: Sequence[Any], texts: dict[str, str]) -> Transaction[None]:
    for batch in split_batches(rows):
        added = yield from insert_rows("items", _ITEM_COLUMNS, batch, "RETURNING seq, id")
        yield from insert_rows("item_text", "rowid, words", [(seq, texts[item_id]) for seq, item_id in added])


def _report(imported: list[float], bare: list[float]) -> Report:
    done = Report("imports", ["case", "objects a CPU second", "CPU seconds", "of bare inserts"])
    whole = _THREADS * (_MESSAGES + 1)
    ratio = statistics.median(one / two for one, two in zip(bare, imported, strict=True))
    plain, checked = statistics.median(bare), statistics.median(imported)
    done.add("bare inserts", f"{whole / plain:,.0f}", f"{plain:.2f}", "1.00")
    goals = [report.at_least(_RATIO, ratio)]
    done.add("import", f"{whole / checked:,.0f}", f"{checked:.2f}", f"{ratio:.2f}", goals=goals)
    done.notes.append(f"{_THREADS:,} threads with {_MESSAGES} messages each, on SQLite.")
    done.raw = {"imported": imported, "bare": bare}
    return done
