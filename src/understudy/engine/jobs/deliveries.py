"""Deliveries to webhook endpoints: attempts, signatures, and retries.

The transaction that ends an object adds the event to the outbox, so a crash of this process loses nothing. An endpoint
receives an event at least once, each time with the same `webhook-id`.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from standardwebhooks import Webhook

from understudy import correlation, ids, telemetry
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.correlation import Origin
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.job import JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.errors import InvalidRequest, SettingsError
from understudy.looper import Looper
from understudy.net.outbound import Client, PostResult, url_problem
from understudy.settings import WebhookSettings
from understudy.store import Store
from understudy.store.fair_candidates import FairCursor
from understudy.store.outbox import OPERATOR_PROJECT
from understudy.store.webhook_deliveries import DueDelivery, Outcome
from understudy.store.webhook_endpoints import Endpoint
from understudy.store.workers import Candidate
from understudy.wire.webhooks import (
    EVENT_TYPES,
    EventType,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookEndpointTestResult,
    WebhookEvent,
)

logger = logging.getLogger(__name__)
_PRUNE_SECONDS: Final = 60.0
_PRUNE_CHUNK: Final = 1000
_MAX_PER_ENDPOINT: Final = 4
_MAX_CANDIDATES: Final = 100
_DAY: Final = 86_400
_JITTER: Final = (0.8, 1.2)
_STOPPED_ERROR: Final = "The server was stopped during the attempt."
_SAMPLE_DATA: Final = {"batch": {"id": "batch_test"}, "response": {"id": "resp_test"}}
_SAMPLE_RUN: Final = {"id": "run_test", "thread_id": "thread_test"}


class Webhooks(JobKind[int, DueDelivery]):
    """Methods on endpoints raise NotFound like the store, and InvalidRequest for a refused URL."""

    name = "delivery"
    guards_writes = True
    sweep_seconds = 0.25
    drain_seconds = 2.0

    def __init__(
        self, store: Store, settings: WebhookSettings, clock: Clock, broker: Broker, *, delivers: bool = True
    ) -> None:
        """Without `delivers`, other processes deliver."""
        self._store = store.webhooks
        self._settings = settings
        self._clock = clock
        self._backoff = Backoff(first=settings.first_retry, longest=settings.longest_wait, jitter=_JITTER)
        self._outward = Client(allow_private=settings.allow_private, private_setting="webhooks.allow_private")
        self._cursor = FairCursor()
        loops = (Looper(_PRUNE_SECONDS, self._prune),) if delivers else ()
        places = settings.concurrent if delivers else 0
        self._pool = LeasePool(self, store.workers, clock, "sender", places, broker, loops)
        self.drain = self._pool.stop

    async def start(self) -> None:
        """Raises SettingsError if the configured endpoint is invalid."""
        await self._store.replace_endpoints(OPERATOR_PROJECT, self._configured_endpoints(), self._clock.now())
        await self._pool.start()

    async def stop(self) -> None:
        await self._pool.stop()
        await self._outward.close()

    # -- for the API -------------------------------------------------------------------------------------------

    def check_url(self, url: str) -> None:
        """Raises InvalidRequest if deliveries to this URL are not allowed."""
        if refusal := url_problem(url, allow_private=self._settings.allow_private):
            raise InvalidRequest(f"Invalid 'url': {url!r}. {refusal}", param="url", code="invalid_value")

    async def create(self, project_id: str, name: str, url: str, event_types: list[str]) -> tuple[WebhookEndpoint, str]:
        """Returns the endpoint and its secret, which is returned only once."""
        self.check_url(url)
        secret, now = ids.webhook_secret(), int(self._clock.now())
        endpoint = WebhookEndpoint(
            id=ids.webhook_endpoint(),
            created_at=now,
            event_types=event_types,
            name=name,
            signing_secret_hint=ids.webhook_secret_hint(secret),
            url=url,
            updated_at=now,
        )
        await self._store.create(project_id, endpoint, secret)
        return endpoint, secret

    async def rotate(self, project_id: str, endpoint_id: str, *, keep_old: bool) -> tuple[WebhookEndpoint, str]:
        """Returns the endpoint and its new secret; with `keep_old` the old secret also signs for one day."""
        secret, now = ids.webhook_secret(), int(self._clock.now())

        def change(endpoint: WebhookEndpoint) -> None:
            endpoint.signing_secret_hint = ids.webhook_secret_hint(secret)
            endpoint.updated_at = now

        old_until = now + _DAY if keep_old else 0
        return await self._store.rotate(project_id, endpoint_id, secret, old_until, change), secret

    async def test(self, project_id: str, endpoint_id: str, event_type: EventType) -> WebhookEndpointTestResult:
        """Sends one sample event without retries. Raises InvalidRequest without a response."""
        endpoint = await self._store.get(project_id, endpoint_id, self._clock.now())
        sample = _SAMPLE_DATA.get(event_type.partition(".")[0], _SAMPLE_RUN)
        event = WebhookEvent(id=ids.event(), type=event_type, created_at=int(self._clock.now()), data=sample)
        result = await self._post(endpoint, ids.webhook_delivery(), msgspec.json.encode(event).decode())
        if result.status is None:
            raise InvalidRequest(f"The endpoint {endpoint.public.url!r} could not be tested. {result.error}")
        return WebhookEndpointTestResult(
            event_type=event_type, status_code=result.status, webhook_endpoint_id=endpoint_id
        )

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> Sequence[Candidate[int]]:
        return await self._store.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> DueDelivery | None:
        busy = sum(job.candidate.group == candidate.group for job in self._pool.jobs.values())
        return None if busy >= _MAX_PER_ENDPOINT else await self._store.claim(candidate.key, owner, now)

    async def list_owned(self, owner: str) -> Mapping[int, int]:
        return await self._store.list_owned(owner)

    def origin(self, work: DueDelivery, /) -> Origin:
        return work.origin

    def created_at(self, work: DueDelivery, /) -> float | None:
        return work.since if work.attempt == 1 else None

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._store.release(seq, owner, self._clock.now(), attempts=1)

    async def run(self, work: DueDelivery) -> float | None:
        try:
            started = time.perf_counter()
            result = await self._post(work.endpoint, work.id, work.event)
            telemetry.emit(
                telemetry.DeliveryAttempted,
                delivery_id=work.id,
                endpoint_id=work.endpoint.public.id,
                status_code=result.status or 0,
                duration=telemetry.elapsed(started),
            )
            outcome = self._next_outcome(work, result)
            if outcome.status != "delivered":
                _log_failure(work, result)
        except asyncio.CancelledError:
            attempt = WebhookAttempt(attempted_at=int(self._clock.now()), error=_STOPPED_ERROR)
            outcome = Outcome("pending", self._clock.now(), attempt)
        await self._store.record_outcome(self._pool.id, work, outcome)
        return max(outcome.due_at - self._clock.now(), 0.0) if outcome.status == "pending" else None

    async def _post(self, endpoint: Endpoint, delivery_id: str, body: str) -> PostResult:
        moment = datetime.fromtimestamp(self._clock.now(), UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            **correlation.trace_headers(),
            "webhook-signature": " ".join(Webhook(key).sign(delivery_id, moment, body) for key in endpoint.secrets),
        }
        return await self._outward.post(endpoint.public.url, body.encode(), headers, self._settings.timeout)

    def _next_outcome(self, due: DueDelivery, result: PostResult) -> Outcome:
        now = self._clock.now()
        attempt = WebhookAttempt(attempted_at=int(now), status_code=result.status, error=result.error)
        if result.status is not None and 200 <= result.status < 300:
            return Outcome("delivered", now, attempt)
        due_at = now + self._backoff.delay_by_age(now - due.since)
        if due_at - due.since > self._settings.give_up:
            return Outcome("failed", now, attempt)
        return Outcome("pending", due_at, attempt)

    async def _prune(self) -> None:
        before = self._clock.now() - self._settings.keep
        while await self._store.prune(before, _PRUNE_CHUNK) == _PRUNE_CHUNK:
            pass

    def _configured_endpoints(self) -> dict[str, WebhookEndpoint]:
        """The configured endpoint by its secret. Its id is a hash of its URL, so it is stable across starts."""
        settings = self._settings
        if settings.url is None or settings.secret is None:
            return {}
        if refusal := url_problem(settings.url, allow_private=settings.allow_private):
            raise SettingsError(f"`webhooks.url` is {settings.url!r}. {refusal}")
        for event in settings.events:
            if event not in {"*", *EVENT_TYPES}:
                supported = ", ".join(map(repr, ("*", *EVENT_TYPES)))
                raise SettingsError(f"`webhooks.events` has the unknown event {event!r}; known events: {supported}.")
        now = int(self._clock.now())
        endpoint = WebhookEndpoint(
            id="we_" + hashlib.sha256(settings.url.encode()).hexdigest()[:32],
            created_at=now,
            event_types=list(settings.events),
            name="webhooks.url",
            signing_secret_hint=ids.webhook_secret_hint(settings.secret),
            url=settings.url,
            updated_at=now,
        )
        return {settings.secret: endpoint}


def _log_failure(due: DueDelivery, result: PostResult) -> None:
    """The URL may have a secret in its path, so only the endpoint's id is logged."""
    endpoint_id = due.endpoint.public.id
    fields = {"status": result.status or 0, "error": result.error or ""}
    extra = {"event": "webhook.failed", "repeat": (endpoint_id, result.status), "fields": fields}
    logger.warning("webhook %s not delivered to endpoint %s", due.id, endpoint_id, extra=extra)
