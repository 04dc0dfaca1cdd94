"""`understudy projects`: tenants, whose keys open nothing but their own objects. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.amounts import amount as money
from understudy.cli.credits import PERIOD
from understudy.cli.group import CommandGroup
from understudy.cli.options import STORE, with_json_flag, with_settings
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings
    from understudy.store.keys import ProjectRecord
    from understudy.store.ledger import Period


@click.group(cls=CommandGroup)
def projects() -> None:
    """Create and list projects: each has objects and keys of its own."""


@projects.command()
@click.argument("name")
@click.option("--spend-limit", type=money, metavar="AMOUNT", help="What all its keys together may spend, like 5USD.")
@click.option("--period", type=PERIOD, default="month", show_default=True, help="When what was spent is forgotten.")
@with_settings(*STORE)
@with_json_flag
def create(loaded: "LoadedSettings", *, name: str, spend_limit: int | None, period: "Period", as_json: bool) -> None:
    """Create a project; `understudy keys create --project NAME` makes keys for it."""
    import asyncio

    from understudy.cli.access import create_project

    if not name.strip():
        raise click.UsageError("A project needs a name that is not empty.")
    made = asyncio.run(create_project(loaded.settings, name, spend_limit, period))
    if as_json:
        print_json(_project_to_dict(made))
    else:
        click.echo(made.id)


@projects.command("list")
@with_settings(*STORE)
@with_json_flag
def list_(loaded: "LoadedSettings", *, as_json: bool) -> None:
    """List the projects, oldest first, with how many keys each has."""
    import asyncio

    from understudy.cli.access import list_projects

    found = asyncio.run(list_projects(loaded.settings))
    if as_json:
        print_json([_project_to_dict(one) for one in found])
    else:
        rows = [(one.id, one.name, str(one.keys), day(one.created_at)) for one in found]
        print_table(("id", "name", "keys", "created"), rows)


def _project_to_dict(project: "ProjectRecord") -> dict[str, Any]:
    return {"id": project.id, "name": project.name, "created_at": project.created_at, "keys": project.keys}
