"""The `understudy` command: the group of all commands, and how their errors are printed.

A command imports its dependencies when it runs, so that small commands start at once.
"""

import time

import click

from understudy import __version__
from understudy.cli.ask import ask
from understudy.cli.backup import backup, restore
from understudy.cli.chat import chat
from understudy.cli.completion import completion
from understudy.cli.config import config
from understudy.cli.credits import credits as credits_
from understudy.cli.doctor import doctor
from understudy.cli.extract import extract
from understudy.cli.group import CommandGroup
from understudy.cli.health import health
from understudy.cli.keys import keys
from understudy.cli.limits import limits
from understudy.cli.mcp import mcp
from understudy.cli.objects import get, ls, rm
from understudy.cli.projects import projects
from understudy.cli.reindex import reindex
from understudy.cli.sandbox import sandbox
from understudy.cli.serve import serve
from understudy.cli.tail import tail
from understudy.cli.tools import tools
from understudy.cli.transfers import delete, export, import_
from understudy.cli.version import version
from understudy.cli.webhooks import webhooks
from understudy.cli.worker import worker
from understudy.errors import SettingsError, UnderstudyError


class _Commands(CommandGroup):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)
        except SettingsError as error:
            raise _WrongSettings(str(error)) from error
        except UnderstudyError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError) or error.strerror is None:
                raise
            where = f": {error.filename!r}" if error.filename is not None else ""
            raise click.ClickException(f"{error.strerror}{where}.") from error


class _WrongSettings(click.ClickException):
    exit_code = 2


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="understudy", message="%(prog)s %(version)s", help="Show the version.")
def commands() -> None:
    """Understudy serves the Assistants API and chat completions from your own machine.

    \b
    Start with `understudy serve`: it prints a base URL, a key and a program to paste.
    Settings: flags over UNDERSTUDY_* variables over understudy.toml over defaults.
    Exit codes: 0 done, 1 failed, 2 wrong usage or settings,
    3 server unavailable, 4 object not found, 130 interrupted.
    """


_COMMANDS = (
    *(serve, worker, chat, ask, ls, get, rm, tail, keys, projects, credits_, limits, tools, mcp, webhooks),
    *(import_, export, delete),
    *(backup, restore),
    *(reindex, extract, sandbox, config, doctor, health, completion, version),
)
for command in _COMMANDS:
    commands.add_command(command)


def main() -> None:
    commands(obj=time.perf_counter(), prog_name="understudy")
