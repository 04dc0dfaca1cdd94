"""What tests of billing have in common: a priced server, its commands, and a check that everything adds up."""

import json
import time

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


def granted(server, amount, project="default"):
    return json.loads(server.run("credits", "grant", amount, "--project", project, "--json"))


def new_key(server, *options):
    return json.loads(server.run("keys", "create", "--json", *options))


def balance(server, **options):
    return server.ask("GET", "/v1/billing/balance", **options).json["balance"]


def transactions(server, **options):
    """All of them, over as many pages as there are."""
    found, cursor = [], ""
    while True:
        page = server.ask("GET", f"/v2/billing/transactions?limit=100{cursor}", **options).json
        found += page["data"]
        if not page["pagination"]["has_more"]:
            return found
        cursor = f"&cursor={page['pagination']['next_cursor']}"


def check_sums(server, **options):
    """The balance is the sum of the transactions, and the charges are what the reports say was used."""
    told = transactions(server, **options)
    signed = [(1 if one["direction"] == "TOPUP" else -1) * one["amount"]["credits"] for one in told]
    assert sum(signed) == balance(server, **options)
    charged = sum(one["amount"]["credits"] for one in told if one["type"] == "MODEL_USAGE")
    usage = server.ask("GET", "/v2/usage", **options).json
    assert usage["total"]["credits_used"] == charged
    assert sum(one["credits_used"] for one in usage["data"]) == charged
    detail = server.ask("GET", "/v2/usage/detail", **options).json["data"]
    assert sum(one["credits_used"] for one in detail) == charged
    costs = server.ask("GET", f"/v1/organization/costs?start_time={yesterday()}", **options).json
    value = sum(result["amount"]["value"] for bucket in costs["data"] for result in bucket["results"])
    assert round(value * CREDITS_PER_USD) == charged
    return charged


def yesterday():
    return int(time.time()) // 86_400 * 86_400 - 86_400
