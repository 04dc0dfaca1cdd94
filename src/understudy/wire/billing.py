"""Balances, transactions and usage in the AI/ML API's words, and the keys. Amounts are credits or US dollars."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

EntryType = Literal["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT", "MODEL_USAGE", "CREDITS_EXPIRED", "INIT"]
Since = Annotated[str | None, Meta(description="The first moment, as an ISO 8601 date or time or in Unix seconds.")]
Until = Annotated[str | None, Meta(description="The moment after the last, likewise.")]


class Balance(Struct, kw_only=True, rename="camel"):
    """`balance` is in credits. Without a budget it is what was used until now, below zero, and limits nothing."""

    balance: int
    low_balance: bool
    low_balance_threshold: int
    last_updated: str
    auto_debit_status: Literal["enabled", "disabled"]
    status: Literal["current", "depleted"]
    status_explanation: str


class BillingSummary(Struct, kw_only=True):
    """In US dollars."""

    current_balance: float
    currency: Literal["USD"] = "USD"


class AutoTopUpSettings(Struct, kw_only=True):
    is_enabled: bool
    threshold: float
    amount: float
    currency: Literal["USD"] = "USD"


class BillingDetail(BillingSummary, kw_only=True):
    """`user_id` is the project's id: that is who pays here."""

    user_id: str
    email: str | None = None
    autotopup_settings: AutoTopUpSettings


class Amount(Struct, kw_only=True):
    usd: float
    credits: int


class Transaction(Struct, kw_only=True):
    created_at: str
    direction: Literal["TOPUP", "CHARGE"]
    type: EntryType
    amount: Amount
    model: str | None
    reference_id: str | None


class Pagination(Struct, kw_only=True):
    next_cursor: str | None
    has_more: bool


class TransactionList(Struct, kw_only=True):
    data: list[Transaction]
    pagination: Pagination


class ListTransactionsQuery(Struct, frozen=True, kw_only=True):
    since: Since = field(default=None, name="from")
    until: Until = field(default=None, name="to")
    direction: Annotated[
        Literal["TOPUP", "CHARGE"] | None, Meta(description="Only what came in, or only what was spent.")
    ] = None
    type: Annotated[EntryType | None, Meta(description="Only entries of this type.")] = None
    limit: Annotated[int, Meta(ge=1, le=100, description="How many transactions a page holds at most.")] = 50
    cursor: Annotated[str | None, Meta(description="The `next_cursor` of the page before.")] = None


class UsageQuery(Struct, frozen=True, kw_only=True):
    since: Since = field(default=None, name="from")
    until: Until = field(default=None, name="to")
    model: Annotated[list[str], Meta(description="Only these models.")] = []
    key_id: Annotated[list[str], Meta(description="Only what these keys used.")] = []


class UsageSum(Struct, kw_only=True):
    """`unpriced_requests` are those of models whose price nobody knows; they cost nothing."""

    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    credits_used: int
    usd_spent: float
    unpriced_requests: int


class UsageOfModel(UsageSum, kw_only=True):
    model: str


class UsageSummary(Struct, kw_only=True):
    since: str = field(name="from")
    until: str = field(name="to")
    total: UsageSum
    data: list[UsageOfModel]


class UsageRow(UsageSum, kw_only=True):
    """What one key used of one model on one day, UTC; `key_id` is null for what no key of its own asked for."""

    date: str
    model: str
    key_id: str | None
    kind: str
    batch: bool


class UsageDetail(Struct, kw_only=True):
    since: str = field(name="from")
    until: str = field(name="to")
    data: list[UsageRow]


class SpendLimitDetails(Struct, kw_only=True):
    """In US dollars."""

    amount: float
    spent: float
    period: Literal["no_reset", "day", "week", "month"]
    currency: Literal["USD"] = "USD"


class KeyDetails(Struct, kw_only=True):
    """A key without its secret; `prefix` is enough to recognise it by. No `scopes` means everything in its project."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    spend_limit: SpendLimitDetails | None


class CurrentKey(Struct, kw_only=True):
    object: Literal["key"] = "key"
    data: KeyDetails


class KeyList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[KeyDetails]
