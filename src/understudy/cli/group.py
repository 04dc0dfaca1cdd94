"""A group of commands: without arguments it prints its help and ends well, at every level."""

import click


class CommandGroup(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Click takes it for wrong usage; who types the bare name wants to know what there is.
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)
