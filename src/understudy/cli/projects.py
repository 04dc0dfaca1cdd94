"""`understudy projects`: tenants, whose keys access only their own objects. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.administration import with_administration
from understudy.cli.amounts import amount as money
from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag, with_period
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.cli.administration import Administration
    from understudy.store.projects import ProjectRecord
    from understudy.store.spending import Period


@click.group(cls=CommandGroup)
def projects() -> None:
    """Create and list projects: each has objects and keys of its own."""


@projects.command()
@click.argument("name")
@click.option(
    "--spend-limit", type=money, metavar="AMOUNT", help="Limit the spending of all its keys together, like 5USD."
)
@with_period
@with_administration
@with_json_flag
def create(
    administration: "Administration", *, name: str, spend_limit: int | None, period: "Period", as_json: bool
) -> None:
    """Create a project; `understudy keys create --project NAME` creates its keys."""
    import asyncio

    if not name.strip():
        raise click.UsageError("The name of a project must not be empty.")
    created = asyncio.run(administration.create_project(name, spend_limit, period))
    if as_json:
        print_json(_project_to_dict(created))
    else:
        click.echo(created.id)


@projects.command("list")
@with_administration
@with_json_flag
def list_(administration: "Administration", *, as_json: bool) -> None:
    """List the projects, oldest first, with their number of keys."""
    import asyncio

    records = asyncio.run(administration.list_projects())
    if as_json:
        print_json([_project_to_dict(record) for record in records])
    else:
        rows = [
            (record.id, record.name, str(record.keys), day(record.created_at), _describe_state(record))
            for record in records
        ]
        print_table(("id", "name", "keys", "created", "state"), rows)


@projects.command()
@click.argument("project")
@click.option("--yes", is_flag=True, help="Archive it without asking.")
@with_administration
def archive(administration: "Administration", *, project: str, yes: bool) -> None:
    """Archive a project, by name or id, for good: its keys are refused, and its objects stay."""
    import asyncio

    from understudy.cli.terminal import confirm

    if not yes:
        confirm("archive", f"Archive {project!r}? Its keys are refused from then on, and this cannot be undone.")
    archived = asyncio.run(administration.archive_project(project))
    click.echo(f"Archived {archived.id} ({archived.name}).")


def _project_to_dict(project: "ProjectRecord") -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "created_at": project.created_at,
        "keys": project.keys,
        "archived_at": project.archived_at,
    }


def _describe_state(project: "ProjectRecord") -> str:
    return "active" if project.archived_at is None else f"archived {day(project.archived_at)}"
