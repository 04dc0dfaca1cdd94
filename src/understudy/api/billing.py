"""What a project has, what it spent and on what, over HTTP in the AI/ML API's words; and the keys that spend it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.exchange import rendered
from understudy.api.parts import Parts, parts_of, project_of
from understudy.engine.accounting import usd
from understudy.errors import InvalidRequest
from understudy.store.keys import KeyRecord
from understudy.store.ledger import Entry, EntryFilter
from understudy.store.usage import Group, Question, Sum
from understudy.wire import billing, queries

_DAY = 86_400
_LATEST = 253_402_300_799
# What is reported where nobody says since when.
_USUAL = 30 * _DAY


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
        last_updated=_iso(parts.now()),
        auto_debit_status="enabled" if settings.auto_top_up_usd else "disabled",
        status="depleted" if account.budgeted and account.balance <= 0 else "current",
        status_explanation=explanation,
    )
    return rendered(balance)


async def get_billing(request: Request) -> Response:
    account = await parts_of(request).accounting.account(project_of(request))
    return rendered(billing.BillingSummary(current_balance=usd(account.balance)))


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
    return rendered(detail)


async def list_transactions(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], billing.ListTransactionsQuery, strict=True)
    only = EntryFilter(
        since=_moment("from", query.since),
        until=_moment("to", query.until),
        incoming=None if query.direction is None else query.direction == "TOPUP",
        type=query.type,
    )
    page = await parts_of(request).store.ledger.entries(project_of(request), only, query.limit, query.cursor)
    cursor = page.entries[-1].id if page.has_more else None
    pagination = billing.Pagination(next_cursor=cursor, has_more=page.has_more)
    return rendered(
        billing.TransactionList(data=[_transaction(entry) for entry in page.entries], pagination=pagination)
    )


async def get_usage(request: Request) -> Response:
    """By model, the most expensive first."""
    question, since, until = _question(request)
    sums = await parts_of(request).store.usage.sums(project_of(request), question(("model",), _LATEST))
    of_models = [billing.UsageOfModel(model=str(one.group["model"]), **_sums([one])) for one in sums]
    of_models.sort(key=lambda one: (-one.credits_used, -one.requests, one.model))
    total = billing.UsageSum(**_sums(sums))
    return rendered(billing.UsageSummary(since=_iso(since), until=_iso(until), total=total, data=of_models))


async def get_usage_detail(request: Request) -> Response:
    """By day, model, key, kind, and whether it was a batch."""
    question, since, until = _question(request)
    groups = question(("model", "key_id", "kind", "batch"), _DAY)
    rows = [
        billing.UsageRow(
            date=datetime.fromtimestamp(one.bucket, UTC).date().isoformat(),
            model=str(one.group["model"]),
            key_id=str(one.group["key_id"]) or None,
            kind=str(one.group["kind"]),
            batch=bool(one.group["batch"]),
            **_sums([one]),
        )
        for one in await parts_of(request).store.usage.sums(project_of(request), groups)
    ]
    return rendered(billing.UsageDetail(since=_iso(since), until=_iso(until), data=rows))


async def get_current_key(request: Request) -> Response:
    """The key that asks."""
    keys = await _keys(request)
    current = next(key for key in keys if key.id == request.state.key_id)
    return rendered(billing.CurrentKey(data=await _key(parts_of(request), current)))


async def list_keys(request: Request) -> Response:
    """The project's keys, oldest first; revoked ones too."""
    parts = parts_of(request)
    return rendered(billing.KeyList(data=[await _key(parts, key) for key in await _keys(request)]))


async def _keys(request: Request) -> list[KeyRecord]:
    project_id = project_of(request)
    return [key for key in await parts_of(request).store.keys.list() if key.project_id == project_id]


async def _key(parts: Parts, key: KeyRecord) -> billing.KeyShown:
    ledger = parts.store.ledger
    limit = await ledger.limit(key.id)
    shown = None
    if limit is not None:
        spent = await ledger.spending(limit, key.project_id, parts.now())
        shown = billing.SpendLimitShown(amount=usd(limit.credits), spent=usd(spent), period=limit.period)
    return billing.KeyShown(
        id=key.id,
        name=key.name,
        prefix=key.hint,
        created_at=_iso(key.created_at),
        revoked_at=None if key.revoked_at is None else _iso(key.revoked_at),
        spend_limit=shown,
    )


def _question(request: Request) -> tuple[Callable[[tuple[Group, ...], int], Question], int, int]:
    """What the query asks for, yet without its groups and the width of its buckets; and its first and last moment."""
    query = queries.parse(request.scope["query_string"], billing.UsageQuery, strict=True)
    now = parts_of(request).now()
    until = _moment("to", query.until)
    until = now + 1 if until is None else until
    since = _moment("from", query.since)
    since = max(until - _USUAL, 0) if since is None else since
    models, key_ids = tuple(query.model), tuple(query.key_id)

    def asked(groups: tuple[Group, ...], width: int) -> Question:
        return Question(since, until, width, groups, models=models, key_ids=key_ids)

    return asked, since, until


def _transaction(entry: Entry) -> billing.Transaction:
    return billing.Transaction(
        created_at=_iso(entry.created_at),
        direction="TOPUP" if entry.credits >= 0 else "CHARGE",
        type=entry.type,
        amount=billing.Amount(usd=abs(usd(entry.credits)), credits=abs(entry.credits)),
        model=entry.model,
        reference_id=entry.reference,
    )


def _sums(sums: Sequence[Sum]) -> dict[str, Any]:
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


def _moment(name: str, text: str | None) -> int | None:
    """Unix seconds; a time without a zone is UTC. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        moment = int(text) if text.isdecimal() else _read(text)
    except (ValueError, OverflowError):
        moment = -1
    if not 0 <= moment <= _LATEST:
        raise InvalidRequest(
            f"Invalid '{name}': {text!r} is no date, time or number of Unix seconds. Write it like '2026-01-31'.",
            param=name,
            code="invalid_value",
        )
    return moment


def _read(text: str) -> int:
    # A `+` of an offset that was not escaped arrives as a space.
    found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
