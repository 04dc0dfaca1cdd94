"""`understudy mcp`: the tools for agents over standard input and output, for clients that start their servers."""

import click

from understudy.cli.options import with_server


@click.command()
@with_server
def mcp(*, base_url: str | None, key: str | None) -> None:
    """Serve the tools to an MCP client that starts this command.

    Clients that use HTTP need no command: a server has the tools at /mcp.
    """
    import asyncio

    from understudy.toolkit.stdio import run

    asyncio.run(run(base_url, key))
