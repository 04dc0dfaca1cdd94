"""`understudy doctor`: what works here and what is missing, each with what to do about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, takes_json, takes_settings
from understudy.cli.output import print_json

if TYPE_CHECKING:
    from understudy.settings import Loaded

_COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


@click.command()
@takes_settings(*STORE, "host", "port")
@takes_json
@click.pass_context
def doctor(context: click.Context, loaded: "Loaded", *, as_json: bool) -> None:
    """Check what works here and what is missing.

    The exit code is 1 if something is broken.
    """
    import asyncio

    from understudy.cli.checks import examine

    findings = asyncio.run(examine(loaded.settings))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(
                f"{click.style(finding.state.ljust(7), fg=_COLOURS[finding.state])}  {finding.subject}: {finding.text}"
            )
    context.exit(any(finding.state == "broken" for finding in findings))
