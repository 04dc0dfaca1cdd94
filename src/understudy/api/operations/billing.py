"""Balances, transactions, usage and keys: the AI/ML API's operations, and OpenAI's of usage and costs."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import billing, usage

_TAG = "Billing"
_USAGE = "Usage"

OPERATIONS: Final = (
    Operation("getBalance", "GET", "/billing/balance", "The project's balance in credits.", billing.Balance, tag=_TAG),
    Operation(
        "getBilling",
        "GET",
        "/v2/billing",
        "The project's balance in US dollars.",
        billing.BillingSummary,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "getBillingDetail",
        "GET",
        "/v2/billing/detail",
        "The balance, and how it is topped up.",
        billing.BillingDetail,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "listTransactions",
        "GET",
        "/v2/billing/transactions",
        "A page of what changed the balance, newest first.",
        billing.TransactionList,
        query=billing.ListTransactionsQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "getUsage",
        "GET",
        "/v2/usage",
        "What was used, by model; of the last 30 days when nothing else is asked for.",
        billing.UsageSummary,
        query=billing.UsageQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "getUsageDetail",
        "GET",
        "/v2/usage/detail",
        "What was used, by day, model and key.",
        billing.UsageDetail,
        query=billing.UsageQuery,
        tag=_TAG,
        base="/",
    ),
    Operation("getCurrentKey", "GET", "/key", "The key that asks.", billing.CurrentKey, tag=_TAG),
    Operation("listKeys", "GET", "/keys", "The project's keys, without their secrets.", billing.KeyList, tag=_TAG),
    Operation(
        "usage-completions",
        "GET",
        "/organization/usage/completions",
        "What models used to answer, in buckets of time.",
        usage.CompletionsUsagePage,
        query=usage.CompletionsUsageQuery,
        tag=_USAGE,
    ),
    Operation(
        "usage-embeddings",
        "GET",
        "/organization/usage/embeddings",
        "What embeddings used, in buckets of time.",
        usage.EmbeddingsUsagePage,
        query=usage.EmbeddingsUsageQuery,
        tag=_USAGE,
    ),
    Operation(
        "usage-costs",
        "GET",
        "/organization/costs",
        "What everything cost, day by day.",
        usage.CostsPage,
        query=usage.CostsQuery,
        tag=_USAGE,
    ),
)
