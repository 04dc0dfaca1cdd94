"""`understudy mcp`: the tools for agents over standard input and output, for clients that start their servers."""

import click

from understudy.cli.options import with_server


@click.command()
@click.option(
    "--tools",
    metavar="NAMES",
    default="",
    help="Only these tools: slugs and tags with commas between, like important.  [default: all]",
)
@with_server
def mcp(*, tools: str, base_url: str | None, key: str | None) -> None:
    """Serve the tools to an MCP client that starts this command.

    Clients that use HTTP need no command: a server has the tools at /mcp.
    """
    import asyncio

    from understudy_toolkit.catalog import UnknownTool
    from understudy_toolkit.stdio import run

    try:
        asyncio.run(run(base_url, key, [name.strip() for name in tools.split(",") if name.strip()]))
    except UnknownTool as unknown:
        raise click.UsageError(str(unknown)) from None
