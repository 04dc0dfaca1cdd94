"""Reads CSV files of messages: one row a message, named by a header.

A spreadsheet program saves CSV in the code page of its country, without a word about it: that is detected.
"""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from understudy.importing import flat_messages
from understudy.importing.found import Item, Parents, Place, Refused
from understudy.importing.limits import Limits
from understudy.importing.streams import iter_lines

_DELIMITERS: Final = (",", ";", "\t", "|")
_DETECTED_BYTES: Final = 1 << 20
"""Bytes of lines beyond ASCII that the encoding is detected by."""


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
    detected: list[str] = []
    rows = csv.reader(_decode_lines(stream, limits, detected.append), delimiter=delimiter, strict=True)
    index = 0
    try:
        for index, row in enumerate(rows, 1):
            at = Place(place.entry, rows.line_num + 1)
            if detected:
                yield Refused(at, _not_utf8(detected.pop()))
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
    names = _split_header(text, delimiter)
    aliases = flat_messages.ALIASES
    if not all(set(aliases[name]) & set(names) for name in ("thread_id", "role", "text")):
        return None
    if "\ufffd" in text:
        from understudy.retrieval.reading import charsets  # noqa: PLC0415 - as for rows

        names = _split_header(charsets.decode(header).strip("\r\n"), delimiter)
    return delimiter, names


def _split_header(text: str, delimiter: str) -> list[str]:
    try:
        return [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _not_utf8(encoding: str) -> str:
    return (
        f"The file is not UTF-8; it was read as {encoding} from this row on. If letters are wrong, save it as"
        " UTF-8 and import it with on_conflict 'replace'."
    )


def _decode_lines(stream: io.BufferedReader, limits: Limits, report: Callable[[str], None]) -> Iterator[str]:
    """`report` receives the name of an encoding other than UTF-8, before the first line that is decoded with it."""
    lines = iter_lines(stream, limits.object_bytes)
    encoding = None
    for line in lines:
        if encoding is None and line is not None and not line.isascii():
            encoding, read = _detect_encoding(line, lines)
            if encoding != "utf-8":
                report(encoding)
            lines = chain(read, lines)
            break
        yield _decode_line(line, "utf-8", limits)
    for line in lines:
        yield _decode_line(line, encoding or "utf-8", limits)


def _decode_line(line: bytes | None, encoding: str, limits: Limits) -> str:
    if line is None:
        raise csv.Error(f"a line is longer than {limits.object_bytes} bytes")
    return line.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")


def _detect_encoding(first: bytes, lines: Iterator[bytes | None]) -> tuple[str, list[bytes | None]]:
    """The encoding by the first line beyond ASCII and those after it, and the lines that were read for that."""
    from understudy.retrieval.reading import charsets  # noqa: PLC0415 - with all readers, which few tables need

    read: list[bytes | None] = [first]
    size = len(first)
    while size < _DETECTED_BYTES and (line := next(lines, b"")) != b"":
        read.append(line)
        size += len(line or b"")
    foreign = b"".join(line for line in read if line is not None and not line.isascii())
    name = charsets.detect_encoding(lambda: (foreign,))
    return ("utf-8" if name.startswith(("utf-8", "utf-16", "utf-32")) else name), read


def _is_valid(field: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in field)
