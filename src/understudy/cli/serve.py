"""`understudy serve`: the flags of the server; `understudy.cli.server` runs it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.garbage_collection import pause_garbage_collector
from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.command()
@with_settings(*STORE, "host", "port", "log_level", "log_format")
# An option of scripts/serve: this command fetches nothing.
@click.option("--prepare-interpreter", is_flag=True, hidden=True)
@click.option("--prepare-embedder", type=click.Path(path_type=Path), hidden=True)
@click.option("--prepare-docs", type=click.Path(path_type=Path), hidden=True)
@click.option("--no-jobs", is_flag=True, help="Serve requests only; `understudy worker` runs the jobs. Needs --broker.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    metavar="NUMBER",
    help="Start as many processes behind one port. Needs --broker.  [default: 1]",
)
@click.option("--child", hidden=True)  # What a process has from its parent, with --processes.
@click.pass_context
def serve(
    context: click.Context,
    loaded: "LoadedSettings",
    *,
    prepare_interpreter: bool,
    prepare_embedder: Path | None,
    prepare_docs: Path | None,
    no_jobs: bool,
    processes: int,
    child: str | None,
) -> None:
    """Start the server; stop it with Ctrl-C or SIGTERM."""
    pause_garbage_collector()
    from understudy.cli import processes as group
    from understudy.cli.server import Preparation, run

    if no_jobs:
        group.require_cluster(loaded.settings, "--no-jobs")
    if child is None and processes > 1:
        context.exit(group.run(loaded.settings, processes))
    preparation = Preparation(interpreter=prepare_interpreter, embedder=prepare_embedder, docs=prepare_docs)
    own = None if child is None else group.Child.from_text(child)
    run(loaded, context.obj, preparation, child=own, runs_jobs=not no_jobs)
