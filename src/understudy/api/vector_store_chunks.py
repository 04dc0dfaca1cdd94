"""The chunks of a file in a vector store over HTTP."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import struct_response
from understudy.api.vector_stores import store_id_of
from understudy.errors import InvalidRequest
from understudy.store.chunk_pages import ChunkPageRequest
from understudy.store.chunk_rows import StoredChunk
from understudy.wire import queries
from understudy.wire.vector_stores import ListChunksQuery, ListVectorStoreFileChunksResponse, VectorStoreFileChunk

operations = OperationGroup(EXTENSIONS)


@operations.add(
    "listVectorStoreFileChunks",
    "GET",
    "/vector_stores/{vector_store_id}/files/{file_id}/chunks",
    summary="List the chunks of a file of a vector store. An extension of the hosted API.",
    query=ListChunksQuery,
    response=ListVectorStoreFileChunksResponse,
)
async def list_vector_store_file_chunks(request: Request) -> Response:
    store_id, file_id = store_id_of(request), request.path_params["file_id"]
    query = queries.parse(request.scope["query_string"], ListChunksQuery)
    if query.around is not None and (query.after is not None or query.before is not None):
        raise InvalidRequest("`around` cannot be combined with `after` and `before`.", param="around")
    wanted = ChunkPageRequest(query.limit, query.after, query.before, query.around)
    page = await parts_of(request).store.vector_store_files.chunks(project_of(request), store_id, file_id, wanted)
    first, last = (page.chunks[0].position, page.chunks[-1].position) if page.chunks else (None, None)
    precede = query.before is not None and query.after is None
    more = first is not None and (first > 0 if precede else last != page.total - 1)
    return struct_response(
        ListVectorStoreFileChunksResponse(
            data=[_render_chunk(chunk) for chunk in page.chunks],
            first_index=first,
            last_index=last,
            total=page.total,
            has_more=more,
        )
    )


def _render_chunk(chunk: StoredChunk) -> VectorStoreFileChunk:
    return VectorStoreFileChunk(
        index=chunk.position,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        page=UNSET if chunk.page is None else chunk.page,
        heading_path=(chunk.headings or "").splitlines() or UNSET,
        table_header=chunk.header or UNSET,
    )
