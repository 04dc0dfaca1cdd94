"""`understudy credits`: budgets, limits and spending of projects. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.administration import with_administration
from understudy.cli.amounts import amount as money
from understudy.cli.amounts import format_usd
from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag, with_period
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.cli.administration import Administration, ProjectFunds
    from understudy.store.spending import Period

_PROJECT = click.option("--project", default="default", show_default=True, help="The project, by name or id.")


@click.group(cls=CommandGroup)
def credits() -> None:  # noqa: A001 - the command's name
    """Grant credits to projects, limit spending, and show it.

    A project has no budget until its first grant; from then on it may spend no more than its grants.
    """


@credits.command()
@click.argument("amount", type=money)
@_PROJECT
@click.option(
    "--type",
    "type_",
    type=click.Choice(["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT"]),
    default="PAYMENT",
    show_default=True,
    help="The type of the entry in the list of transactions.",
)
@click.option("--note", metavar="TEXT", help="A reference to store with the entry, like the number of an invoice.")
@with_administration
@with_json_flag
def grant(
    administration: "Administration", *, amount: int, project: str, type_: Any, note: str | None, as_json: bool
) -> None:
    """Add an amount, like 10USD or 20000000 credits, to a project's balance."""
    import asyncio

    _print_balance(asyncio.run(administration.grant_credits(project, amount, type_, note)), as_json=as_json)


@credits.command()
@click.argument("amount", type=money)
@_PROJECT
@click.option("--note", metavar="TEXT", help="A reference to store with the entry.")
@with_administration
@with_json_flag
def withdraw(administration: "Administration", *, amount: int, project: str, note: str | None, as_json: bool) -> None:
    """Subtract an amount from a project's balance."""
    import asyncio

    _print_balance(asyncio.run(administration.grant_credits(project, -amount, "ADJUSTMENT", note)), as_json=as_json)


@credits.command()
@click.argument("amount", type=money, required=False)
@click.option("--project", help="Limit this project, by name or id.")
@click.option(
    "--api-key", metavar="KEY", help="Limit this key, by its id or hint; --key does it too, without --base-url."
)
@with_period
@click.option("--none", "none", is_flag=True, help="Remove the limit.")
@with_administration
def limit(
    administration: "Administration",
    *,
    amount: int | None,
    project: str | None,
    api_key: str | None,
    period: "Period",
    none: bool,
) -> None:
    """Limit the spending of a key or a project in a period; running work is never interrupted."""
    import asyncio

    if (project is None) == (api_key is None):
        raise click.UsageError("Name either a project with --project or a key with --api-key.")
    if (amount is None) != none:
        raise click.UsageError("Pass an amount like 5USD, or --none to remove the limit.")
    scope = asyncio.run(administration.limit_spending(project, api_key, amount, period))
    click.echo(
        f"{scope} has no limit any more." if amount is None else f"{scope} may spend {format_usd(amount)} ({period})."
    )


@credits.command()
@_PROJECT
@with_administration
def unlimit(administration: "Administration", *, project: str) -> None:
    """Remove a project's budget; its balance and its limits stay."""
    import asyncio

    if not asyncio.run(administration.drop_budget(project)):
        raise click.ClickException(f"Project {project!r} has no budget.")
    click.echo(f"{project} has no budget any more.")


@credits.command()
@with_administration
@with_json_flag
def show(administration: "Administration", *, as_json: bool) -> None:
    """Show every project's balance and its spending of this month."""
    import asyncio

    funds = asyncio.run(administration.list_funds())
    if as_json:
        print_json([_funds_to_dict(one) for one in funds])
    else:
        rows = [
            (one.name, format_usd(one.balance), _describe_budget(one), format_usd(one.spent), _describe_limit(one))
            for one in funds
        ]
        print_table(("project", "balance", "budget", "this month", "limit"), rows)


@credits.command()
@_PROJECT
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many entries.")
@with_administration
@with_json_flag
def history(administration: "Administration", *, project: str, last: int, as_json: bool) -> None:
    """List the entries of a project's ledger, newest first."""
    import asyncio

    entries = asyncio.run(administration.list_entries(project, last))
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "created_at": one.created_at,
                    "type": one.type,
                    "credits": one.credits,
                    "model": one.model,
                    "reference": one.reference,
                }
                for one in entries
            ]
        )
    else:
        rows = [
            (day(one.created_at), one.type, format_usd(one.credits), one.model or "", one.reference or "")
            for one in entries
        ]
        print_table(("day", "type", "amount", "model", "reference"), rows)


def _print_balance(funds: "ProjectFunds", *, as_json: bool) -> None:
    if as_json:
        print_json(_funds_to_dict(funds))
    else:
        click.echo(f"{funds.name} has {format_usd(funds.balance)} ({funds.balance} credits).")


def _funds_to_dict(funds: "ProjectFunds") -> dict[str, Any]:
    return {
        "project": funds.name,
        "project_id": funds.project_id,
        "balance": funds.balance,
        "budgeted": funds.budgeted,
        "spent_this_month": funds.spent,
        "limit": None if funds.limit is None else {"credits": funds.limit.credits, "period": funds.limit.period},
    }


def _describe_budget(funds: "ProjectFunds") -> str:
    return "its grants" if funds.budgeted else "none"


def _describe_limit(funds: "ProjectFunds") -> str:
    return "none" if funds.limit is None else f"{format_usd(funds.limit.credits)} {funds.limit.period}"
