"""`understudy keys`: create, list, rotate and revoke the keys of clients. Works beside a running server."""

from typing import TYPE_CHECKING, Any

import click

from understudy.cli.administration import NewKey, unknown_key, with_administration
from understudy.cli.amounts import amount as money
from understudy.cli.durations import duration
from understudy.cli.group import CommandGroup
from understudy.cli.options import with_json_flag, with_period
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.cli.administration import Administration, CreatedAdminKey, CreatedKey
    from understudy.store.keys import KeyRecord
    from understudy.store.spending import Period

_SAVE = "Save it: only its hash is stored, so it cannot be printed again."


@click.group(cls=CommandGroup)
def keys() -> None:
    """Create, list, rotate and revoke API keys."""


@keys.command()
@click.option("--name", default="unnamed", show_default=True, help="The purpose of the key.")
@click.option("--project", default="default", show_default=True, help="The project of the key, by name or id.")
@click.option("--admin", is_flag=True, help="An admin key, for /organization only: it opens no project.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="Restrict it to api.RESOURCE.read, api.RESOURCE.write, model.request or api.all.read; can be repeated.",
)
@click.option("--expires", type=duration, metavar="TIME", help="How long it is valid, like 90d or 12h.")
@click.option("--spend-limit", type=money, metavar="AMOUNT", help="Limit its spending, like 5USD.")
@with_period
@with_administration
@with_json_flag
def create(
    administration: "Administration",
    *,
    name: str,
    project: str,
    admin: bool,
    scopes: tuple[str, ...],
    expires: int | None,
    spend_limit: int | None,
    period: "Period",
    as_json: bool,
) -> None:
    """Create a key and print it, once."""
    import asyncio

    from understudy.api.access import check_scopes

    if admin:
        if scopes or spend_limit is not None or project != "default":
            raise click.UsageError("An admin key has no project, no scopes and no spend limit.")
        _print_admin_key(asyncio.run(administration.create_admin_key(name, expires)), as_json=as_json)
        return
    new = NewKey(name, project, check_scopes(list(scopes)), expires, spend_limit, period)
    _print_created(asyncio.run(administration.create_key(new)), as_json=as_json)


@keys.command("list")
@with_administration
@with_json_flag
def list_(administration: "Administration", *, as_json: bool) -> None:
    """List the keys, oldest first, with revoked ones."""
    import asyncio

    records = asyncio.run(administration.list_keys())
    if as_json:
        print_json([{**_key_to_dict(record), "project": project} for record, project in records])
    else:
        rows = [
            (
                record.id,
                record.name,
                project,
                record.hint,
                day(record.created_at),
                "never" if record.last_used_at is None else day(record.last_used_at),
                _describe_state(record),
            )
            for record, project in records
        ]
        print_table(("id", "name", "project", "key", "created", "last used", "state"), rows)


@keys.command()
@click.argument("reference", metavar="KEY")
@click.option(
    "--overlap", type=duration, default="1d", show_default=True, metavar="TIME", help="How long the old key is valid."
)
@with_administration
@with_json_flag
def rotate(administration: "Administration", *, reference: str, overlap: int, as_json: bool) -> None:
    """Replace a key, by its id, its hint or the key itself, and print the new one, once."""
    import asyncio

    created = asyncio.run(administration.rotate_key(reference, overlap))
    if created is None:
        raise unknown_key()
    _print_created(created, as_json=as_json)


@keys.command()
@click.argument("reference", metavar="KEY")
@with_administration
def revoke(administration: "Administration", *, reference: str) -> None:
    """Revoke a key by its id, its hint or the key itself."""
    import asyncio

    record = asyncio.run(administration.revoke_key(reference))
    if record is None:
        raise unknown_key()
    click.echo(f"Revoked {record.id} ({record.name}).")


def _print_created(created: "CreatedKey", *, as_json: bool) -> None:
    if as_json:
        print_json({**_key_to_dict(created.record), "key": created.key})
    else:
        click.echo(created.key)
        click.echo(_SAVE, err=True)


def _print_admin_key(created: "CreatedAdminKey", *, as_json: bool) -> None:
    record = created.record
    if as_json:
        members = {"id": record.id, "name": record.name, "hint": record.hint}
        print_json({**members, "created_at": record.created_at, "expires_at": record.expires_at, "key": created.key})
    else:
        click.echo(created.key)
        click.echo(_SAVE, err=True)


def _key_to_dict(record: "KeyRecord") -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "project_id": record.project_id,
        "hint": record.hint,
        "scopes": list(record.scopes or ()),
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "last_used_at": record.last_used_at,
        "revoked_at": record.revoked_at,
    }


def _describe_state(record: "KeyRecord") -> str:
    import time

    if record.revoked_at is not None:
        return f"revoked {day(record.revoked_at)}"
    if record.expires_at is None:
        return "active"
    verb = "expired" if record.expires_at <= time.time() else "until"
    return f"{verb} {day(record.expires_at)}"
