"""`understudy worker`: runs the jobs of a cluster, without HTTP."""

from typing import TYPE_CHECKING

import click

from understudy.cli.garbage_collection import pause_garbage_collector
from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.command()
@with_settings(*STORE, "log_level", "log_format")
@click.pass_context
def worker(context: click.Context, loaded: "LoadedSettings") -> None:
    """Run jobs for servers on the same database; stop it with Ctrl-C or SIGTERM.

    It serves no requests. It needs --database, --broker and a data directory of its own, and the contents of files
    in a bucket or a shared directory.
    """
    pause_garbage_collector()
    from understudy.cli.server import run_worker

    run_worker(loaded, context.obj)
