"""The table `[console]`."""

from typing import Annotated

from msgspec import Meta, Struct


class ConsoleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The console, a web page at `/console/` that uses the API with the key of its visitor."""

    enabled: Annotated[
        bool,
        Meta(description="Whether `/console/` is served, and `/` redirects browsers to it."),
    ] = True
    reload: Annotated[
        bool,
        Meta(description="Whether changed files of the console are read again, for its developers."),
    ] = False
