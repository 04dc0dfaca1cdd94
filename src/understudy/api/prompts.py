"""Stored prompts over HTTP. Extensions: the hosted API has only the reference to a prompt in a request."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, list_filter, list_response, page_request, read_json, struct_response
from understudy.api.response_requests import check_shape
from understudy.engine.assistant_prompts import content_of_assistant
from understudy.errors import InvalidRequest
from understudy.pacing import call_in_thread_if_large
from understudy.wire import queries
from understudy.wire.assistants import AssistantObject
from understudy.wire.parsing import InvalidBody, Problem, check_id
from understudy.wire.prompts import (
    CreatePromptRequest,
    CreatePromptVersionRequest,
    DeletePromptResponse,
    ListPromptsResponse,
    ListPromptVersionsQuery,
    ListPromptVersionsResponse,
    ModifyPromptRequest,
    PromptContent,
    PromptObject,
    PromptVersionObject,
    find_variables,
)
from understudy.wire.response_rules import check_members
from understudy.wire.response_tools import McpTool
from understudy.wire.responses import CreateResponseRequest

operations = OperationGroup("Prompts")

_FIRST_VERSION = "1"
_decode_version = msgspec.json.Decoder(PromptVersionObject).decode
_decode_assistant = msgspec.json.Decoder(AssistantObject).decode


@operations.add(
    "listPrompts",
    "GET",
    "/prompts",
    summary="List stored prompts. An extension of the hosted API.",
    query=queries.FilteredListQuery,
    response=ListPromptsResponse,
    tag=EXTENSIONS,
)
async def list_prompts(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.FilteredListQuery)
    store = parts_of(request).store.prompts
    return list_response(await store.page(project_of(request), page_request(query), list_filter(query)))


@operations.add(
    "createPrompt",
    "POST",
    "/prompts",
    summary="Create a prompt with its first version, also from an assistant. An extension of the hosted API.",
    request=CreatePromptRequest,
    response=PromptObject,
    tag=EXTENSIONS,
)
async def create_prompt(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    body = await read_json(request, CreatePromptRequest, parts.settings.limits)
    content = _content_of(body)
    name = body.name
    if body.assistant_id is not None:
        check_id("assistant_id", body.assistant_id, "asst")
        assistant = _decode_assistant(await parts.store.assistants.get(project_id, body.assistant_id))
        content = _fill_content(content, content_of_assistant(assistant))
        name = name if name is not None else assistant.name
    _check_content(content)
    now, prompt_id = parts.now(), ids.prompt()
    prompt = PromptObject(
        id=prompt_id,
        created_at=now,
        name=name,
        default_version=_FIRST_VERSION,
        latest_version=_FIRST_VERSION,
        metadata=body.metadata or {},
    )
    first = await _new_version(prompt_id, content, now)
    return json_response(await parts.store.prompts.create(project_id, prompt, first))


@operations.add(
    "getPrompt",
    "GET",
    "/prompts/{prompt_id}",
    summary="Retrieve a stored prompt. An extension of the hosted API.",
    response=PromptObject,
    tag=EXTENSIONS,
)
async def get_prompt(request: Request) -> Response:
    return json_response(await parts_of(request).store.prompts.get(project_of(request), _prompt_id(request)))


@operations.add(
    "modifyPrompt",
    "POST",
    "/prompts/{prompt_id}",
    summary="Change the name, the metadata or the default version of a prompt. An extension of the hosted API.",
    request=ModifyPromptRequest,
    response=PromptObject,
    tag=EXTENSIONS,
)
async def modify_prompt(request: Request) -> Response:
    parts = parts_of(request)
    prompt_id = _prompt_id(request)
    body = await read_json(request, ModifyPromptRequest, parts.settings.limits)
    return json_response(await parts.store.prompts.modify(project_of(request), prompt_id, _build_change(body)))


@operations.add(
    "deletePrompt",
    "DELETE",
    "/prompts/{prompt_id}",
    summary="Delete a prompt with its versions. An extension of the hosted API.",
    response=DeletePromptResponse,
    tag=EXTENSIONS,
)
async def delete_prompt(request: Request) -> Response:
    prompt_id = _prompt_id(request)
    await parts_of(request).store.prompts.delete(project_of(request), prompt_id)
    return struct_response(DeletePromptResponse(id=prompt_id))


@operations.add(
    "listPromptVersions",
    "GET",
    "/prompts/{prompt_id}/versions",
    summary="List the versions of a prompt, the newest first. An extension of the hosted API.",
    query=ListPromptVersionsQuery,
    response=ListPromptVersionsResponse,
    tag=EXTENSIONS,
)
async def list_prompt_versions(request: Request) -> Response:
    prompt_id = _prompt_id(request)
    query = queries.parse(request.scope["query_string"], ListPromptVersionsQuery)
    store = parts_of(request).store.prompts
    bodies, has_more = await store.page_versions(project_of(request), prompt_id, query.limit, query.after)
    data = [_decode_version(body) for body in bodies]
    first, last = (data[0].version, data[-1].version) if data else (None, None)
    return struct_response(ListPromptVersionsResponse(data=data, first_id=first, last_id=last, has_more=has_more))


@operations.add(
    "createPromptVersion",
    "POST",
    "/prompts/{prompt_id}/versions",
    summary="Create a new version of a prompt; versions never change. An extension of the hosted API.",
    request=CreatePromptVersionRequest,
    response=PromptVersionObject,
    tag=EXTENSIONS,
)
async def create_prompt_version(request: Request) -> Response:
    parts = parts_of(request)
    prompt_id = _prompt_id(request)
    body = await read_json(request, CreatePromptVersionRequest, parts.settings.limits)
    content = _content_of(body)
    _check_content(content)
    version = await _new_version(prompt_id, content, parts.now())
    return struct_response(
        await parts.store.prompts.add_version(project_of(request), version, make_default=body.make_default)
    )


@operations.add(
    "getPromptVersion",
    "GET",
    "/prompts/{prompt_id}/versions/{version}",
    summary="Retrieve a version of a prompt. An extension of the hosted API.",
    response=PromptVersionObject,
    tag=EXTENSIONS,
)
async def get_prompt_version(request: Request) -> Response:
    prompt_id, version = _prompt_id(request), request.path_params["version"]
    return json_response(await parts_of(request).store.prompts.get_version(project_of(request), prompt_id, version))


def _prompt_id(request: Request) -> str:
    prompt_id: str = request.path_params["prompt_id"]
    check_id("prompt_id", prompt_id, "pmpt")
    return prompt_id


def _content_of(body: PromptContent) -> PromptContent:
    return PromptContent(**{name: getattr(body, name) for name in PromptContent.__struct_fields__})


def _fill_content(content: PromptContent, others: PromptContent) -> PromptContent:
    """The content with the members of `others` that it has not."""
    members = {
        name: value if (value := getattr(content, name)) is not None else getattr(others, name)
        for name in PromptContent.__struct_fields__
    }
    return PromptContent(**members)


def _check_content(content: PromptContent) -> None:
    """Raises InvalidBody for what a request could not have either, and for secrets; InvalidRequest without any text."""
    members = msgspec.to_builtins(content)
    members = {name: value for name, value in members.items() if name not in {"instructions", "messages"}}
    params = msgspec.convert({**members, "input": "-"}, CreateResponseRequest)
    check_shape(params)
    check_members(params)
    for number, tool in enumerate(content.tools or ()):
        if isinstance(tool, McpTool) and (tool.headers or tool.authorization):
            raise InvalidBody(
                Problem(
                    f"Invalid 'tools[{number}]': a prompt stores no secrets. Send 'headers' and 'authorization' with"
                    " the request, in 'tools'.",
                    f"tools[{number}]",
                    "invalid_value",
                )
            )
    if not any(value is not None for value in msgspec.structs.asdict(content).values()):
        raise InvalidRequest(
            "A prompt needs content, such as 'instructions', 'messages' or 'model', or an 'assistant_id'.",
            code="missing_required_parameter",
        )


async def _new_version(prompt_id: str, content: PromptContent, now: int) -> PromptVersionObject:
    members: dict[str, Any] = msgspec.to_builtins(content)
    return PromptVersionObject(
        prompt_id=prompt_id,
        version=_FIRST_VERSION,
        created_at=now,
        variables=await call_in_thread_if_large([*content.texts()], find_variables, content),
        content={name: value for name, value in members.items() if value is not None},
    )


def _build_change(body: ModifyPromptRequest) -> Callable[[PromptObject], None]:
    def change(prompt: PromptObject) -> None:
        if body.name is not None:
            prompt.name = body.name
        if body.metadata is not None:
            prompt.metadata = body.metadata
        if body.default_version is not None:
            prompt.default_version = body.default_version

    return change
