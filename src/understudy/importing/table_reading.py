"""Reads CSV files of messages: one row a message, named by a header."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from understudy.importing import flat_messages
from understudy.importing.found import Item, Parents, Place, Refused
from understudy.importing.limits import Limits
from understudy.importing.streams import iter_lines

_DELIMITERS: Final = (",", ";", "\t", "|")


def is_table(header: bytes) -> bool:
    """Whether a first line names the columns of messages."""
    return _find_columns(header) is not None


def read_table(
    stream: io.BufferedReader, place: Place, parents: Parents, limits: Limits, list_number: int
) -> Iterator[Item]:
    header = stream.readline(limits.object_bytes)
    found = _find_columns(header)
    if found is None:
        yield Refused(place, "The first line does not name the columns 'thread_id', 'role' and 'text'.")
        return
    delimiter, columns = found
    csv.field_size_limit(max(csv.field_size_limit(), limits.object_bytes))
    rows = csv.reader(_decode_lines(stream, limits), delimiter=delimiter, strict=True)
    index = 0
    try:
        for index, row in enumerate(rows, 1):
            at = Place(place.entry, rows.line_num + 1)
            if not any(row):
                continue
            if len(row) != len(columns):
                yield Refused(at, f"The row has {len(row)} fields; the header has {len(columns)}.")
            elif any(not field.isascii() and not _is_valid(field) for field in row):
                yield Refused(at, "The row is not valid UTF-8. Save the file as UTF-8.")
            else:
                members = {name: value for name, value in zip(columns, row, strict=True) if name and value}
                yield flat_messages.to_message(members, at, parents, list_number, index)
    except csv.Error as error:
        yield Refused(Place(place.entry, rows.line_num + 1), f"Invalid CSV: {error}. The rest of the file is not read.")


def _find_columns(header: bytes) -> tuple[str, list[str]] | None:
    text = header.decode(errors="replace").strip("\r\n")
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return None
    aliases = flat_messages.ALIASES
    has_all = all(set(aliases[name]) & set(names) for name in ("thread_id", "role", "text"))
    return (delimiter, names) if has_all else None


def _decode_lines(stream: io.BufferedReader, limits: Limits) -> Iterator[str]:
    for line in iter_lines(stream, limits.object_bytes):
        if line is None:
            raise csv.Error(f"a line is longer than {limits.object_bytes} bytes")
        yield line.decode(errors="surrogateescape")


def _is_valid(field: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in field)
