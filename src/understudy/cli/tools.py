"""`understudy tools`: the tools for agents, to look at and to try out. A call goes to a server, as an agent's does."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag, with_server
from understudy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from understudy.catalog import Tool


@click.group(cls=CommandGroup)
def tools() -> None:
    """List, show and call the tools that agents are handed."""


@tools.command("list")
@click.argument("search", required=False, default="")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only tools with this tag, like readOnlyHint.")
@click.option("--important", is_flag=True, help="Only the tools to begin with.")
@with_json_flag
def list_(*, search: str, tags: tuple[str, ...], important: bool, as_json: bool) -> None:
    """List the tools; with words to SEARCH for, the likeliest first."""
    from understudy.catalog import select

    found = select(query=search, tags=tags, important=important)
    if as_json:
        print_json([_tool_to_dict(tool) for tool in found])
    else:
        print_table(("slug", "does"), [(tool.slug, tool.description.partition(". ")[0]) for tool in found])


@tools.command()
@click.argument("slug")
@with_json_flag
def show(*, slug: str, as_json: bool) -> None:
    """Show what a tool does, what it takes and which request it stands for."""
    tool = _require_tool(slug)
    if as_json:
        print_json(_tool_to_dict(tool))
        return
    click.echo(f"{tool.slug}: {tool.name}\n{tool.description}\n\n{tool.method} {tool.path}  {' '.join(tool.tags)}\n")
    rows = [(one.name, one.kind, "yes" if one.required else "no", one.description) for one in tool.parameters]
    if rows:
        print_table(("parameter", "type", "required", "meaning"), rows)
    else:
        click.echo("It takes no parameters.")


@tools.command()
@click.argument("slug")
@click.option("--json", "given", metavar="OBJECT", help="The arguments as a JSON object; - reads it from stdin.")
@click.option("--arg", "pairs", multiple=True, metavar="NAME=VALUE", help="One argument; may be given many times.")
@with_server
@click.pass_context
def call(
    context: click.Context,
    *,
    slug: str,
    given: str | None,
    pairs: tuple[str, ...],
    base_url: str | None,
    key: str | None,
) -> None:
    """Call a tool, and print what it came to as JSON.

    The exit code is 1 if it failed.
    """
    from understudy.toolkit import Toolkit

    tool = _require_tool(slug)
    arguments = _parse_object(given) | dict(_parse_argument(tool, pair) for pair in pairs)
    with Toolkit(base_url, key) as toolkit:
        result = toolkit.execute(tool.slug, arguments)
    print_json(result)
    if not result["successful"]:
        click.echo(f"Error: {result['error']}", err=True)
        context.exit(1)


def _require_tool(slug: str) -> "Tool":
    from understudy.catalog import UnknownTool, find

    try:
        return find(slug)
    except UnknownTool as unknown:
        raise click.UsageError(str(unknown)) from None


def _parse_object(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    try:
        found = json.loads(sys.stdin.read() if given == "-" else given)
    except ValueError as error:
        raise click.UsageError(f"--json {given!r} is not valid JSON: {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"--json takes an object of arguments, not {given!r}.")
    return found


def _parse_argument(tool: "Tool", pair: str) -> tuple[str, Any]:
    """Texts as they are; everything else is written as JSON."""
    name, equals, text = pair.partition("=")
    if not equals:
        raise click.UsageError(f"--arg {pair!r} has no '='; write NAME=VALUE.")
    parameter = tool.by_name.get(name)
    if parameter is not None and parameter.kind == "string":
        return name, text
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


def _tool_to_dict(tool: "Tool") -> dict[str, Any]:
    return {
        "slug": tool.slug,
        "name": tool.name,
        "description": tool.description,
        "method": tool.method,
        "path": tool.path,
        "tags": tool.tags,
        "input_parameters": tool.input_schema,
        "output_parameters": tool.output_schema,
    }
