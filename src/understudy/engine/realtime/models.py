"""The models of a realtime session: by the ids of its client, and by those of its provider. Knows no connection."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from understudy.engine.limits.permissions import PermissionChecks, find_hosted_tool
from understudy.errors import InvalidRequest, NotFound
from understudy.llm.realtime import RealtimeConnection
from understudy.llm.router import Models

_MODEL: Final = "model"


class SessionModels:
    """`model` is the client's id of the session's model. `transcription` is that of the model which transcribes input
    now; empty without one.
    """

    def __init__(
        self,
        models: Models,
        permissions: PermissionChecks,
        project_id: str,
        model: str,
        upstream: RealtimeConnection,
        *,
        is_transcription: bool,
    ) -> None:
        self.model = model
        self.transcription = model if is_transcription else ""
        self._models = models
        self._permissions = permissions
        self._project_id = project_id
        self._upstream = upstream
        self._names = {upstream.model: model}
        """Ids of the client by those of the provider."""

    def check_urls(self, event: Mapping[str, Any]) -> None:
        """Raises UpstreamError for a URL that the provider must not fetch. Takes long for many."""
        self._models.check_event_urls(event)

    async def check_tools(self, tools: Mapping[str, str]) -> None:
        """`tools` are what `find_tools` finds. Raises InvalidRequest for one that is disabled for the project."""
        if tools:
            await self._permissions.check_tools(self._project_id, tools.items())

    async def to_upstream(self, session: dict[str, Any]) -> None:
        """Replaces the client's ids in a session by the provider's.

        Raises InvalidRequest for another model than the session has, PermissionDenied, and NotFound for a model of
        transcriptions that the provider does not have.
        """
        if (model := session.get(_MODEL)) is not None:
            session[_MODEL] = self._check_model(model)
        for place, transcription in _find_transcriptions(session):
            transcription[_MODEL] = await self._find_transcription(transcription[_MODEL], place)

    def to_client(self, session: dict[str, Any]) -> bool:
        """Replaces the provider's ids in a session by the client's; whether one differs."""
        is_changed = _replace(session, self._names)
        for _, transcription in _find_transcriptions(session):
            is_changed |= _replace(transcription, self._names)
            self.transcription = transcription[_MODEL]
        return is_changed

    def _check_model(self, model: object) -> str:
        if model not in {self.model, self._upstream.model, *self._models.aliases(self.model)}:
            raise InvalidRequest(
                f"The model of a session cannot be changed: this one has {self.model!r}. Open another session for"
                f" {str(model)[:200]!r}.",
                param="session.model",
                code="invalid_value",
            )
        return self._upstream.model

    async def _find_transcription(self, model: str, place: str) -> str:
        await self._permissions.check_model(self._project_id, model)
        own = await self._models.find_at(model, self._upstream.provider)
        if own is None:
            raise NotFound(
                f"The model {model[:200]!r} does not exist at the provider of {self.model!r}, which transcribes the"
                " session's input.",
                param=f"session.{place}.model",
                code="model_not_found",
            )
        if len(self._names) < 64:
            self._names.setdefault(own, model)
        return own


def find_tools(event: Mapping[str, Any]) -> dict[str, str]:
    """The types of hosted tools of a session or a response, with the place of the first one of each."""
    found: dict[str, str] = {}
    for member in ("session", "response"):
        holder = event.get(member)
        tools = holder.get("tools") if isinstance(holder, dict) else None
        for index, tool in enumerate(tools if isinstance(tools, list) else ()):
            kind = tool.get("type") if isinstance(tool, dict) else None
            if isinstance(kind, str) and kind not in found and find_hosted_tool(kind):
                found[kind] = f"{member}.tools[{index}].type"
    return found


def _find_transcriptions(session: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The settings of transcriptions that name a model, in the general form and in that of the beta."""
    audio = session.get("audio")
    source = audio.get("input") if isinstance(audio, dict) else None
    nested = source.get("transcription") if isinstance(source, dict) else None
    for place, value in (
        ("audio.input.transcription", nested),
        ("input_audio_transcription", session.get("input_audio_transcription")),
    ):
        if isinstance(value, dict) and isinstance(value.get(_MODEL), str):
            yield place, value


def _replace(members: dict[str, Any], names: dict[str, str]) -> bool:
    model = members.get(_MODEL)
    known = names.get(model) if isinstance(model, str) else None
    if known is None or known == model:
        return False
    members[_MODEL] = known
    return True
