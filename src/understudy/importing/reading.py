"""Reads an input of any format into a spool: all its objects, sorted, and the bytes of its files."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from understudy import errors
from understudy.importing import contents, entries
from understudy.importing.directory_input import DirectoryInput
from understudy.importing.found import Item, Parents, Place, Refused
from understudy.importing.identifiers import has_inner_references
from understudy.importing.inputs import open_input
from understudy.importing.json_reading import JsonReader
from understudy.importing.limits import Limits, UnpackBudget
from understudy.importing.normalization import InvalidObject, normalize, parents_of_entry
from understudy.importing.objects import Kind, Problem, RawObject
from understudy.importing.streams import DamagedStream, open_bytes, open_text
from understudy.importing.table_reading import is_table, read_table
from understudy.store.import_spool import ImportSpool, SpooledRow

_SPOOL: Final = "objects.db"
_MAX_PROBLEMS: Final = 100_000
_PLACE_CHARACTERS: Final = 300
_SPOOL_ROWS: Final = 500
_SPOOL_BYTES: Final = 1 << 20
_BLANKS: Final = b" \t\r\n"
_INPUT: Final = "i"
_FILES: Final = "f"


class Spool:
    """The objects of an input. Used by one thread at a time; closed by its reader's caller."""

    def __init__(self, spool: ImportSpool, inputs: dict[str, entries.Input]) -> None:
        self._spool = spool
        self._inputs = inputs
        self._counts = spool.count()

    def count(self, kind: Kind) -> int:
        return self._counts.get(kind, 0)

    def read(self, kind: Kind, start: int = 0) -> Iterator[RawObject]:
        for position, (identifier, created_at, body) in enumerate(self._spool.read(kind, start), start):
            inner = has_inner_references(kind, body)
            yield RawObject(kind, identifier, created_at, position, body, has_inner_references=inner)

    def problems(self) -> Iterator[Problem]:
        for place, reason in self._spool.problems():
            yield Problem(place, reason)

    def open_content(self, file_id: str) -> BinaryIO | None:
        """Raises DamagedStream, also while the bytes are read, where the archive is damaged."""
        body = self._spool.find("file", "", file_id)
        found = contents.find_content(self._spool, file_id, {} if body is None else msgspec.json.decode(body))
        return None if found is None else open_bytes(self._inputs[found[0]].open(found[1:]))

    def open_blob(self, name: str) -> BinaryIO | None:
        """Raises DamagedStream as `open_content` does."""
        found = self._spool.find_content(name, None)
        return None if found is None else open_bytes(self._inputs[found[0]].open(found[1:]))

    def close(self) -> None:
        for one in self._inputs.values():
            one.close()
        self._spool.close()


def spool_input(
    source: Path,
    work: Path,
    limits: Limits | None = None,
    files: Path | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Spool:
    """Blocks while it reads `source`; `files` is a directory with the bytes of files.

    What a reader cannot use is a Problem of the spool. Raises InvalidRequest where nothing can be used or a limit is
    exceeded, and ReadingCancelled. `work` is a directory for files of the spool.
    """
    limits = limits or Limits()
    size = source.stat().st_size if source.is_file() else 0
    budget = UnpackBudget(limits, size, cancelled)
    spool = ImportSpool(work / _SPOOL)
    inputs: dict[str, entries.Input] = {}
    try:
        inputs[_INPUT] = open_input(source, work, limits, budget)
        reader = _InputReader(spool, limits, budget)
        reader.read(inputs[_INPUT])
        if files is not None:
            inputs[_FILES] = DirectoryInput(files, UnpackBudget(limits, 0, cancelled))
            for entry in inputs[_FILES].entries():
                reader.add_file(_FILES, entry)
        reader.flush()
        spool.finish()
        reader.check_result()
        return Spool(spool, inputs)
    except BaseException:
        for one in inputs.values():
            one.close()
        spool.close()
        raise


class _InputReader:
    def __init__(self, spool: ImportSpool, limits: Limits, budget: UnpackBudget) -> None:
        self._spool = spool
        self._limits = limits
        self._budget = budget
        self._numbers = count(1)
        self._problems = 0
        self._prefixed: set[Kind] = set()
        self._pending: list[tuple[SpooledRow, Place]] = []
        self._pending_bytes = 0

    def read(self, source: entries.Input) -> None:
        for entry in source.entries():
            if isinstance(entry, entries.Entry) and (not entry.name or entries.has_objects(entry.name)):
                for item in self._read_entry(source, entry):
                    self._add_item(item)
            else:
                self.add_file(_INPUT, entry)

    def add_file(self, origin: str, entry: entries.Entry | Refused) -> None:
        if isinstance(entry, Refused):
            self._add_item(entry)
        else:
            contents.add_content(self._spool, origin, entry)

    def check_result(self) -> None:
        """Raises InvalidRequest if the input has no object, with the first reason."""
        if self._spool.count():
            return
        place, reason = next(self._spool.problems(), ("the input", "It is empty."))
        raise errors.InvalidRequest(f"The input has no objects to import. {place}: {reason}")

    def _read_entry(self, source: entries.Input, entry: entries.Entry) -> Iterator[Item]:
        place = Place(entry.name)
        try:
            with closing(source.open(entry.reference)) as raw, open_text(raw, self._budget) as stream:
                yield from self._read_text(stream, place)
        except DamagedStream as error:
            yield Refused(place, str(error))

    def _read_text(self, stream: io.BufferedReader, place: Place) -> Iterator[Item]:
        parents = Parents(**parents_of_entry(place.entry))
        head = stream.peek(1).lstrip(_BLANKS)
        if not head:
            yield Refused(place, "It is empty.")
        elif head[:1] in b"{[":
            reader = JsonReader(place, parents, self._limits, self._numbers)
            yield from reader.read(stream, has_lines=entries.has_lines(place.entry))
        elif is_table(head.split(b"\n", 1)[0]) or place.entry.lower().endswith((".csv", ".tsv")):
            yield from read_table(stream, place, parents, self._limits, next(self._numbers))
        elif entries.has_lines(place.entry):
            yield from JsonReader(place, parents, self._limits, self._numbers).read(stream, has_lines=True)
        else:
            yield Refused(place, "It is neither JSON, JSON Lines, CSV with the columns of messages, zip nor tar.")

    def _add_item(self, item: Item) -> None:
        if isinstance(item, Refused):
            self._add_problem(item.place, item.reason)
            return
        time = item.body.get("created_at")
        try:
            found = normalize(item)
        except InvalidObject as error:
            self._add_problem(item.place, str(error))
            return
        if time and not item.body.get("created_at"):
            self._add_problem(item.place, f"The created_at of {found.id!r} is not a time: {str(time)[:64]!r}.")
        if found.id != found.source_id and found.kind not in self._prefixed:
            self._prefixed.add(found.kind)
            self._add_problem(item.place, f"Ids without a prefix get one: {found.source_id!r} is {found.id!r} now.")
        scope = found.parent if found.kind == "vector_store_file" else ""
        place = item.index if found.place is None else found.place
        row = (found.kind, scope, found.id, found.parent, found.sort_time, item.list_number, place, found.body)
        self._pending.append((row, item.place))
        self._pending_bytes += len(found.body)
        if len(self._pending) == _SPOOL_ROWS or self._pending_bytes > _SPOOL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Adds the objects that were read since the last time."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        refused = self._spool.add([row for row, _ in pending])
        for row, place in pending if refused else ():
            if row in refused:
                self._report_duplicate(row, place)

    def _report_duplicate(self, row: SpooledRow, place: Place) -> None:
        """An object that stands in several places, such as a file of several threads, is not a problem."""
        kind, scope, identifier, *_, body = row
        first = self._spool.find(kind, scope, identifier)
        if first != body and (first is None or _decode(first) != _decode(body)):
            self._add_problem(place, f"duplicate: {kind} {identifier} differs from the first one of this id.")

    def _add_problem(self, place: Place, reason: str) -> None:
        self._problems += 1
        if self._problems < _MAX_PROBLEMS:
            self._spool.add_problem(_to_storable(str(place))[:_PLACE_CHARACTERS], _to_storable(reason))
        elif self._problems == _MAX_PROBLEMS:
            self._spool.add_problem("", f"More than {_MAX_PROBLEMS} problems; the others are not listed.")


def _decode(body: bytes) -> Any:
    return msgspec.json.decode(body)


def _to_storable(text: str) -> str:
    """Without halves of surrogate pairs, which no database stores."""
    return text.encode(errors="replace").decode().replace("\0", " ")
