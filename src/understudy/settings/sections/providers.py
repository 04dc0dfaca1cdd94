"""The table `[providers.NAME]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[providers.NAME]` table: a server of models."""

    kind: Annotated[
        Literal["openai", "anthropic", "azure"],
        Meta(description="The server's API; `openai` is any server with chat completions."),
    ] = "openai"
    base_url: Annotated[
        Text | None,
        Meta(description="Base URL, like `http://127.0.0.1:8000/v1`; when unset, the vendor's."),
    ] = None
    api_key: Annotated[Text | None, Meta(description="API key to send.")] = None
    api_key_env: Annotated[
        Text | None,
        Meta(description="Environment variable with the API key, to keep it out of the file."),
    ] = None
    api_version: Annotated[
        Text | None,
        Meta(description="Azure's `api-version`, unless `base_url` ends with `/openai/v1`; `anthropic-version`."),
    ] = None
    models: Annotated[
        tuple[Text, ...] | None,
        Meta(description="The provider's model ids; when unset, fetched from its `/models`."),
    ] = None
    unlisted_models: Annotated[
        Literal["refuse", "pass"],
        Meta(description="Model ids that are in no list: `refuse` rejects them, `pass` sends them to this provider."),
    ] = "refuse"
    aliases: Annotated[
        dict[Text, Text],
        Meta(description="Maps an id of clients, or a pattern with `*`, to an id of the provider."),
    ] = {}
    context_windows: Annotated[
        dict[Text, Annotated[int, Meta(ge=256)]],
        Meta(description="Context windows in tokens, by id of the provider or a pattern with `*`."),
    ] = {}
    fallbacks: Annotated[
        tuple[Text, ...],
        Meta(description="Providers to try next, in order, with the same model id."),
    ] = ()
    connect_timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout of connecting, in seconds."),
    ] = 10.0
    first_byte_timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout of the first byte of a response, in seconds."),
    ] = 120.0
    idle_timeout: Annotated[
        float,
        Meta(gt=0, description="Timeout between two parts of a response, in seconds."),
    ] = 60.0
    send_traceparent: Annotated[
        bool,
        Meta(description="Whether requests carry the `traceparent` of the trace; for servers of your own."),
    ] = False
    retries: Annotated[
        int,
        Meta(ge=0, le=10, description="Retries with backoff, as long as nothing of a response was sent on."),
    ] = 2
