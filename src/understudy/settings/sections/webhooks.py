"""The table `[webhooks]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class WebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Webhook deliveries and the operator's endpoint. Clients add endpoints with `POST /webhook_endpoints`."""

    url: Annotated[
        Text | None,
        Meta(
            description="The operator's endpoint, which receives events of every project; requires `webhooks.secret`."
        ),
    ] = None
    secret: Annotated[
        Text | None,
        Meta(description="Secret of the endpoint's signatures: `whsec_` and base64."),
    ] = None
    events: Annotated[
        tuple[Text, ...],
        Meta(description="Event types for the operator's endpoint, like `batch.completed`; `*` is all."),
    ] = ("*",)
    allow_private: Annotated[
        bool,
        Meta(description="Whether endpoints may have private addresses or no TLS."),
    ] = False
    timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout of a delivery attempt in seconds."),
    ] = 15.0
    first_retry: Annotated[
        float,
        Meta(gt=0, description="Seconds until the first retry; the delay about doubles with each retry."),
    ] = 5.0
    longest_wait: Annotated[
        float,
        Meta(gt=0, description="Maximum delay between two attempts in seconds."),
    ] = 6 * 3600.0
    give_up: Annotated[
        float,
        Meta(ge=0, description="Seconds after which a delivery has failed finally."),
    ] = 72 * 3600.0
    concurrent: Annotated[
        int,
        Meta(ge=1, description="Concurrent attempts of one process, at most four of them to one endpoint."),
    ] = 32
    keep: Annotated[
        float,
        Meta(gt=0, description="Seconds for which finished deliveries are stored and can be sent again."),
    ] = 30 * 86_400.0
