"""`understudy version`: the versions for a bug report."""

import platform

import click

from understudy.cli.options import with_json_flag
from understudy.cli.output import print_json


@click.command()
@with_json_flag
def version(*, as_json: bool) -> None:
    """Show the versions of Understudy, Python, SQLite and the platform."""
    import apsw

    from understudy import __version__

    facts = {
        "understudy": __version__,
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "platform": platform.platform(),
    }
    if as_json:
        print_json(facts)
    else:
        for name, value in facts.items():
            click.echo(f"{name} {value}")
