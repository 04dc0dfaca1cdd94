"""The page about observability has every event and every field of log lines, with their meanings."""

from pathlib import Path
from typing import get_args, get_type_hints

from understudy.logs.line import EVENTS, LogLine

PAGE = Path(__file__).parents[2] / "docs/guides/observability.md"


def test_the_page_lists_each_event_and_each_field_of_log_lines():
    hints = get_type_hints(LogLine, include_extras=True)
    fields = [(name, get_args(hints[name])[1].description) for name in LogLine.__struct_fields__]
    rows = [f"| `{name}` | {meaning} |" for name, meaning in (*EVENTS.items(), *fields)]
    page = PAGE.read_text("utf-8").splitlines()
    assert [row for row in page if row in set(rows)] == rows
