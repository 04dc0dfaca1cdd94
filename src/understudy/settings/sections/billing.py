"""The table `[billing]`."""

from typing import Annotated

from msgspec import Meta, Struct


class BillingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs of usage. A project without a budget (`understudy credits grant`) and without limits is never refused."""

    public_prices: Annotated[
        bool,
        Meta(description="Whether models without a configured price have their vendor's public price."),
    ] = True
    batch_discount: Annotated[
        float,
        Meta(ge=0, le=1, description="Discount of batches, as a fraction of the price."),
    ] = 0.5
    low_balance: Annotated[
        int,
        Meta(
            ge=0, description="Credits below which a balance is reported as low; 2,000,000 credits are one US dollar."
        ),
    ] = 10_000
    auto_top_up_usd: Annotated[
        float,
        Meta(ge=0, le=1e6, description="US dollars to add to a balance that is too low; 0 disables it."),
    ] = 0.0
    auto_top_up_below_usd: Annotated[
        float,
        Meta(ge=0, le=1e6, description="Balance in US dollars below which it is topped up."),
    ] = 5.0
