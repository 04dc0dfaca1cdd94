"""A project's balance, transactions, usage and keys over HTTP, in the AI/ML API's format."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import struct_response
from understudy.engine.accounting import usd
from understudy.errors import InvalidRequest, NotFound
from understudy.store.charges import Entry
from understudy.store.keys import KeyRecord
from understudy.store.ledger import EntryFilter
from understudy.store.usage import Group, UsageFilter, UsageTotals
from understudy.wire import billing, queries
from understudy.wire.billing import (
    Balance,
    BillingDetail,
    BillingSummary,
    CurrentKey,
    KeyList,
    ListTransactionsQuery,
    TransactionList,
    UsageDetail,
    UsageQuery,
    UsageSummary,
)

operations = OperationGroup("Billing", base="/")

_DAY_SECONDS = 86_400
_MAX_TIMESTAMP = 253_402_300_799
# The period of a report without `from`.
_DEFAULT_PERIOD_SECONDS = 30 * _DAY_SECONDS


@operations.add(
    "getBalance",
    "GET",
    "/billing/balance",
    summary="Retrieve the project's balance in credits.",
    response=Balance,
    base="/v1",
)
async def get_balance(request: Request) -> Response:
    parts = parts_of(request)
    account = await parts.accounting.account(project_of(request))
    if not account.budgeted:
        explanation = "No budget is set: use is recorded and not limited"
    elif account.balance > 0:
        explanation = "Balance is low" if account.low else "Balance is current and up to date"
    else:
        explanation = "Balance is used up; new work is refused"
    settings = parts.settings.billing
    balance = billing.Balance(
        balance=account.balance,
        low_balance=account.low,
        low_balance_threshold=settings.low_balance,
        last_updated=_format_time(parts.now()),
        auto_debit_status="enabled" if settings.auto_top_up_usd else "disabled",
        status="depleted" if account.budgeted and account.balance <= 0 else "current",
        status_explanation=explanation,
    )
    return struct_response(balance)


@operations.add(
    "getBilling", "GET", "/v2/billing", summary="Retrieve the project's balance in US dollars.", response=BillingSummary
)
async def get_billing(request: Request) -> Response:
    account = await parts_of(request).accounting.account(project_of(request))
    return struct_response(billing.BillingSummary(current_balance=usd(account.balance)))


@operations.add(
    "getBillingDetail",
    "GET",
    "/v2/billing/detail",
    summary="Retrieve the balance and its automatic top-up.",
    response=BillingDetail,
)
async def get_billing_detail(request: Request) -> Response:
    parts = parts_of(request)
    account = await parts.accounting.account(project_of(request))
    settings = parts.settings.billing
    top_up = billing.AutoTopUpSettings(
        is_enabled=settings.auto_top_up_usd > 0,
        threshold=settings.auto_top_up_below_usd,
        amount=settings.auto_top_up_usd,
    )
    detail = billing.BillingDetail(
        user_id=project_of(request), current_balance=usd(account.balance), autotopup_settings=top_up
    )
    return struct_response(detail)


@operations.add(
    "listTransactions",
    "GET",
    "/v2/billing/transactions",
    summary="List the transactions of the ledger, newest first.",
    query=ListTransactionsQuery,
    response=TransactionList,
)
async def list_transactions(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], billing.ListTransactionsQuery, strict=True)
    only = EntryFilter(
        since=_parse_moment("from", query.since),
        until=_parse_moment("to", query.until),
        incoming=None if query.direction is None else query.direction == "TOPUP",
        type=query.type,
    )
    page = await parts_of(request).store.ledger.entries(project_of(request), only, query.limit, query.cursor)
    cursor = page.records[-1].id if page.has_more else None
    pagination = billing.Pagination(next_cursor=cursor, has_more=page.has_more)
    return struct_response(
        billing.TransactionList(data=[_render_transaction(entry) for entry in page.records], pagination=pagination)
    )


@operations.add(
    "getUsage",
    "GET",
    "/v2/usage",
    summary="Retrieve usage by model, by default of the last 30 days.",
    query=UsageQuery,
    response=UsageSummary,
)
async def get_usage(request: Request) -> Response:
    """By model, the most expensive first."""
    build_filter, since, until = _parse_query(request)
    sums = await parts_of(request).store.usage.sum_usage(
        [project_of(request)], build_filter(("model",), _MAX_TIMESTAMP)
    )
    of_models = [billing.UsageOfModel(model=str(one.group["model"]), **_render_sums([one])) for one in sums]
    of_models.sort(key=lambda one: (-one.credits_used, -one.requests, one.model))
    total = billing.UsageSum(**_render_sums(sums))
    return struct_response(
        billing.UsageSummary(since=_format_time(since), until=_format_time(until), total=total, data=of_models)
    )


@operations.add(
    "getUsageDetail",
    "GET",
    "/v2/usage/detail",
    summary="Retrieve usage by day, model and key.",
    query=UsageQuery,
    response=UsageDetail,
)
async def get_usage_detail(request: Request) -> Response:
    """By day, model, key, kind, and whether it was a batch."""
    build_filter, since, until = _parse_query(request)
    groups = build_filter(("model", "key_id", "kind", "batch"), _DAY_SECONDS)
    rows = [
        billing.UsageRow(
            date=datetime.fromtimestamp(one.bucket, UTC).date().isoformat(),
            model=str(one.group["model"]),
            key_id=str(one.group["key_id"]) or None,
            kind=str(one.group["kind"]),
            batch=bool(one.group["batch"]),
            **_render_sums([one]),
        )
        for one in await parts_of(request).store.usage.sum_usage([project_of(request)], groups)
    ]
    return struct_response(billing.UsageDetail(since=_format_time(since), until=_format_time(until), data=rows))


@operations.add(
    "getCurrentKey", "GET", "/key", summary="Retrieve the key of the request.", response=CurrentKey, base="/v1"
)
async def get_current_key(request: Request) -> Response:
    """The API key of this request. Raises NotFound for a person, who has none."""
    keys = await _list_key_records(request)
    current = next((key for key in keys if key.id == request.state.key_id), None)
    if current is None:
        raise NotFound("This request has no API key: a person has signed in. See `GET /session`.")
    return struct_response(billing.CurrentKey(data=await render_key(parts_of(request), current)))


@operations.add(
    "listKeys", "GET", "/keys", summary="List the project's keys, without their secrets.", response=KeyList, base="/v1"
)
async def list_keys(request: Request) -> Response:
    """The project's keys, oldest first, including revoked keys."""
    parts = parts_of(request)
    return struct_response(
        billing.KeyList(data=[await render_key(parts, key) for key in await _list_key_records(request)])
    )


async def _list_key_records(request: Request) -> list[KeyRecord]:
    project_id = project_of(request)
    return [key for key in await parts_of(request).store.keys.list() if key.project_id == project_id]


async def render_key(parts: Parts, key: KeyRecord) -> billing.KeyDetails:
    """A key with what is spent of its limit."""
    ledger = parts.store.ledger
    limit = await ledger.limit(key.id)
    spend_limit_details = None
    if limit is not None:
        spent = await ledger.spending(limit, key.project_id, parts.now())
        spend_limit_details = billing.SpendLimitDetails(
            amount=usd(limit.credits), spent=usd(spent), period=limit.period
        )
    return billing.KeyDetails(
        id=key.id,
        name=key.name,
        prefix=key.hint,
        scopes=list(key.scopes or ()),
        created_at=_format_time(key.created_at),
        expires_at=_format_optional_time(key.expires_at),
        last_used_at=_format_optional_time(key.last_used_at),
        revoked_at=_format_optional_time(key.revoked_at),
        spend_limit=spend_limit_details,
    )


def _format_optional_time(seconds: int | None) -> str | None:
    return None if seconds is None else _format_time(seconds)


def _parse_query(request: Request) -> tuple[Callable[[tuple[Group, ...], int], UsageFilter], int, int]:
    """Returns a filter builder that takes groups and a bucket width, and the bounds of the period in Unix seconds."""
    query = queries.parse(request.scope["query_string"], billing.UsageQuery, strict=True)
    now = parts_of(request).now()
    until = _parse_moment("to", query.until)
    until = now + 1 if until is None else until
    since = _parse_moment("from", query.since)
    since = max(until - _DEFAULT_PERIOD_SECONDS, 0) if since is None else since
    models, key_ids = tuple(query.model), tuple(query.key_id)

    def build_filter(groups: tuple[Group, ...], width: int) -> UsageFilter:
        return UsageFilter(since, until, width, groups, models=models, key_ids=key_ids)

    return build_filter, since, until


def _render_transaction(entry: Entry) -> billing.Transaction:
    return billing.Transaction(
        created_at=_format_time(entry.created_at),
        direction="TOPUP" if entry.credits >= 0 else "CHARGE",
        type=entry.type,
        amount=billing.Amount(usd=abs(usd(entry.credits)), credits=abs(entry.credits)),
        model=entry.model,
        reference_id=entry.reference,
    )


def _render_sums(sums: Sequence[UsageTotals]) -> dict[str, Any]:
    credits_ = sum(one.credits for one in sums)
    return {
        "requests": sum(one.requests for one in sums),
        "input_tokens": sum(one.input_tokens for one in sums),
        "cached_tokens": sum(one.cached_tokens for one in sums),
        "output_tokens": sum(one.output_tokens for one in sums),
        "credits_used": credits_,
        "usd_spent": usd(credits_),
        "unpriced_requests": sum(one.unpriced for one in sums),
    }


def _parse_moment(name: str, text: str | None) -> int | None:
    """Unix seconds; a time without a zone is UTC. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        moment = int(text) if text.isdecimal() else _parse_time(text)
    except (ValueError, OverflowError):
        moment = -1
    if not 0 <= moment <= _MAX_TIMESTAMP:
        raise InvalidRequest(
            f"Invalid '{name}': {text!r} is not a date, time or Unix timestamp. Expected a value like '2026-01-31'.",
            param=name,
            code="invalid_value",
        )
    return moment


def _parse_time(text: str) -> int:
    # An unescaped `+` of a UTC offset arrives as a space.
    time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return int((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp())


def _format_time(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
