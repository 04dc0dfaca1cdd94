"""What is wrong in the log of a node: errors and warnings of the interpreter that no fault explains."""

import re
from collections.abc import Iterator

from serving import _TROUBLE as TROUBLE

_START = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", re.MULTILINE)
_EXPECTED = re.compile(
    # One line for each outage of the database.
    r"database unavailable: "
    # A stop that takes too long on a busy machine cancels what is left.
    r"|CancelledError: Task cancelled, timeout graceful shutdown exceeded"
)


def find_troubles(log: str) -> Iterator[str]:
    """The first and the last line of each entry that is an error."""
    starts = [match.start() for match in _START.finditer(log)]
    for start, end in zip([0, *starts], [*starts, len(log)], strict=True):
        entry = log[start:end]
        if TROUBLE.search(entry) and not _EXPECTED.search(entry):
            lines = entry.strip().splitlines()
            yield lines[0] if len(lines) == 1 else f"{lines[0][:300]} … {lines[-1]}"
