"""`understudy doctor`: checks the installation and its services, with a remedy for each problem."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, with_json_flag, with_settings
from understudy.cli.output import print_json

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings

_COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


@click.command()
@with_settings(*STORE, "host", "port")
@with_json_flag
@click.pass_context
def doctor(context: click.Context, loaded: "LoadedSettings", *, as_json: bool) -> None:
    """Check the installation, the database, the sandbox and the providers.

    The exit code is 1 if something is broken.
    """
    import asyncio

    from understudy.cli.checks import run_checks

    findings = asyncio.run(run_checks(loaded.settings))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(
                f"{click.style(finding.state.ljust(7), fg=_COLOURS[finding.state])}  {finding.subject}: {finding.text}"
            )
    context.exit(any(finding.state == "broken" for finding in findings))
