"""A group of commands: without arguments it prints its help and exits with 0, at every level."""

import click


class CommandGroup(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Click exits with a usage error; the bare name is how people look for help.
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)
