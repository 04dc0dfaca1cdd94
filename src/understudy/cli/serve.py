"""`understudy serve`: the flags of the server; `understudy.cli.server` runs it."""

from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.command()
@with_settings(*STORE, "host", "port", "log_level")
@click.option("--prepare-interpreter", is_flag=True, hidden=True)  # of scripts/serve: this command fetches nothing
@click.pass_context
def serve(context: click.Context, loaded: "LoadedSettings", *, prepare_interpreter: bool) -> None:
    """Start the server; stop it with Ctrl-C or SIGTERM."""
    from understudy.cli.server import run

    run(loaded, started=context.obj, prepares=prepare_interpreter)
