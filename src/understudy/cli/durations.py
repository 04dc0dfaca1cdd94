"""Times on the command line: `90d`, `12h`, `30m` or `45s`."""

import re

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PATTERN = re.compile(r"(\d{1,9})([smhd])")


def duration(text: str) -> int:
    """The type of an option: seconds."""
    match = _PATTERN.fullmatch(text.strip().lower())
    if match is None:
        raise click.BadParameter(f"Invalid time {text!r}. Write a number with s, m, h or d, like 90d or 12h.")
    return int(match[1]) * _UNITS[match[2]]
