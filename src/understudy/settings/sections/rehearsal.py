"""The table `[rehearsal]`."""

from typing import Annotated

from msgspec import Meta, Struct


class RehearsalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded model, for a first try and for tests."""

    enabled: Annotated[
        bool,
        Meta(description="Whether the model `rehearsal` exists."),
    ] = True
    tokens_per_second: Annotated[
        float,
        Meta(ge=0, description="Tokens per second of its streams; 0 is unlimited."),
    ] = 60.0
