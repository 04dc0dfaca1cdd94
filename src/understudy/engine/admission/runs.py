"""Admission of runs."""

from dataclasses import dataclass

import msgspec

from understudy.clock import Clock
from understudy.engine.admission.messages import MessageChecks
from understudy.engine.admission.models import ModelChecks
from understudy.engine.admission.threads import NewThread, ThreadAdmission
from understudy.engine.admission.tool_resources import ResourceChecks
from understudy.engine.admission.tools import ToolChecks
from understudy.engine.new_messages import new_messages
from understudy.engine.new_runs import new_run
from understudy.engine.tool_resources import merge_resources
from understudy.store import Store
from understudy.wire.assistants import AssistantObject
from understudy.wire.messages import MessageObject
from understudy.wire.parsing import check_id
from understudy.wire.runs import CreateRunRequest, CreateThreadAndRunRequest, RunObject, RunParameters
from understudy.wire.strict import check_strict
from understudy.wire.threads import CreateThreadRequest
from understudy.wire.tool_choice import check_tool_choice
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearch,
    ToolResources,
)

_decode_assistant = msgspec.json.Decoder(AssistantObject).decode


@dataclass(frozen=True, slots=True)
class AdmittedRun:
    """A run to create. `resources` are what its tools work with beside the thread's."""

    run: RunObject
    resources: ToolResources


class RunAdmission:
    def __init__(
        self,
        store: Store,
        models: ModelChecks,
        tools: ToolChecks,
        resources: ResourceChecks,
        threads: ThreadAdmission,
        messages: MessageChecks,
        clock: Clock,
        run_seconds: float,
    ) -> None:
        self._store = store
        self._models = models
        self._tools = tools
        self._resources = resources
        self._threads = threads
        self._messages = messages
        self._clock = clock
        self._run_seconds = run_seconds

    async def admit(
        self, project_id: str, body: CreateRunRequest, thread_id: str
    ) -> tuple[AdmittedRun, list[MessageObject]]:
        """The run, and the messages to add to the thread with it.

        Raises InvalidId and NotFound for what the run names, InvalidBody and InvalidRequest for a model or a tool that
        this server does not have, VectorStoreExpired.
        """
        admitted = await self._admit_parameters(project_id, body, thread_id)
        if _uses_file_search(admitted.run):
            store_ids = admitted.resources.vector_store_ids()
            await self._store.threads.check_searchable(project_id, thread_id, store_ids, int(self._clock.now()))
        messages = new_messages(body.additional_messages, thread_id, int(self._clock.now()))
        await self._messages.check(project_id, messages, "additional_messages")
        return admitted, messages

    async def admit_with_thread(
        self, project_id: str, body: CreateThreadAndRunRequest
    ) -> tuple[AdmittedRun, NewThread]:
        """The run, and the thread to create with it. Raises as `admit` does."""
        requested = body.thread or CreateThreadRequest()
        new = await self._threads.admit(project_id, requested, "thread.messages")
        admitted = await self._admit_parameters(project_id, body, new.thread.id)
        if _uses_file_search(admitted.run):
            store_ids = admitted.resources.vector_store_ids()
            if requested.tool_resources is not None:
                store_ids = [*store_ids, *requested.tool_resources.vector_store_ids()]
            await self._tools.check_vector_stores(project_id, store_ids)
        return admitted, new

    async def _admit_parameters(self, project_id: str, body: RunParameters, thread_id: str) -> AdmittedRun:
        check_id("assistant_id", body.assistant_id, "asst")
        check_strict(body.tools or ())
        assistant = _decode_assistant(await self._store.assistants.get(project_id, body.assistant_id))
        run = new_run(assistant, body, thread_id, int(self._clock.now()), self._run_seconds)
        if run.model == assistant.model:
            await self._models.check_permission(project_id, run.model)
        else:
            await self._models.check(project_id, run.model)
        for index, tool in enumerate(run.tools):
            if isinstance(tool, AssistantToolsCode):
                await self._tools.check_code_interpreter(f"tools[{index}]")
        self._tools.check_remote_servers(run.tools, headers=True)
        await self._tools.check_permitted(project_id, run.tools)
        check_tool_choice(run.tool_choice, run.tools)
        return AdmittedRun(run, await self._merge_resources(project_id, assistant.tool_resources, body.tool_resources))

    async def _merge_resources(
        self, project_id: str, default: ToolResources, override: ToolResources | None
    ) -> ToolResources:
        if override is None:
            return default
        await self._resources.check(project_id, override)
        return merge_resources(default, override)


def _uses_file_search(run: RunObject) -> bool:
    return any(isinstance(tool, AssistantToolsFileSearch) for tool in run.tools)
