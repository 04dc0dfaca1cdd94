"""The table `[cors]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class CorsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Web pages that may call the API from a browser."""

    origins: Annotated[
        tuple[Text, ...],
        Meta(
            description="Allowed origins, like `https://app.example`; `*` is all. A page with a key exposes it"
            " to its visitors."
        ),
    ] = ()
