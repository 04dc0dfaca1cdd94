"""`understudy limits`: limits of projects, keys and models. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.administration import LimitScope, with_administration
from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag
from understudy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from understudy.cli.administration import Administration, LimitReport

_UNLIMITED = "unlimited"


@click.group(cls=CommandGroup)
def limits() -> None:
    """Limit the requests and tokens of projects, keys and models.

    Settings in the table `limits` have the defaults; what is set here overrides them for one project, key or model.
    """


def _with_scope(function: "Callable[..., None]") -> "Callable[..., None]":
    for option in (
        click.option("--project", help="The project, by name or id.  [default: default]"),
        click.option("--api-key", metavar="KEY", help="Of this key instead, by its id or hint."),
        click.option("--model", metavar="MODEL", help="Of this model in the project."),
    ):
        function = option(function)
    return function


@limits.command()
@_with_scope
@with_administration
@with_json_flag
def show(
    administration: "Administration", *, project: str | None, api_key: str | None, model: str | None, as_json: bool
) -> None:
    """Show the limits of a project, a key or a model."""
    import asyncio

    _print_report(asyncio.run(administration.load_limits(_parse_scope(project, api_key, model))), as_json=as_json)


@limits.command("set")
@click.argument("amounts", metavar="NAME=AMOUNT...", nargs=-1, required=True)
@_with_scope
@with_administration
@with_json_flag
def set_(
    administration: "Administration",
    *,
    amounts: tuple[str, ...],
    project: str | None,
    api_key: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Set limits, like requests_per_minute=60 tokens_per_day=unlimited; an amount `default` is the settings'."""
    import asyncio

    scope = _parse_scope(project, api_key, model)
    _print_report(
        asyncio.run(administration.change_limits(scope, dict(_parse_amount(text, scope) for text in amounts))),
        as_json=as_json,
    )


def _parse_scope(project: str | None, api_key: str | None, model: str | None) -> LimitScope:
    if api_key is not None and (project is not None or model is not None):
        raise click.UsageError("A key is in one project: pass --api-key without --project and --model.")
    return LimitScope(project or "default", api_key, model)


def _parse_amount(text: str, scope: LimitScope) -> "tuple[Any, int | None]":
    """The metric and its amount as the store has it. Raises UsageError."""
    from understudy.store.limits import UNLIMITED

    name, _, amount = text.partition("=")
    if name not in scope.metrics():
        raise click.UsageError(f"Invalid limit {text!r}. Limits here are {', '.join(scope.metrics())}.")
    if amount == _UNLIMITED:
        return name, UNLIMITED
    if amount == "default":
        return name, None
    digits = amount.replace("_", "")
    if not digits.isdecimal() or not scope.least(name) <= int(digits) <= 2**53:
        raise click.UsageError(
            f"Invalid amount {amount!r} of {name}. Write a whole number of at least {scope.least(name)}, 'unlimited' or"
            " 'default'."
        )
    return name, int(digits)


def _print_report(report: "LimitReport", *, as_json: bool) -> None:
    if as_json:
        print_json({**report.names, "limits": report.own, "effective": report.effective})
        return
    rows = [
        (name, _format(report.own.get(name), "default"), _format(amount, "none"))
        for name, amount in report.effective.items()
    ]
    print_table(("limit", "set", "applies"), rows)


def _format(amount: int | str | None, absent: str) -> str:
    return absent if amount is None else amount if isinstance(amount, str) else f"{amount:,}"
