"""The table `[responses]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class ResponseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the Responses API."""

    hosted_tools: Annotated[
        Literal["refuse", "drop"],
        Meta(
            description="What becomes of hosted tools that this server does not run, such as `web_search` without"
            " `web_search.provider`: `refuse` returns 400; `drop` ignores them and lists them in the header"
            " `x-understudy-dropped-tools`."
        ),
    ] = "refuse"
    image_model: Annotated[
        Text | None,
        Meta(
            description="Model of the tool `image_generation` where a request names none, of a provider with"
            " `/images/generations`; when unset, the first of `gpt-image-1`, `gpt-image-1.5`, `gpt-image-2` and"
            " `gpt-image-1-mini` that a provider has."
        ),
    ] = None
