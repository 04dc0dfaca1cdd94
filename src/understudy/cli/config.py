"""`understudy config`: every effective setting and its source, with secrets masked."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, with_json_flag, with_settings
from understudy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.command()
@with_settings(*STORE)
@with_json_flag
def config(loaded: "LoadedSettings", *, as_json: bool) -> None:
    """Show the effective settings and the source of each."""
    from understudy.settings import mask_setting

    rows = [(entry.name, mask_setting(entry.path, entry.value), entry.source) for entry in loaded.entries()]
    if as_json:
        print_json([dict(zip(("setting", "value", "source"), row, strict=True)) for row in rows])
    else:
        print_table(
            ("setting", "value", "source"), [(name, _format_value(value), source) for name, value, source in rows]
        )


def _format_value(value: object) -> str:
    """The value as in a file or a flag; an unset one is a dash."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value) or "-"
        case dict():
            return ",".join(f"{key}={target}" for key, target in value.items()) or "-"
        case str() | Path() | int() | float():
            return str(value)
    raise TypeError(value)
