"""Billing: prices, grants and keys by commands, and a check that balances, charges and reports agree."""

import json
import time
from typing import Any

from serving import Server

CREDITS_PER_USD = 2_000_000
# 2 and 8 dollars a million are 4 and 16 credits a token.
PRICES = """
[models."gpt-4o"]
input_price = 2.0
cached_input_price = 1.0
output_price = 8.0

[models."slow"]
input_price = 1.0
"""


def grant(server: Server, amount: str, project: str = "default") -> Any:
    return json.loads(server.run("credits", "grant", amount, "--project", project, "--json"))


def new_key(server: Server, *options: str) -> Any:
    return json.loads(server.run("keys", "create", "--json", *options))


def balance(server: Server, **options: Any) -> int:
    credits_left: int = server.ask("GET", "/v1/billing/balance", **options).json["balance"]
    return credits_left


def transactions(server: Server, **options: Any) -> list[Any]:
    """All transactions, of all pages."""
    listed: list[Any] = []
    cursor = ""
    while True:
        page = server.ask("GET", f"/v2/billing/transactions?limit=100{cursor}", **options).json
        listed += page["data"]
        if not page["pagination"]["has_more"]:
            return listed
        cursor = f"&cursor={page['pagination']['next_cursor']}"


def check_sums(server: Server, **options: Any) -> int:
    """Asserts that the balance is the sum of the transactions, and the charges are those of the reports; returns them."""
    entries = transactions(server, **options)
    signed = [(1 if one["direction"] == "TOPUP" else -1) * one["amount"]["credits"] for one in entries]
    assert sum(signed) == balance(server, **options)
    charged: int = sum(one["amount"]["credits"] for one in entries if one["type"] == "MODEL_USAGE")
    usage = server.ask("GET", "/v2/usage", **options).json
    assert usage["total"]["credits_used"] == charged
    assert sum(one["credits_used"] for one in usage["data"]) == charged
    detail = server.ask("GET", "/v2/usage/detail", **options).json["data"]
    assert sum(one["credits_used"] for one in detail) == charged
    costs = server.ask("GET", f"/v1/organization/costs?start_time={yesterday()}", **options).json
    value = sum(result["amount"]["value"] for bucket in costs["data"] for result in bucket["results"])
    assert round(value * CREDITS_PER_USD) == charged
    return charged


def yesterday() -> int:
    return int(time.time()) // 86_400 * 86_400 - 86_400
