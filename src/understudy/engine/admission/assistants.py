"""Admission of assistants."""

from collections.abc import Sequence

from msgspec import UNSET

from understudy.engine.admission.models import ModelChecks
from understudy.engine.admission.tool_resources import ResourceChecks
from understudy.engine.admission.tools import ToolChecks
from understudy.store.attachments import VectorStoreUpload
from understudy.wire.assistants import CreateAssistantRequest, ModifyAssistantRequest
from understudy.wire.strict import check_strict
from understudy.wire.tools import AssistantTool, ToolResources


class AssistantAdmission:
    def __init__(self, models: ModelChecks, tools: ToolChecks, resources: ResourceChecks) -> None:
        self._models = models
        self._tools = tools
        self._resources = resources

    async def admit(
        self, project_id: str, body: CreateAssistantRequest
    ) -> tuple[ToolResources, list[VectorStoreUpload]]:
        """The tool resources of a new assistant, and the vector stores to create with it.

        Raises InvalidBody and InvalidRequest for its tools, InvalidRequest for its model, NotFound for an unknown file
        or vector store.
        """
        await self._check_tools(project_id, body.tools or ())
        await self._models.check(project_id, body.model)
        return await self._resources.prepare(project_id, body.tool_resources, None)

    async def check_change(self, project_id: str, body: ModifyAssistantRequest) -> None:
        """Raises as `admit` does."""
        await self._check_tools(project_id, body.tools or ())
        if body.model is not UNSET:
            await self._models.check(project_id, body.model)
        await self._resources.check(project_id, body.tool_resources or None)

    async def _check_tools(self, project_id: str, tools: Sequence[AssistantTool]) -> None:
        check_strict(tools)
        self._tools.check_remote_servers(tools)
        await self._tools.check_permitted(project_id, tools)
