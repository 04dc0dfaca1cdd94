"""`understudy webhooks`: endpoints and deliveries of webhooks. Works beside a running server."""

import time
from typing import TYPE_CHECKING

import click

from understudy.cli.group import CommandGroup
from understudy.cli.options import STORE, with_json_flag, with_settings
from understudy.cli.output import day, print_json, print_table

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings, Settings
    from understudy.store.webhook_endpoints import OwnedEndpoint
    from understudy.wire.webhooks import DeliveryStatus, WebhookDelivery


@click.group(cls=CommandGroup)
def webhooks() -> None:
    """Show webhook endpoints and deliveries of all projects, and send one again."""


@webhooks.command()
@with_settings(*STORE)
@with_json_flag
def endpoints(loaded: "LoadedSettings", *, as_json: bool) -> None:
    """List the endpoints, oldest first; the one without a project is that of the settings."""
    import asyncio

    import msgspec

    owned = asyncio.run(_load_endpoints(loaded.settings))
    if as_json:
        print_json([{"project_id": one.project_id or None, **msgspec.to_builtins(one.endpoint)} for one in owned])
        return
    rows = [
        (one.endpoint.id, one.project_id or "-", one.endpoint.url, ",".join(one.endpoint.event_types)) for one in owned
    ]
    print_table(("id", "project", "url", "events"), rows)


@webhooks.command()
@click.option("--status", type=click.Choice(["pending", "delivered", "failed"]), help="Only deliveries of this status.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many deliveries to list."
)
@with_settings(*STORE)
@with_json_flag
def deliveries(loaded: "LoadedSettings", *, status: "DeliveryStatus | None", limit: int, as_json: bool) -> None:
    """List deliveries, newest first."""
    import asyncio

    import msgspec

    records = asyncio.run(_load_deliveries(loaded.settings, status, limit))
    if as_json:
        print_json(msgspec.to_builtins(records))
        return
    rows = [
        (one.id, one.event.type, one.status, str(one.attempts), day(one.created_at), _describe_last_attempt(one))
        for one in records
    ]
    print_table(("id", "event", "status", "attempts", "created", "last"), rows)


@webhooks.command()
@click.argument("delivery")
@with_settings(*STORE)
def replay(loaded: "LoadedSettings", *, delivery: str) -> None:
    """Send a delivery again with the same id; a running server sends it at once."""
    import asyncio

    asyncio.run(_replay_delivery(loaded.settings, delivery))
    click.echo(f"{delivery} is queued again.")


def _describe_last_attempt(delivery: "WebhookDelivery") -> str:
    attempt = delivery.last_attempt
    if attempt is None:
        return "-"
    return str(attempt.status_code) if attempt.status_code is not None else attempt.error or "-"


async def _load_endpoints(settings: "Settings") -> "list[OwnedEndpoint]":
    from understudy.cli.access import existing_store

    async with existing_store(settings) as store:
        return await store.webhooks.all()


async def _load_deliveries(
    settings: "Settings", status: "DeliveryStatus | None", limit: int
) -> "list[WebhookDelivery]":
    from understudy.cli.access import existing_store

    async with existing_store(settings) as store:
        return await store.webhooks.newest(status, limit)


async def _replay_delivery(settings: "Settings", delivery_id: str) -> None:
    from understudy.cli.access import existing_store

    async with existing_store(settings) as store:
        await store.webhooks.replay_by_id(delivery_id, time.time())
