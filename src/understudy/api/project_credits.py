"""Balances and spend limits of projects over HTTP, for admin keys; the commands `credits` use them."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import objects_response, read_json, struct_response
from understudy.errors import InvalidRequest
from understudy.store.charges import Entry
from understudy.store.ledger import EntryFilter
from understudy.store.projects import check_open
from understudy.store.spending import SpendLimit
from understudy.wire import queries
from understudy.wire.project_credits import (
    CreditEntry,
    CreditEntryList,
    CreditLimit,
    DeletedBudget,
    GrantCreditsRequest,
    LimitCreditsRequest,
    ListCreditEntriesQuery,
    ProjectCredits,
    RetrieveCreditsQuery,
)

operations = OperationGroup(EXTENSIONS, audience="admin")


@operations.add(
    "getProjectCredits",
    "GET",
    "/organization/projects/{project_id}/credits",
    summary="Retrieve the balance and the spend limit of a project.",
    query=RetrieveCreditsQuery,
    response=ProjectCredits,
)
async def get_credits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    query = queries.parse(request.scope["query_string"], RetrieveCreditsQuery)
    scope = await _find_scope(parts, project_id, query.api_key_id)
    return struct_response(await _load_credits(parts, project_id, scope))


@operations.add(
    "grantProjectCredits",
    "POST",
    "/organization/projects/{project_id}/credits",
    summary="Add credits to the balance of a project, which limits it from then on.",
    request=GrantCreditsRequest,
    response=ProjectCredits,
)
async def grant_credits(request: Request) -> Response:
    parts, project_id, change = parts_of(request), named_project_of(request), change_of(request)
    body = await read_json(request, GrantCreditsRequest, parts.settings.limits)
    if body.credits == 0:
        raise InvalidRequest("Invalid 'credits': 0 changes nothing.", param="credits", code="invalid_value")
    check_open(await parts.store.projects.get(project_id))
    await parts.store.ledger.grant(project_id, body.credits, body.type, change.now, body.note, change)
    await parts.limiter.policies.announce()
    return struct_response(await _load_credits(parts, project_id))


@operations.add(
    "deleteProjectBudget",
    "DELETE",
    "/organization/projects/{project_id}/credits/budget",
    summary="Remove the budget of a project; its balance and its limits stay.",
    response=DeletedBudget,
)
async def delete_budget(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    is_deleted = await parts.store.ledger.remove_budget(project_id, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(DeletedBudget(deleted=is_deleted))


@operations.add(
    "limitProjectCredits",
    "POST",
    "/organization/projects/{project_id}/credits/limit",
    summary="Limit the spending of a project, or of one of its keys, in a period.",
    request=LimitCreditsRequest,
    response=ProjectCredits,
)
async def limit_credits(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, LimitCreditsRequest, parts.settings.limits)
    check_open(await parts.store.projects.get(project_id))
    scope = await _find_scope(parts, project_id, body.api_key_id)
    limit = None if body.credits is None else SpendLimit(scope, body.credits, body.period)
    await parts.store.ledger.change_limit(project_id, scope, limit, change_of(request))
    await parts.limiter.policies.announce()
    return struct_response(await _load_credits(parts, project_id, scope))


@operations.add(
    "listProjectCreditEntries",
    "GET",
    "/organization/projects/{project_id}/credits/entries",
    summary="List the changes of a project's balance, newest first.",
    query=ListCreditEntriesQuery,
    response=CreditEntryList,
)
async def list_credit_entries(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    query = queries.parse(request.scope["query_string"], ListCreditEntriesQuery)
    await parts.store.projects.get(project_id)
    page = await parts.store.ledger.entries(project_id, EntryFilter(), query.limit, query.after)
    data = [_render_entry(entry) for entry in page.records]
    return objects_response(CreditEntryList, data, has_more=page.has_more)


async def _find_scope(parts: Parts, project_id: str, key_id: str | None) -> str:
    """What a limit is about: the project, or a key of it. Raises NotFound."""
    return project_id if key_id is None else (await parts.store.keys.get(project_id, key_id)).id


async def _load_credits(parts: Parts, project_id: str, scope: str | None = None) -> ProjectCredits:
    """Raises NotFound. `scope`: a key of the project, for its own spending and limit."""
    project, ledger, scope = await parts.store.projects.get(project_id), parts.store.ledger, scope or project_id
    account, limit = await ledger.account(project_id), await ledger.limit(scope)
    return ProjectCredits(
        project_id=project_id,
        name=project.name,
        balance=account.balance,
        is_limited=account.budgeted,
        spent_this_month=await ledger.spending(SpendLimit(scope, 0, "month"), project_id, parts.now()),
        spend_limit=None if limit is None else CreditLimit(credits=limit.credits, period=limit.period),
    )


def _render_entry(entry: Entry) -> CreditEntry:
    return CreditEntry(
        id=entry.id,
        type=entry.type,
        credits=entry.credits,
        model=entry.model,
        reference=entry.reference,
        created_at=entry.created_at,
    )
