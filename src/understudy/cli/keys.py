"""`understudy keys`: create, list and revoke the keys of clients. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.amounts import amount as money
from understudy.cli.group import CommandGroup
from understudy.cli.options import STORE, with_json_flag, with_period, with_settings
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings
    from understudy.store.keys import KeyRecord
    from understudy.store.spending import Period


@click.group(cls=CommandGroup)
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.option("--name", default="unnamed", show_default=True, help="The purpose of the key.")
@click.option("--project", default="default", show_default=True, help="The project of the key, by name or id.")
@click.option("--spend-limit", type=money, metavar="AMOUNT", help="Limit its spending, like 5USD.")
@with_period
@with_settings(*STORE)
@with_json_flag
def create(
    loaded: "LoadedSettings", *, name: str, project: str, spend_limit: int | None, period: "Period", as_json: bool
) -> None:
    """Create a key and print it, once."""
    import asyncio

    from understudy.cli.access import create_key

    created = asyncio.run(create_key(loaded.settings, name, project, spend_limit, period))
    if as_json:
        print_json({**_key_to_dict(created.record), "key": created.key})
    else:
        click.echo(created.key)
        click.echo("Save it: only its hash is stored, so it cannot be printed again.", err=True)


@keys.command("list")
@with_settings(*STORE)
@with_json_flag
def list_(loaded: "LoadedSettings", *, as_json: bool) -> None:
    """List the keys, oldest first, with revoked ones."""
    import asyncio

    from understudy.cli.access import list_keys

    records = asyncio.run(list_keys(loaded.settings))
    if as_json:
        print_json([{**_key_to_dict(record), "project": project} for record, project in records])
    else:
        rows = [
            (record.id, record.name, project, record.hint, day(record.created_at), _describe_state(record))
            for record, project in records
        ]
        print_table(("id", "name", "project", "key", "created", "state"), rows)


@keys.command()
@click.argument("key")
@with_settings(*STORE)
def revoke(loaded: "LoadedSettings", *, key: str) -> None:
    """Revoke a key by its id, its hint or the key itself."""
    import asyncio

    from understudy.cli.access import revoke_key

    record = asyncio.run(revoke_key(loaded.settings, key))
    if record is None:
        raise click.ClickException("Unknown or ambiguous key. Run `understudy keys list`.")
    click.echo(f"Revoked {record.id} ({record.name}).")


def _key_to_dict(record: "KeyRecord") -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "project_id": record.project_id,
        "hint": record.hint,
        "created_at": record.created_at,
        "revoked_at": record.revoked_at,
    }


def _describe_state(record: "KeyRecord") -> str:
    return "active" if record.revoked_at is None else f"revoked {day(record.revoked_at)}"
