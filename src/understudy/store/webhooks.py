"""Stored webhook endpoints and their deliveries: the verbs, each one transaction."""

from collections.abc import Callable, Mapping

from understudy.store.database import Database
from understudy.store.fair_candidates import FairCursor
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.outbox import insert_delivery
from understudy.store.pages import Page, PageRequest, PageSource, RecordPage, read_page
from understudy.store.webhook_deliveries import (
    DeliveryFilter,
    DueDelivery,
    Outcome,
    claim_delivery,
    filter_deliveries,
    get_delivery,
    list_claimable_deliveries,
    list_newest_deliveries,
    list_owned_deliveries,
    prune_deliveries,
    record_outcome,
    release_delivery,
    replay_by_id,
    replay_delivery,
    to_delivery,
)
from understudy.store.webhook_endpoints import (
    Endpoint,
    OwnedEndpoint,
    count_free_endpoints,
    delete_endpoint,
    get_endpoint,
    insert_endpoint,
    list_endpoints,
    modify_endpoint,
    replace_endpoints,
    rotate_secret,
)
from understudy.store.workers import Candidate
from understudy.wire.webhooks import DeliveryStatus, WebhookDelivery, WebhookEndpoint, WebhookEvent

_ENDPOINTS = PageSource("webhook_endpoints", "project_id = $1")


class Webhooks:
    """Every verb on one endpoint or delivery raises NotFound if the project has no such object."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- endpoints ---------------------------------------------------------------------------------------------

    async def create(self, project_id: str, endpoint: WebhookEndpoint, secret: str) -> None:
        """Raises InvalidRequest where the project has as many as it may have."""
        await self._database.write(insert_endpoint, project_id, endpoint, secret)

    async def count_free(self, project_id: str) -> int:
        """How many more endpoints the project may have."""
        return await self._database.read(count_free_endpoints, project_id)

    async def get(self, project_id: str, endpoint_id: str, now: float) -> Endpoint:
        return await self._database.read(get_endpoint, project_id, endpoint_id, now)

    async def page(self, project_id: str, request: PageRequest, chosen: ListFilter = ALL) -> Page:
        return await read_filtered_page(self._database, _ENDPOINTS, (project_id,), request, chosen, ("name", "url"))

    async def modify(
        self, project_id: str, endpoint_id: str, change: Callable[[WebhookEndpoint], None]
    ) -> WebhookEndpoint:
        return await self._database.write(modify_endpoint, project_id, endpoint_id, change)

    async def rotate(
        self,
        project_id: str,
        endpoint_id: str,
        secret: str,
        old_until: int,
        change: Callable[[WebhookEndpoint], None],
    ) -> WebhookEndpoint:
        """Makes `secret` the newest; the one before it also signs until `old_until`, in Unix seconds."""
        return await self._database.write(rotate_secret, project_id, endpoint_id, secret, old_until, change)

    async def delete(self, project_id: str, endpoint_id: str, now: float) -> None:
        """Deletes the endpoint; its pending deliveries fail."""
        await self._database.write(delete_endpoint, project_id, endpoint_id, now)

    async def replace_endpoints(self, project_id: str, endpoints: Mapping[str, WebhookEndpoint], now: float) -> None:
        """Makes these, by their secrets, the project's only endpoints."""
        await self._database.write(replace_endpoints, project_id, endpoints, now)

    # -- for the operator, of all projects and of none ---------------------------------------------------------

    async def all(self) -> list[OwnedEndpoint]:
        """Every endpoint, oldest first."""
        return await self._database.read(list_endpoints)

    async def newest(self, status: DeliveryStatus | None, limit: int) -> list[WebhookDelivery]:
        return await self._database.read(list_newest_deliveries, status, limit)

    async def replay_by_id(self, delivery_id: str, now: float) -> WebhookDelivery:
        """Like `replay`, in any project."""
        return await self._database.write(replay_by_id, delivery_id, now)

    # -- deliveries --------------------------------------------------------------------------------------------

    async def send(self, project_id: str, endpoint_id: str, event: WebhookEvent, now: float) -> None:
        """Adds a delivery of the event to one endpoint, whatever its `event_types`."""
        await self._database.write(insert_delivery, project_id, endpoint_id, event, now)

    async def get_delivery(self, project_id: str, delivery_id: str) -> WebhookDelivery:
        return await self._database.read(get_delivery, project_id, delivery_id)

    async def page_deliveries(
        self, project_id: str, request: PageRequest, condition: DeliveryFilter
    ) -> RecordPage[WebhookDelivery]:
        source, args = filter_deliveries(project_id, condition)
        page = await self._database.read(read_page, source, args, request)
        return RecordPage([to_delivery(*row) for row in page.rows], page.has_more)

    async def replay(self, project_id: str, delivery_id: str, now: float) -> WebhookDelivery:
        """Makes it due now, with all its retries."""
        return await self._database.write(replay_delivery, project_id, delivery_id, now)

    # -- attempts ----------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor) -> list[Candidate[int]]:
        """The oldest due deliveries of up to `limit` projects. A candidate's group is its endpoint."""
        return await self._database.read(list_claimable_deliveries, now, limit, cursor)

    async def claim(self, seq: int, owner: str, now: float) -> DueDelivery | None:
        """None where another worker has the delivery."""
        return await self._database.write(claim_delivery, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, int]:
        return await self._database.read(list_owned_deliveries, owner)

    async def release(self, seq: int, owner: str, due_at: float, *, attempts: int = 0) -> None:
        """Ends the claim. The delivery is due at `due_at`, and `attempts` are subtracted from its count."""
        await self._database.write(release_delivery, seq, owner, due_at, attempts)

    async def record_outcome(self, owner: str, due: DueDelivery, outcome: Outcome) -> None:
        """Ends the claim with the outcome of the attempt; nothing happens where the claim was lost."""
        await self._database.write(record_outcome, owner, due, outcome)

    async def prune(self, before: float, limit: int) -> int:
        """Deletes deliveries that ended before then; returns how many."""
        return await self._database.write(prune_deliveries, before, limit)
