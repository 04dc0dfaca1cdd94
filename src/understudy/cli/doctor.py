"""`understudy doctor`: checks the installation and its services, with a remedy for each problem."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from understudy.cli.options import STORE, with_json_flag, with_settings
from understudy.cli.output import print_json

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings

_COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


@click.command()
@with_settings(*STORE, "host", "port")
@click.option("--deep", is_flag=True, help="Check every page of the database and every byte of the files instead.")
@click.option("--repair", is_flag=True, help="With --deep: delete files that no row knows, and those of crashes.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=200.0,
    show_default=True,
    metavar="MB",
    help="With --deep: read at most so many megabytes of files a second.",
)
@with_json_flag
@click.pass_context
def doctor(
    context: click.Context, loaded: "LoadedSettings", *, deep: bool, repair: bool, rate: float, as_json: bool
) -> None:
    """Check the installation, the database, the sandbox and the providers.

    Servers may run meanwhile. The exit code is 1 if something is broken.
    """
    import asyncio

    if repair and not deep:
        raise click.UsageError("--repair needs --deep.")
    if deep:
        from understudy.cli.deep_checks import describe_problems, run_deep_checks

        results = asyncio.run(run_deep_checks(loaded.settings, rate, repairs=repair))
        _print_results([(asdict(result), list(describe_problems(result))) for result in results], as_json=as_json)
        context.exit(any(result.state == "broken" for result in results))

    from understudy.cli.checks import run_checks

    findings = asyncio.run(run_checks(loaded.settings))
    _print_results([(asdict(finding), []) for finding in findings], as_json=as_json)
    context.exit(any(finding.state == "broken" for finding in findings))


def _print_results(results: Sequence[tuple[dict[str, Any], Sequence[str]]], *, as_json: bool) -> None:
    """Each result with the lines below it."""
    if as_json:
        print_json([result for result, _ in results])
        return
    for result, lines in results:
        state = click.style(result["state"].ljust(7), fg=_COLOURS[result["state"]])
        click.echo(f"{state}  {result['subject']}: {result['text']}")
        for line in lines:
            click.echo(f"         {line}")
