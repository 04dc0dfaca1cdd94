"""Admission of responses: their input, their tools, their model, and the files and vector stores they name."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from understudy.engine import inline
from understudy.engine.admission.files import FileChecks
from understudy.engine.admission.inline_data import check_image_data
from understudy.engine.admission.input_items import ItemAdmission
from understudy.engine.admission.models import ModelChecks
from understudy.engine.admission.tools import ToolChecks
from understudy.engine.hosted_tools import HostedTools
from understudy.engine.response_request import NOTHING_SERVED, remote_server
from understudy.engine.tool_choice import check_choice
from understudy.errors import InvalidRequest, NotFound
from understudy.wire.client_items import AdditionalTools, ToolSearchOutput
from understudy.wire.input_items import InputItem
from understudy.wire.input_parsing import whole
from understudy.wire.parsing import check_file_id, check_id
from understudy.wire.response_rules import hosted_tools
from understudy.wire.response_tools import (
    AutoContainer,
    CodeInterpreterTool,
    FileSearchTool,
    ImageGenerationTool,
    ImageMask,
    McpTool,
    ResponseTool,
)
from understudy.wire.responses import CreateResponseRequest, ResponseContext

# Items that are parsed within a millisecond or two.
_MAX_INLINE_ITEMS: Final = 100
_MAX_INLINE_PARTS: Final = 1000


class ResponseAdmission:
    def __init__(
        self,
        items: ItemAdmission,
        files: FileChecks,
        tools: ToolChecks,
        models: ModelChecks,
        hosted: HostedTools,
        *,
        refuses_hosted_tools: bool,
    ) -> None:
        """`refuses_hosted_tools`: a hosted tool that this server does not run is refused."""
        self._items = items
        self._files = files
        self._tools = tools
        self._models = models
        self._hosted = hosted
        self._refuses_hosted_tools = refuses_hosted_tools

    async def admit(self, project_id: str, params: CreateResponseRequest) -> list[InputItem]:
        """The items of the input of a response to create.

        Raises what `admit_context` does, and InvalidRequest for an unknown model, for log probabilities that its
        provider does not return, or for a moderation that no provider does.
        """
        model = params.model or ""
        items = await self.admit_context(project_id, params, model)
        if params.moderation is not None:
            await self._models.check_moderation(project_id, params.moderation.model)
        if "message.output_text.logprobs" in (params.include or ()):
            await self._models.check_logprobs(model, "include")
        elif params.top_logprobs:
            await self._models.check_logprobs(model, "top_logprobs")
        return items

    async def admit_context(
        self, project_id: str, params: ResponseContext, model: str | None = None
    ) -> list[InputItem]:
        """The items of the input. `model`: one that is to be called.

        Raises InvalidId, InvalidBody, NotFound or InvalidRequest for anything that cannot be used.
        """
        given = [] if params.input is None else params.input
        parsed = whole(given) if isinstance(given, str) else await _parse_items(given)
        items = await self._items.admit(project_id, parsed)
        tools = params.tools or ()
        added = [(index, one) for index, one in enumerate(items) if isinstance(one, ToolSearchOutput | AdditionalTools)]
        served = await self._hosted.find_served(tools) if tools else NOTHING_SERVED
        if self._refuses_hosted_tools and (tools or added):
            self._reject_hosted_tools(tools, added, served)
        if tools:
            await self._check_tools(project_id, tools)
        for _, item in added:
            await self._tools.check_permitted(project_id, item.tools)
        more = params.previous_response_id is not None or params.conversation is not None or bool(added)
        if params.tool_choice is not None:
            check_choice(params.tool_choice, tools, more=more, served=served)
        if model is not None:
            await self._models.check(project_id, model)
        return items

    async def admit_messages(self, project_id: str, messages: list[dict[str, Any]]) -> list[InputItem]:
        """The messages of a stored prompt. Raises what `admit_context` does for an input."""
        return await self._items.admit(project_id, await _parse_items(messages)) if messages else []

    async def _check_tools(self, project_id: str, tools: Sequence[ResponseTool]) -> None:
        servers = [remote_server(tool) if isinstance(tool, McpTool) else None for tool in tools]
        self._tools.check_remote_servers(servers, headers=True)
        await self._tools.check_permitted(project_id, tools)
        for index, tool in enumerate(tools):
            match tool:
                case FileSearchTool():
                    await self._check_stores(project_id, tool.vector_store_ids, f"tools[{index}].vector_store_ids")
                case CodeInterpreterTool():
                    await self._check_code_interpreter(project_id, tool, f"tools[{index}]")
                case ImageGenerationTool(input_image_mask=ImageMask() as mask):
                    await self._check_mask(project_id, mask, f"tools[{index}].input_image_mask")
                case _:
                    pass

    def _reject_hosted_tools(
        self,
        tools: Sequence[ResponseTool],
        added: Sequence[tuple[int, ToolSearchOutput | AdditionalTools]],
        served: Collection[str],
    ) -> None:
        """Raises InvalidRequest for the first hosted tool that this server does not run.

        `added` are the items of the input that have tools, each with its place.
        """
        found = hosted_tools(tools, served)
        for index, item in added:
            found += hosted_tools(item.tools, (), f"input[{index}].tools")
        if found:
            path, kind = found[0]
            raise InvalidRequest(self._hosted.explain_missing(kind), param=path, code="unsupported_tool")

    async def _check_mask(self, project_id: str, mask: ImageMask, path: str) -> None:
        if url := mask.image_url:
            media_type, encoded = inline.split(url)
            await check_image_data(media_type or "image/png", encoded, f"{path}.image_url")
        elif file_id := mask.file_id:
            param = f"{path}.file_id"
            check_file_id(param, file_id)
            files = await self._files.lookup(project_id, {file_id: param})
            await self._files.check_image(files[file_id], param)

    async def _check_stores(self, project_id: str, store_ids: list[str], path: str) -> None:
        for index, store_id in enumerate(store_ids):
            check_id(f"{path}[{index}]", store_id, "vs")
        try:
            await self._tools.check_vector_stores(project_id, store_ids)
        except NotFound as missing:
            named = [store_id for store_id in store_ids if store_id in missing.message] or store_ids
            raise NotFound(f"Vector store with id {named} not found.") from None

    async def _check_code_interpreter(self, project_id: str, tool: CodeInterpreterTool, path: str) -> None:
        await self._tools.check_code_interpreter(path)
        if isinstance(tool.container, AutoContainer):
            await self._files.find(project_id, tool.container.file_ids or (), f"{path}.container.file_ids")
        else:
            await self._tools.check_container(project_id, tool.container, f"{path}.container")


async def _parse_items(requested: list[dict[str, Any]]) -> list[InputItem]:
    if len(requested) <= _MAX_INLINE_ITEMS and sum(map(_count_parts, requested)) <= _MAX_INLINE_PARTS:
        return whole(requested)
    return await asyncio.to_thread(whole, requested)


def _count_parts(item: Mapping[str, Any]) -> int:
    listed = item.get("content") or item.get("output")
    return len(listed) if isinstance(listed, list) else 1
