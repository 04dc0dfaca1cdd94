"""`understudy sandbox`: installs and checks the environment of the code interpreter."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.group import CommandGroup
from understudy.cli.options import with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings


@click.group(cls=CommandGroup)
def sandbox() -> None:
    """Set up the environment of `code_interpreter`."""


@sandbox.command()
@click.option("--into", type=click.Path(path_type=Path), metavar="DIRECTORY", help="The directory of the environment.")
@click.option("--python", metavar="FILE", help="The Python to create it with.  [default: the server's]")
@click.option("--force", is_flag=True, help="Create it again even if it is complete.")
@click.option("--parent", type=int, hidden=True)
def install(into: Path | None, python: str | None, parent: int | None, *, force: bool) -> None:
    """Install the interpreter's Python packages in tested versions.

    Without --into they go where the server finds them: .venv-interpreter of a checkout, or else
    ~/.local/share/understudy/interpreter, for root /var/lib/understudy/interpreter.
    """
    import sys

    from understudy.parent_death import die_with_parent
    from understudy.tools.sandbox import environment

    if parent is not None:
        die_with_parent(parent)
    home = into or environment.default_home()
    if environment.is_ready(home) and not force:
        click.echo(f"{home} is complete.")
        return
    environment.install(home, python or sys.executable, click.echo)
    click.echo(f"Installed {environment.python_path(home)}")


@sandbox.command()
@with_settings("config", "data")
def check(loaded: "LoadedSettings") -> None:
    """Check whether code can run here; the exit code is 1 if it cannot."""
    import asyncio

    from understudy.clock import SystemClock
    from understudy.errors import SandboxError
    from understudy.tools.sandbox.report import facts

    try:
        asyncio.run(facts(loaded.settings.sandbox, SystemClock()))
    except SandboxError as error:
        raise click.ClickException(str(error)) from None
    click.echo("Code can run here.")
