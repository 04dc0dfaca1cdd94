"""The table `[realtime]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class RealtimeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Realtime sessions, which are relayed to the provider of their model."""

    transcription_model: Annotated[
        Text,
        Meta(description="Model whose provider opens transcription sessions (`?intent=transcription`) that name none."),
    ] = "gpt-4o-transcribe"
    project_sessions: Annotated[
        int,
        Meta(ge=1, description="Maximum number of open sessions of one project, on all nodes together."),
    ] = 100
    session_seconds: Annotated[
        float,
        Meta(gt=0, description="Maximum time of one session, in seconds."),
    ] = 3600.0
    idle_seconds: Annotated[
        float,
        Meta(gt=0, description="Time without an event in either direction after which a session is ended, in seconds."),
    ] = 900.0
    message_bytes: Annotated[
        int,
        Meta(
            ge=64 * 1024,
            le=2**28,
            description="Maximum size of one event in either direction, in bytes; at most `limits.body_bytes`.",
        ),
    ] = 16 * 1024 * 1024
