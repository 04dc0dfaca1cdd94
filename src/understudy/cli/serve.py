"""`understudy serve`: the flags of the server; `understudy.cli.server` runs it."""

from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, takes_settings

if TYPE_CHECKING:
    from understudy.settings import Loaded


@click.command()
@takes_settings(*STORE, "host", "port", "log_level")
@click.pass_context
def serve(context: click.Context, loaded: "Loaded") -> None:
    """Start the server; stop it with Ctrl-C or SIGTERM."""
    from understudy.cli.server import run

    run(loaded, started=context.obj)
