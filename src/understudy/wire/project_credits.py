"""Balances and spend limits of projects, for admin keys; not of the hosted API. 2,000,000 credits are a US dollar."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Period = Literal["no_reset", "day", "week", "month"]
_Credits = Annotated[int, Meta(ge=1, le=2 * 10**15)]
_MOST = 2 * 10**15


class CreditLimit(Struct, kw_only=True):
    credits: int
    period: Period


class ProjectCredits(Struct, kw_only=True):
    """`is_limited`: the project may spend no more than its balance. `spent_this_month` and `spend_limit` are those of
    the project, or of the key that the request names."""

    object: Literal["project.credits"] = "project.credits"
    project_id: str
    name: str
    balance: int
    is_limited: bool
    spent_this_month: int
    spend_limit: CreditLimit | None


class RetrieveCreditsQuery(Struct, frozen=True, kw_only=True):
    api_key_id: Annotated[str | None, Meta(description="A key, whose spending and limit to show.")] = None


class GrantCreditsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    credits: Annotated[int, Meta(ge=-_MOST, le=_MOST, description="To add; a negative number takes them back.")]
    type: Literal["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT"] = "PAYMENT"
    note: Annotated[str, Meta(max_length=512)] | None = None


class LimitCreditsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    credits: Annotated[_Credits | None, Meta(description="What may be spent in a period; null removes the limit.")]
    period: Period = "month"
    api_key_id: Annotated[str | None, Meta(description="A key of the project to limit, instead of the project.")] = None


class DeletedBudget(Struct, kw_only=True):
    """`deleted` is false if the project had no budget."""

    object: Literal["project.budget.deleted"] = "project.budget.deleted"
    deleted: bool


class CreditEntry(Struct, kw_only=True):
    object: Literal["project.credits.entry"] = "project.credits.entry"
    id: str
    type: str
    credits: int
    model: str | None
    reference: str | None
    created_at: int


class CreditEntryList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[CreditEntry]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListCreditEntriesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many entries a page has at most.")] = 20
    after: Annotated[str | None, Meta(description="The entry before the page: its id.")] = None
