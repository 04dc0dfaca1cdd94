"""Tools of responses that the vendor hosts: which of them this server runs itself, by its settings. Executes none."""

from collections.abc import Mapping, Sequence
from typing import Final

from understudy.llm.router import Models
from understudy.settings import ResponseSettings
from understudy.tools.web import WebSearch
from understudy.wire.response_rules import hosted_kind
from understudy.wire.response_tools import ImageGenerationTool, ResponseTool, WebSearchTool

_SETTINGS: Final = {
    "web_search": "set `web_search.provider`, a search engine for this tool",
    "image_generation": "add a provider of images and set `responses.image_model`",
}
_IMAGE_MODELS: Final = ("gpt-image-1", "gpt-image-1.5", "gpt-image-2", "gpt-image-1-mini")


class HostedTools:
    def __init__(self, web: WebSearch, models: Models, settings: ResponseSettings) -> None:
        self.web = web
        self._models = models
        self._image_models = _IMAGE_MODELS if settings.image_model is None else (settings.image_model,)

    async def find_served(self, tools: Sequence[ResponseTool]) -> Mapping[str, str]:
        """The kinds of these tools that this server runs, with the model that each uses; empty for none."""
        served: dict[str, str] = {}
        for tool in tools:
            if isinstance(tool, WebSearchTool) and self.web.is_available:
                served["web_search"] = ""
            elif isinstance(tool, ImageGenerationTool) and (model := await self._find_image_model(tool)) is not None:
                served["image_generation"] = model
        return served

    def explain_missing(self, kind: str) -> str:
        """Why a tool of this type is refused, and what its operator can do."""
        setting = _SETTINGS.get(hosted_kind(kind) or "")
        reason = "it runs on the vendor's servers only" if setting is None else "it is not set up"
        change = "" if setting is None else f" {setting}, or"
        return (
            f"The tool {kind!r} is not available on this server: {reason}. Leave it out, or have the operator{change}"
            ' set `responses.hosted_tools` to "drop", so that such tools are accepted and never called.'
        )

    async def _find_image_model(self, tool: ImageGenerationTool) -> str | None:
        for model in (tool.model,) if isinstance(tool.model, str) else self._image_models:
            if await self._models.can_relay(model):
                return model
        return None
