"""Assistants over HTTP."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.metering import hold_fillings
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, list_filter, list_response, page_request, read_json, struct_response
from understudy.engine.tool_resources import fill_defaults, merge_resources
from understudy.llm.sampling import resolve_sampling
from understudy.wire import queries
from understudy.wire.assistants import (
    AssistantObject,
    CreateAssistantRequest,
    DeleteAssistantResponse,
    ListAssistantsResponse,
    ModifyAssistantRequest,
)
from understudy.wire.parsing import check_id
from understudy.wire.tools import ToolResources

operations = OperationGroup("Assistants")

# Values of fields that a request sets to null.
_ASSISTANT_DEFAULTS = {"tools": [], "metadata": {}, "response_format": "auto"}


@operations.add(
    "listAssistants",
    "GET",
    "/assistants",
    summary="List assistants.",
    query=queries.FilteredListQuery,
    response=ListAssistantsResponse,
)
async def list_assistants(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.FilteredListQuery)
    chosen = list_filter(query)
    return list_response(
        await parts_of(request).store.assistants.page(project_of(request), page_request(query), chosen)
    )


@operations.add(
    "createAssistant",
    "POST",
    "/assistants",
    summary="Create an assistant: a model with instructions and tools.",
    request=CreateAssistantRequest,
    response=AssistantObject,
)
async def create_assistant(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateAssistantRequest, parts.settings.limits)
    resources, fillings = await parts.admission.assistants.admit(project_of(request), body)
    assistant = _new_assistant(body, resources, parts.now())
    if not fillings:
        return json_response(await parts.store.assistants.create(project_of(request), assistant, fillings))
    async with hold_fillings(request, fillings):
        created = await parts.store.assistants.create(project_of(request), assistant, fillings)
    parts.vector_stores.announce()
    return json_response(created)


@operations.add(
    "getAssistant", "GET", "/assistants/{assistant_id}", summary="Retrieve an assistant.", response=AssistantObject
)
async def get_assistant(request: Request) -> Response:
    return json_response(await parts_of(request).store.assistants.get(project_of(request), _assistant_id(request)))


@operations.add(
    "modifyAssistant",
    "POST",
    "/assistants/{assistant_id}",
    summary="Modify an assistant; absent members stay unchanged.",
    request=ModifyAssistantRequest,
    response=AssistantObject,
)
async def modify_assistant(request: Request) -> Response:
    parts = parts_of(request)
    assistant_id = _assistant_id(request)
    body = await read_json(request, ModifyAssistantRequest, parts.settings.limits)
    await parts.admission.assistants.check_change(project_of(request), body)
    return json_response(await parts.store.assistants.modify(project_of(request), assistant_id, _build_change(body)))


@operations.add(
    "deleteAssistant",
    "DELETE",
    "/assistants/{assistant_id}",
    summary="Delete an assistant.",
    response=DeleteAssistantResponse,
)
async def delete_assistant(request: Request) -> Response:
    assistant_id = _assistant_id(request)
    await parts_of(request).store.assistants.delete(project_of(request), assistant_id)
    return struct_response(DeleteAssistantResponse(id=assistant_id))


def _assistant_id(request: Request) -> str:
    assistant_id: str = request.path_params["assistant_id"]
    check_id("assistant_id", assistant_id, "asst")
    return assistant_id


def _new_assistant(body: CreateAssistantRequest, resources: ToolResources, now: int) -> AssistantObject:
    tools = body.tools or []
    return AssistantObject(
        id=ids.assistant(),
        created_at=now,
        name=body.name,
        description=body.description,
        model=body.model,
        instructions=body.instructions,
        tools=tools,
        top_p=resolve_sampling(body.model, body.top_p),
        temperature=resolve_sampling(body.model, body.temperature),
        reasoning_effort=body.reasoning_effort,
        tool_resources=fill_defaults(resources, tools),
        metadata=body.metadata or {},
        response_format=body.response_format or "auto",
    )


def _build_change(body: ModifyAssistantRequest) -> Callable[[AssistantObject], None]:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}

    def change(assistant: AssistantObject) -> None:
        for name, value in changes.items():
            if name == "tool_resources":
                assistant.tool_resources = merge_resources(assistant.tool_resources, value)
            else:
                setattr(assistant, name, _ASSISTANT_DEFAULTS.get(name) if value is None else value)
        assistant.tool_resources = fill_defaults(assistant.tool_resources, assistant.tools)
        assistant.top_p = resolve_sampling(assistant.model, changes.get("top_p"), assistant.top_p)
        assistant.temperature = resolve_sampling(assistant.model, changes.get("temperature"), assistant.temperature)

    return change
