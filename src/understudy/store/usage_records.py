"""The lines of a usage journal: one record each, with its checksum and its length. Knows no file and no database.

`<crc32 of the payload, 8 hex digits> <length of the payload, hex> <payload as JSON>\n`. A process that is killed while
it appends leaves the beginning of a line, and a power cut any bytes; neither passes as a record.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from understudy.store.charges import Usage, UsageRow, row_of

_MAX_INTEGER: Final = 2**62
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(UsageRow).decode


@dataclass(slots=True)
class ParsedRecords:
    """`records` of the complete lines up to the byte `end`, without `damaged` ones. `rest` bytes follow."""

    records: list[UsageRow] = field(default_factory=list)
    end: int = 0
    damaged: int = 0
    rest: int = 0


def encode_record(project_id: str, usage: Usage) -> bytes | None:
    """The line; None if a database could not store the usage: it has the character 0 or too large a number."""
    payload = _encode(row_of(project_id, usage))
    if max(usage.input_tokens, usage.output_tokens, usage.credits, usage.units) > _MAX_INTEGER or b"\\u0000" in payload:
        return None
    return b"%08x %x %b\n" % (zlib.crc32(payload), len(payload), payload)


def parse_records(data: bytes, most: int) -> ParsedRecords:
    """The first `most` records of `data`, which begins with a line."""
    parsed = ParsedRecords()
    while len(parsed.records) < most:
        end = data.find(b"\n", parsed.end)
        if end < 0:
            break
        record = _parse_line(data[parsed.end : end])
        parsed.end = end + 1
        if record is None:
            parsed.damaged += 1
        else:
            parsed.records.append(record)
    parsed.rest = len(data) - parsed.end
    return parsed


def sum_credits(records: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Credits by project and by key, of triples of project, key and credits."""
    sums: dict[str, int] = {}
    for project_id, key_id, credits_ in records:
        for scope in (project_id, key_id):
            sums[scope] = sums.get(scope, 0) + credits_
    return sums


def _parse_line(line: bytes) -> UsageRow | None:
    checksum, _, rest = line.partition(b" ")
    length, _, payload = rest.partition(b" ")
    try:
        if int(length, 16) != len(payload) or int(checksum, 16) != zlib.crc32(payload):
            return None
        return _decode(payload)
    except (ValueError, msgspec.DecodeError):
        return None
