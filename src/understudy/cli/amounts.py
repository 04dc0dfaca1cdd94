"""Amounts of money on the command line: `5USD`, `$5` or whole credits. Knows no ledger."""

from decimal import Decimal, InvalidOperation

import click

CREDITS_PER_USD = 2_000_000
_MAX_USD = Decimal(10) ** 9


def amount(text: str) -> int:
    """The type of an option: a positive whole number of credits."""
    credits_ = _parse_credits(text.strip().upper())
    if credits_ is None:
        raise click.BadParameter(
            f"Invalid amount {text!r}. Write US dollars like '5USD' or '2.50USD', or a whole number of credits"
            " (2,000,000 credits are one US dollar)."
        )
    return credits_


def _parse_credits(text: str) -> int | None:
    plain = text.removeprefix("$").removesuffix("USD").strip().replace("_", "")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number <= _MAX_USD * CREDITS_PER_USD:
        return None
    credits_ = number if plain == text.replace("_", "") else number * CREDITS_PER_USD
    return int(credits_) if credits_ == int(credits_) <= _MAX_USD * CREDITS_PER_USD else None


def format_usd(credits_: int) -> str:
    """US dollars, exactly."""
    usd = Decimal(credits_) / CREDITS_PER_USD
    text = f"{usd:.7f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')} USD"
