"""The outbox and the deliveries from it, on both databases."""

import asyncio
import json
from dataclasses import replace

import pytest

from store import samples
from store.samples import OURS, THEIRS
from understudy.errors import NotFound
from understudy.store import outbox
from understudy.store.fair_candidates import FairCursor
from understudy.store.pages import PageRequest
from understudy.store.qualified_ids import qualifier
from understudy.store.run_state import Checkpoint
from understudy.store.states import TERMINAL
from understudy.store.webhook_deliveries import DeliveryFilter, Outcome
from understudy.wire.webhooks import WebhookAttempt, WebhookEndpoint, WebhookEvent

NOW = 1000.0
UNTIL = 1020.0
SECRET = "whsec_c2VjcmV0"


def endpoint(number=1, event_types=("*",)):
    return WebhookEndpoint(
        id=f"we_{number}",
        created_at=1,
        event_types=list(event_types),
        name="hook",
        signing_secret_hint="whsec_…",
        url=f"https://hooks.example.com/{number}",
        updated_at=1,
    )


async def told(store, project=OURS, event_type="batch.completed", now=NOW):
    await store.database.write(outbox.add, project, event_type, {"id": "batch_1"}, now)


async def deliveries(store, project=OURS, **condition):
    page = await store.webhooks.page_deliveries(project, PageRequest(order="asc"), DeliveryFilter(**condition))
    return page.records


async def claimed(store, now=NOW, worker="one", limit=100):
    await store.workers.renew_lease(worker, 60.0)
    candidates = await store.webhooks.list_candidates(now, limit, FairCursor())
    found = [await store.webhooks.claim(one.key, worker, now) for one in candidates]
    return [due for due in found if due is not None]


def over(status="delivered", due_at=NOW, code=200):
    return Outcome(status, due_at, WebhookAttempt(attempted_at=int(NOW), status_code=code))


async def test_events_are_delivered_to_subscribed_endpoints_of_their_project_only(store):
    await store.webhooks.create(OURS, endpoint(1, ["batch.completed"]), SECRET)
    await store.webhooks.create(OURS, endpoint(2, ["response.completed"]), SECRET)
    await store.webhooks.create(OURS, endpoint(3), SECRET)
    await store.webhooks.create(THEIRS, endpoint(4), SECRET)
    await store.webhooks.create(outbox.OPERATOR_PROJECT, endpoint(5), SECRET)
    await told(store)
    assert [one.webhook_endpoint_id for one in await deliveries(store)] == ["we_1", "we_3"]
    assert await deliveries(store, THEIRS) == []
    assert [one.webhook_endpoint_id for one in await deliveries(store, outbox.OPERATOR_PROJECT)] == ["we_5"]
    first, second = await deliveries(store)
    assert first.event == second.event
    assert (first.event.type, first.event.data) == ("batch.completed", {"id": "batch_1"})
    assert first.id != second.id


async def test_an_event_of_an_imported_thread_has_the_id_that_its_client_knows(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    ids = {"id": "run_a", "thread_id": "thread_a" + qualifier(OURS)}
    await store.database.write(outbox.add, OURS, "thread.run.completed", ids, NOW)
    (due,) = await claimed(store)
    assert json.loads(due.event)["data"] == {"id": "run_a", "thread_id": "thread_a"}


async def test_an_event_of_a_rolled_back_transaction_is_never_delivered(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)

    def fails():
        yield from outbox.add(OURS, "batch.completed", {"id": "batch_1"}, NOW)
        raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        await store.database.write(fails)
    assert await deliveries(store) == []


@pytest.mark.parametrize("status", sorted({*TERMINAL, "requires_action"}))
async def test_the_event_of_a_finished_run_is_stored_in_the_same_transaction(store, status):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    thread = samples.thread()
    before = "cancelling" if status == "cancelled" else "in_progress"
    run = samples.run(thread.id, before)
    await store.threads.create(OURS, thread, [])
    await store.runs.create(OURS, run, "worker")
    ended = samples.run(thread.id, status, id=run.id)
    assert not await store.runs.advance("another", 1, Checkpoint(run.id, run=ended))
    assert await deliveries(store) == []
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, run=ended))
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id, run=ended))
    (delivery,) = await deliveries(store)
    assert delivery.event.type == f"thread.run.{status}"
    assert delivery.event.data == {"id": run.id, "thread_id": thread.id}


async def test_a_delivery_is_claimed_by_one_worker_as_long_as_its_lease(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    assert await claimed(store) == []
    await told(store)
    twice = await asyncio.gather(claimed(store), claimed(store, worker="other"))
    (due,) = [one for found in twice for one in found]
    assert (due.attempt, due.since, due.endpoint.secrets) == (1, NOW, (SECRET,))
    owner = "one" if twice[0] else "other"
    assert await claimed(store, worker="third") == []
    await store.workers.retire(owner)
    (again,) = await claimed(store, worker="third")
    assert (again.id, again.attempt) == (due.id, 1)
    # The worker that lost the delivery changes nothing.
    await store.webhooks.record_outcome(owner, due, over())
    assert (await deliveries(store))[0].status == "pending"
    await store.webhooks.record_outcome("third", again, over("pending", UNTIL, 500))
    assert await claimed(store, UNTIL - 1) == []
    (last,) = await claimed(store, UNTIL)
    await store.webhooks.record_outcome("one", last, over())
    (done,) = await deliveries(store)
    assert (done.status, done.attempts, done.next_attempt_at) == ("delivered", 2, None)
    assert done.last_attempt == WebhookAttempt(attempted_at=1000, status_code=200)
    assert await claimed(store, UNTIL + 100) == []


async def test_endpoints_and_projects_take_turns_whatever_waits_for_the_others(store):
    await store.webhooks.create(OURS, endpoint(1, ["batch.completed"]), SECRET)
    await store.webhooks.create(OURS, endpoint(2, ["batch.failed"]), SECRET)
    await store.webhooks.create(THEIRS, endpoint(3), SECRET)
    for _ in range(20):
        await told(store)
    await told(store, event_type="batch.failed")
    await told(store, THEIRS)
    first = await claimed(store, limit=8)
    assert sorted(one.endpoint.public.id for one in first) == ["we_1", "we_1", "we_2", "we_3"]


async def test_a_project_whose_deliveries_are_not_due_takes_no_turn(store):
    await store.webhooks.create(OURS, endpoint(1), SECRET)
    await store.webhooks.create(THEIRS, endpoint(2), SECRET)
    await told(store, OURS, now=UNTIL)
    await told(store, THEIRS)
    assert [one.endpoint.public.id for one in await claimed(store, limit=1)] == ["we_2"]


async def test_deliveries_are_filtered_and_paged(store):
    await store.webhooks.create(OURS, endpoint(1, ["batch.completed"]), SECRET)
    await store.webhooks.create(OURS, endpoint(2), SECRET)
    await told(store)
    await told(store, event_type="batch.failed")
    assert len(await deliveries(store)) == 3
    assert len(await deliveries(store, endpoint_id="we_2")) == 2
    assert len(await deliveries(store, endpoint_id="we_2", event_type="batch.failed", status="pending")) == 1
    assert await deliveries(store, status="failed") == []
    page = await store.webhooks.page_deliveries(OURS, PageRequest(limit=2), DeliveryFilter(status="pending"))
    assert (len(page.records), page.has_more) == (2, True)
    last = page.records[-1].id
    rest = await store.webhooks.page_deliveries(OURS, PageRequest(after=last), DeliveryFilter(status="pending"))
    assert (len(rest.records), rest.has_more) == (1, False)


async def test_a_deleted_endpoint_receives_no_more_events(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    await told(store)
    with pytest.raises(NotFound, match="No webhook endpoint found with id 'we_1'"):
        await store.webhooks.delete(THEIRS, "we_1", NOW)
    await store.webhooks.delete(OURS, "we_1", NOW)
    await told(store)
    (delivery,) = await deliveries(store)
    assert (delivery.status, delivery.last_attempt.error) == ("failed", "The endpoint was deleted.")
    assert await claimed(store) == []
    with pytest.raises(NotFound, match="No webhook endpoint found with id 'we_1'"):
        await store.webhooks.replay(OURS, delivery.id, NOW)


async def test_a_delivery_can_be_sent_again(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    await told(store)
    (due,) = await claimed(store)
    await store.webhooks.record_outcome("one", due, over("failed", NOW, 500))
    with pytest.raises(NotFound, match="No webhook delivery found"):
        await store.webhooks.replay(THEIRS, due.id, NOW)
    again = await store.webhooks.replay(OURS, due.id, NOW + 500)
    assert (again.status, again.attempts, again.next_attempt_at) == ("pending", 1, 1500)
    (due_again,) = await claimed(store, NOW + 500)
    assert (due_again.id, due_again.event, due_again.since, due_again.attempt) == (due.id, due.event, NOW + 500, 2)


async def test_an_old_secret_is_valid_for_its_time(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)

    def hint(shown):
        shown.signing_secret_hint = "new"

    changed = await store.webhooks.rotate(OURS, "we_1", "whsec_bmV3", int(NOW) + 10, hint)
    assert changed.signing_secret_hint == "new"
    assert (await store.webhooks.get(OURS, "we_1", NOW)).secrets == ("whsec_bmV3", SECRET)
    assert (await store.webhooks.get(OURS, "we_1", NOW + 10)).secrets == ("whsec_bmV3",)


async def test_declared_endpoints_replace_those_that_were_declared_before(store):
    await store.webhooks.replace_endpoints(outbox.OPERATOR_PROJECT, {SECRET: endpoint(1)}, NOW)
    await store.webhooks.replace_endpoints(outbox.OPERATOR_PROJECT, {SECRET: endpoint(1), "whsec_b": endpoint(2)}, NOW)
    await told(store)
    await store.webhooks.replace_endpoints(outbox.OPERATOR_PROJECT, {"whsec_b": endpoint(2)}, NOW)
    statuses = {one.webhook_endpoint_id: one.status for one in await deliveries(store, outbox.OPERATOR_PROJECT)}
    assert statuses == {"we_1": "failed", "we_2": "pending"}


async def test_finished_deliveries_are_pruned_after_their_retention(store):
    await store.webhooks.create(OURS, endpoint(), SECRET)
    await told(store)
    event = WebhookEvent(id="evt_1", type="batch.failed", created_at=1, data={"id": "batch_2"})
    await store.webhooks.send(OURS, "we_1", event, NOW)
    first, _ = await claimed(store)
    await store.webhooks.record_outcome("one", first, replace(over(), due_at=NOW))
    assert await store.webhooks.prune(NOW, 10) == 0
    assert await store.webhooks.prune(NOW + 1, 10) == 1
    assert len(await deliveries(store)) == 1
