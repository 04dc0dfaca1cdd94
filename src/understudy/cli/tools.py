"""`understudy tools`: lists, shows and calls the tools for agents. A call is a request to a server, like an agent's."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag, with_server
from understudy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from understudy_toolkit.catalog import Tool


@click.group(cls=CommandGroup)
def tools() -> None:
    """List, show and call the tools for agents."""


@tools.command("list")
@click.argument("search", required=False, default="")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only tools with this tag, like readOnlyHint.")
@click.option("--important", is_flag=True, help="Only the important tools.")
@with_json_flag
def list_(*, search: str, tags: tuple[str, ...], important: bool, as_json: bool) -> None:
    """List the tools; with words to SEARCH for, the best match first."""
    from understudy_toolkit.catalog import select

    matches = select(query=search, tags=tags, important=important)
    if as_json:
        print_json([_tool_to_dict(tool) for tool in matches])
    elif not matches:
        click.echo("No tools found. `understudy tools list` lists all.", err=True)
    else:
        print_table(("slug", "does"), [(tool.slug, tool.description.partition(". ")[0]) for tool in matches])


@tools.command()
@click.argument("slug")
@with_json_flag
def show(*, slug: str, as_json: bool) -> None:
    """Show a tool: description, parameters and request."""
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
@click.option("--arguments", "encoded", metavar="OBJECT", help="The arguments as a JSON object; - reads it from stdin.")
@click.option("--arg", "pairs", multiple=True, metavar="NAME=VALUE", help="One argument; can be repeated.")
@with_server
@click.pass_context
def call(
    context: click.Context,
    *,
    slug: str,
    encoded: str | None,
    pairs: tuple[str, ...],
    base_url: str | None,
    key: str | None,
) -> None:
    """Call a tool, and print its result as JSON.

    The exit code is 1 if it failed.
    """
    from understudy_toolkit import Toolkit

    tool = _require_tool(slug)
    arguments = _parse_object(encoded) | dict(_parse_argument(tool, pair) for pair in pairs)
    with Toolkit(base_url, key) as toolkit:
        result = toolkit.execute(tool.slug, arguments)
    print_json(result)
    if not result["successful"]:
        click.echo(f"Error: {result['error']}", err=True)
        context.exit(1)


def _require_tool(slug: str) -> "Tool":
    from understudy_toolkit.catalog import UnknownTool, find

    try:
        return find(slug)
    except UnknownTool as unknown:
        raise click.UsageError(str(unknown)) from None


def _parse_object(encoded: str | None) -> dict[str, Any]:
    if encoded is None:
        return {}
    try:
        value = json.loads(sys.stdin.read() if encoded == "-" else encoded)
    except ValueError as error:
        raise click.UsageError(f"--arguments {encoded!r} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise click.UsageError(f"--arguments takes an object of arguments, not {encoded!r}.")
    return value


def _parse_argument(tool: "Tool", pair: str) -> tuple[str, Any]:
    """The value of a string parameter is its text; other values are parsed as JSON."""
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
