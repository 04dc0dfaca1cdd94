"""What uses a file, a vector store or an assistant, over HTTP."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import struct_response
from understudy.api.vector_stores import store_id_of
from understudy.store.pages import PageRequest
from understudy.store.references import References
from understudy.store.run_lists import RunFilter
from understudy.store.states import ACTIVE
from understudy.wire import queries
from understudy.wire.parsing import check_id
from understudy.wire.references import (
    AssistantReferences,
    FileReferences,
    Reference,
    ReferenceGroup,
    ReferencesQuery,
    RunReference,
    RunReferenceGroup,
    VectorStoreReferences,
)
from understudy.wire.run_outcome import RunStatus

operations = OperationGroup(EXTENSIONS)

_decode_run = msgspec.json.Decoder(RunReference).decode
_ANY: Final[tuple[RunStatus, ...]] = ()


@operations.add(
    "getFileReferences",
    "GET",
    "/files/{file_id}/references",
    summary="List what uses a file. An extension of the hosted API.",
    query=ReferencesQuery,
    response=FileReferences,
)
async def get_file_references(request: Request) -> Response:
    store, project_id, file_id = parts_of(request).store, project_of(request), request.path_params["file_id"]
    limit = _limit(request)
    await store.files.get(project_id, file_id)
    used = await store.references.of_file(project_id, file_id, limit)
    return struct_response(
        FileReferences(
            id=file_id,
            vector_stores=_render_group(used.vector_stores),
            assistants=_render_group(used.assistants),
            threads=_render_group(used.threads),
        )
    )


@operations.add(
    "getVectorStoreReferences",
    "GET",
    "/vector_stores/{vector_store_id}/references",
    summary="List what uses a vector store. An extension of the hosted API.",
    query=ReferencesQuery,
    response=VectorStoreReferences,
)
async def get_vector_store_references(request: Request) -> Response:
    parts, project_id, store_id = parts_of(request), project_of(request), store_id_of(request)
    limit = _limit(request)
    await parts.store.vector_stores.get(project_id, store_id, parts.now())
    used = await parts.store.references.of_vector_store(project_id, store_id, limit)
    return struct_response(
        VectorStoreReferences(
            id=store_id, assistants=_render_group(used.assistants), threads=_render_group(used.threads)
        )
    )


@operations.add(
    "getAssistantReferences",
    "GET",
    "/assistants/{assistant_id}/references",
    summary="List the newest and the active runs of an assistant. An extension of the hosted API.",
    query=ReferencesQuery,
    response=AssistantReferences,
)
async def get_assistant_references(request: Request) -> Response:
    parts, project_id, assistant_id = parts_of(request), project_of(request), request.path_params["assistant_id"]
    limit = _limit(request)
    check_id("assistant_id", assistant_id, "asst")
    await parts.store.assistants.get(project_id, assistant_id)
    return struct_response(
        AssistantReferences(
            id=assistant_id,
            runs=await _list_runs(parts, project_id, assistant_id, limit, _ANY),
            active_runs=await _list_runs(parts, project_id, assistant_id, limit, ACTIVE),
        )
    )


def _limit(request: Request) -> int:
    return queries.parse(request.scope["query_string"], ReferencesQuery).limit


async def _list_runs(
    parts: Parts, project_id: str, assistant_id: str, limit: int, statuses: tuple[RunStatus, ...]
) -> RunReferenceGroup:
    chosen = RunFilter(statuses, assistant_id)
    page = await parts.store.runs.page_all(project_id, PageRequest(limit, "desc"), chosen)
    return RunReferenceGroup(data=[_decode_run(body) for _, body in page.rows], has_more=page.has_more)


def _render_group(references: References) -> ReferenceGroup:
    data = [Reference(id=id_, name=name) for id_, name in references.rows]
    return ReferenceGroup(data=data, has_more=references.has_more)
