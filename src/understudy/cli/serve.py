"""`understudy serve`: the flags of the server; `understudy.cli.server` runs it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.command()
@with_settings(*STORE, "host", "port", "log_level")
# Of scripts/serve: this command fetches nothing.
@click.option("--prepare-interpreter", is_flag=True, hidden=True)
@click.option("--prepare-embedder", type=click.Path(path_type=Path), hidden=True)
@click.pass_context
def serve(
    context: click.Context, loaded: "LoadedSettings", *, prepare_interpreter: bool, prepare_embedder: Path | None
) -> None:
    """Start the server; stop it with Ctrl-C or SIGTERM."""
    from understudy.cli.server import Preparation, run

    run(loaded, context.obj, Preparation(interpreter=prepare_interpreter, embedder=prepare_embedder))
