"""The table `[responses]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class ResponseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the Responses API."""

    hosted_tools: Annotated[
        Literal["refuse", "drop"],
        Meta(
            description="Tools that only the vendor's servers can run, like `web_search`: `refuse` returns 400;"
            " `drop` ignores them and lists them in the header `x-understudy-dropped-tools`."
        ),
    ] = "refuse"
