"""`understudy ls`, `get`, `rm`: the objects of a project, through the API of a server."""

from collections.abc import AsyncIterator
from typing import Any

import click

from understudy.cli.options import with_json_flag, with_server
from understudy.cli.resources import RESOURCES, Resource, find_resource

_PAGE = 100
_KINDS = click.Choice(list(RESOURCES))
_PARENT = click.option("--in", "parent", metavar="ID", help="The thread or vector store that the objects belong to.")


@click.command()
@click.argument("kind", type=_KINDS, metavar="KIND")
@_PARENT
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many objects.")
@click.option("--all", "every", is_flag=True, help="All objects.")
@click.option("--oldest-first", is_flag=True, help="Oldest first.  [default: newest first]")
@click.option("--search", metavar="TEXT", help="Only objects that match, where lists can be searched.")
@with_json_flag
@with_server
def ls(
    *,
    kind: str,
    parent: str | None,
    limit: int,
    every: bool,
    oldest_first: bool,
    search: str | None,
    as_json: bool,
    base_url: str | None,
    key: str | None,
) -> None:
    """List objects of a KIND, as a table or as lines of JSON.

    \b
    KIND is one of assistants, threads, messages, runs, responses,
    conversations, files, stores, store-files, batches, containers,
    completions, webhooks, models.
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.output import print_line, print_table

    resource = RESOURCES[kind]
    path = resource.list_path(parent)
    query = dict(resource.query) | {"order": "asc" if oldest_first else "desc", "q": search}

    async def run() -> None:
        rows = []
        async with ApiClient(base_url, key) as api:
            async for row in _read_rows(api, resource, path, query, None if every else limit):
                if as_json:
                    print_line(row)
                else:
                    rows.append([cell(row) for cell in resource.columns.values()])
        if not as_json and rows:
            print_table(tuple(resource.columns), rows)
        elif not as_json:
            click.echo(f"No {kind}.", err=True)

    run_async(run)()


async def _read_rows(
    api: Any, resource: Resource, path: str, query: dict[str, Any], limit: int | None
) -> AsyncIterator[dict[str, Any]]:
    """The objects page by page, at most `limit`."""
    if not resource.is_paged:
        for row in (await api.get(path))["data"][:limit]:
            yield row
        return
    after, left = None, limit
    while left is None or left > 0:
        page = await api.get(path, limit=_PAGE if left is None else min(left, _PAGE), after=after, **query)
        for row in page["data"]:
            yield row
        if not page.get("has_more") or not page["data"]:
            return
        after = page["data"][-1]["id"]
        left = None if left is None else left - len(page["data"])


@click.command()
@click.argument("object_id", metavar="ID")
@_PARENT
@with_json_flag
@with_server
def get(*, object_id: str, parent: str | None, as_json: bool, base_url: str | None, key: str | None) -> None:
    """Show an object by its ID, whose prefix names its kind; other names are models."""
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.output import print_json

    path = find_resource(object_id).object_path(object_id, parent)

    async def run() -> None:
        async with ApiClient(base_url, key) as api:
            found = await api.get(path)
        if as_json:
            print_json(found)
        else:
            _print_members(found)

    run_async(run)()


def _print_members(found: dict[str, Any]) -> None:
    """A line for each member with a value; lists and objects as JSON."""
    import json
    import textwrap

    members = {name: value for name, value in found.items() if value not in (None, [], {}, "")}
    width = max(map(len, members))
    for name, value in members.items():
        is_nested = isinstance(value, (dict, list))
        text = json.dumps(value, indent=2, ensure_ascii=False) if is_nested else str(value)
        click.echo(f"{name.ljust(width)}  {textwrap.indent(text, ' ' * (width + 2)).lstrip()}")


@click.command()
@click.argument("object_ids", metavar="ID…", nargs=-1, required=True)
@_PARENT
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_json_flag
@with_server
def rm(
    *,
    object_ids: tuple[str, ...],
    parent: str | None,
    yes: bool,
    as_json: bool,
    base_url: str | None,
    key: str | None,
) -> None:
    """Delete objects by their IDs.

    Without a terminal, --yes is required.
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.output import print_line
    from understudy.cli.terminal import confirm

    paths = [_deletion_path(object_id, parent) for object_id in object_ids]
    if not yes:
        confirm("rm", f"Delete {', '.join(object_ids)}?")

    async def run() -> None:
        async with ApiClient(base_url, key) as api:
            for object_id, path in zip(object_ids, paths, strict=True):
                deleted = await api.delete(path)
                if as_json:
                    print_line(deleted)
                else:
                    click.echo(f"Deleted {object_id}")

    run_async(run)()


def _deletion_path(object_id: str, parent: str | None) -> str:
    resource = find_resource(object_id)
    if resource.read_only:
        raise click.UsageError(f"{object_id!r} cannot be deleted: the API has no such operation.")
    return resource.object_path(object_id, parent)
