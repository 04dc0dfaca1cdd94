"""Client secrets of realtime sessions. Source: operations create-realtime-client-secret, create-realtime-session and
create-realtime-transcription-session.

The members of a session beside its models are for the provider, which the session reaches as it was sent here.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

SessionType = Literal["realtime", "transcription"]
Parameter = Annotated[Any, Meta(description="Forwarded to the provider when a session is opened.")]
Model = Annotated[
    str,
    Meta(min_length=1, max_length=256, description="The model of the session; without it, the connection names one."),
]
Value = Annotated[str, Meta(description="The client secret, `ek_…`; it cannot be read again.")]
SecretExpiry = Annotated[int, Meta(description="When the client secret stops opening sessions, in Unix seconds.")]


class SecretLifetime(Struct, kw_only=True):
    anchor: Annotated[Literal["created_at"], Meta(description="The moment from which the time counts.")] = "created_at"
    seconds: Annotated[
        int,
        Meta(ge=10, le=7200, description="How long the client secret opens sessions; these last longer."),
    ] = 600


class RealtimeTranscription(Struct, kw_only=True):
    """The transcription of input: members beside the model are for the provider."""

    model: Annotated[str, Meta(max_length=256, description="The model that transcribes.")] | None = None


class RealtimeAudioInput(Struct, kw_only=True):
    transcription: RealtimeTranscription | None = None
    format: Parameter = None
    noise_reduction: Parameter = None
    turn_detection: Parameter = None


class RealtimeAudio(Struct, kw_only=True):
    input: RealtimeAudioInput | None = None
    output: Parameter = None


class RealtimeSessionConfig(Struct, kw_only=True):
    type: Annotated[SessionType, Meta(description="A session that answers, or one that transcribes.")]
    model: Model | None = None
    audio: RealtimeAudio | None = None
    instructions: Parameter = None
    output_modalities: Parameter = None
    include: Parameter = None
    tracing: Parameter = None
    tools: Parameter = None
    tool_choice: Parameter = None
    parallel_tool_calls: Parameter = None
    reasoning: Parameter = None
    max_output_tokens: Parameter = None
    truncation: Parameter = None
    prompt: Parameter = None


class CreateClientSecretRequest(Struct, kw_only=True):
    expires_after: SecretLifetime | None = None
    session: RealtimeSessionConfig | None = None


class CreatedClientSecret(Struct, kw_only=True):
    value: Value
    expires_at: SecretExpiry
    session: Annotated[
        dict[str, Any], Meta(description="The session that it opens: its `id`, `object` and `type`, and what was sent.")
    ]


class BetaSecretLifetime(Struct, kw_only=True):
    expires_after: SecretLifetime | None = None


class CreateTranscriptionSessionRequest(Struct, kw_only=True):
    client_secret: (
        Annotated[BetaSecretLifetime, Meta(description="The lifetime of the client secret, one minute by default.")]
        | None
    ) = None
    input_audio_transcription: RealtimeTranscription | None = None
    input_audio_format: Parameter = None
    input_audio_noise_reduction: Parameter = None
    turn_detection: Parameter = None
    include: Parameter = None
    modalities: Parameter = None


class CreateSessionRequest(CreateTranscriptionSessionRequest, kw_only=True):
    model: Model | None = None
    instructions: Parameter = None
    voice: Parameter = None
    output_audio_format: Parameter = None
    speed: Parameter = None
    tracing: Parameter = None
    tools: Parameter = None
    tool_choice: Parameter = None
    temperature: Parameter = None
    max_response_output_tokens: Parameter = None
    truncation: Parameter = None
    prompt: Parameter = None


class EphemeralKey(Struct, kw_only=True):
    value: Value
    expires_at: SecretExpiry


class CreatedSession(Struct, kw_only=True):
    """A session of the beta's form, with the members that were sent."""

    id: str
    object: Literal["realtime.session", "realtime.transcription_session"]
    expires_at: Annotated[int, Meta(description="0: the session has not begun.")] = 0
    client_secret: EphemeralKey
    model: str | UnsetType = UNSET


class SecretSession(Struct, kw_only=True, frozen=True):
    """What a client secret opens. `config` are the members of its session, without the model of the session itself."""

    form: Literal["general", "beta"]
    type: SessionType
    model: str | None
    config: dict[str, Any]

    @property
    def transcription_model(self) -> str | None:
        """The model that transcribes the input."""
        nested = ((self.config.get("audio") or {}).get("input") or {}).get("transcription") or {}
        plain = self.config.get("input_audio_transcription") or {}
        model: str | None = nested.get("model") or plain.get("model")
        return model

    @property
    def update(self) -> dict[str, Any] | None:
        """The client's event that configures the session; None if there is nothing to configure."""
        if not self.config.keys() - {"type"}:
            return None
        is_beta_transcription = self.form == "beta" and self.type == "transcription"
        return {
            "type": "transcription_session.update" if is_beta_transcription else "session.update",
            "session": dict(self.config),
        }
