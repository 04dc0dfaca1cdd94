"""Vector stores over HTTP."""

from collections.abc import Callable
from functools import partial

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import hold_indexing
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import list_filter, list_response, page_request, read_json, struct_response
from understudy.api.search_explanation import render_explanation
from understudy.engine.retrieval_charges import Payer
from understudy.engine.vector_stores import SearchResult
from understudy.retrieval.rewrite import rewrite
from understudy.retrieval.search import SearchQuery
from understudy.wire import queries
from understudy.wire.filters import check_filter
from understudy.wire.parsing import check_file_id, check_id
from understudy.wire.vector_stores import (
    CreateVectorStoreRequest,
    DeleteVectorStoreResponse,
    ListVectorStoresResponse,
    SearchRankingOptions,
    SearchVectorStoreQuery,
    UpdateVectorStoreRequest,
    VectorStoreObject,
    VectorStoreSearchRequest,
    VectorStoreSearchResultContentObject,
    VectorStoreSearchResultItem,
    VectorStoreSearchResultsPage,
)

operations = OperationGroup("Vector stores")


@operations.add(
    "listVectorStores",
    "GET",
    "/vector_stores",
    summary="List vector stores.",
    query=queries.FilteredListQuery,
    response=ListVectorStoresResponse,
)
async def list_vector_stores(request: Request) -> Response:
    parts = parts_of(request)
    query = queries.parse(request.scope["query_string"], queries.FilteredListQuery)
    page = await parts.store.vector_stores.page(
        project_of(request), page_request(query), parts.now(), list_filter(query)
    )
    return list_response(page)


@operations.add(
    "createVectorStore",
    "POST",
    "/vector_stores",
    summary="Create a vector store, with or without files.",
    request=CreateVectorStoreRequest,
    response=VectorStoreObject,
)
async def create_vector_store(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateVectorStoreRequest, parts.settings.limits)
    for index, file_id in enumerate(body.file_ids or ()):
        check_file_id(f"file_ids[{index}]", file_id)
    project_id = project_of(request)
    create = partial(
        parts.vector_stores.create,
        project_id,
        body.name,
        body.file_ids or (),
        body.expires_after,
        body.chunking_strategy,
        body.metadata,
        body.description,
        await parts.limiter.size_limit(project_id, "vector_stores"),
    )
    if not body.file_ids:
        return struct_response(await create())
    async with hold_indexing(request, body.file_ids):
        store = await create()
    return struct_response(store)


@operations.add(
    "getVectorStore",
    "GET",
    "/vector_stores/{vector_store_id}",
    summary="Retrieve a vector store.",
    response=VectorStoreObject,
)
async def get_vector_store(request: Request) -> Response:
    parts = parts_of(request)
    return struct_response(await parts.vector_stores.get(project_of(request), store_id_of(request)))


@operations.add(
    "modifyVectorStore",
    "POST",
    "/vector_stores/{vector_store_id}",
    summary="Modify a vector store's name, expiry or metadata.",
    request=UpdateVectorStoreRequest,
    response=VectorStoreObject,
)
async def modify_vector_store(request: Request) -> Response:
    parts = parts_of(request)
    store_id = store_id_of(request)
    body = await read_json(request, UpdateVectorStoreRequest, parts.settings.limits)
    stores = parts.store.vector_stores
    return struct_response(await stores.modify(project_of(request), store_id, _build_change(body), parts.now()))


@operations.add(
    "deleteVectorStore",
    "DELETE",
    "/vector_stores/{vector_store_id}",
    summary="Delete a vector store with its index; its files remain.",
    response=DeleteVectorStoreResponse,
)
async def delete_vector_store(request: Request) -> Response:
    store_id = store_id_of(request)
    await parts_of(request).vector_stores.delete(project_of(request), store_id)
    return struct_response(DeleteVectorStoreResponse(id=store_id))


@operations.add(
    "searchVectorStore",
    "POST",
    "/vector_stores/{vector_store_id}/search",
    summary="Search a vector store for the passages that match a query best.",
    query=SearchVectorStoreQuery,
    request=VectorStoreSearchRequest,
    response=VectorStoreSearchResultsPage,
)
async def search_vector_store(request: Request) -> Response:
    parts = parts_of(request)
    store_id = store_id_of(request)
    query = queries.parse(request.scope["query_string"], SearchVectorStoreQuery)
    body = await read_json(request, VectorStoreSearchRequest, parts.settings.limits)
    if body.filters is not None:
        check_filter(body.filters)
    texts = [body.query] if isinstance(body.query, str) else body.query
    search_queries = [rewrite(query) for query in texts] if body.rewrite_query else texts
    ranking = body.ranking_options or SearchRankingOptions()
    passages = await parts.vector_stores.search(
        Payer(project_of(request), request.state.inference_id, request.state.key_id),
        [store_id],
        SearchQuery(
            search_queries,
            body.max_num_results,
            threshold=ranking.score_threshold,
            ranker=ranking.ranker,
            weight=None if ranking.hybrid_search is None else ranking.hybrid_search.words,
        ),
        filters=body.filters,
        explain="explanation" in query.include,
    )
    return struct_response(
        VectorStoreSearchResultsPage(search_query=search_queries, data=[_render_result(one) for one in passages])
    )


def store_id_of(request: Request) -> str:
    """The path's vector store id; raises InvalidId for a malformed one."""
    store_id: str = request.path_params["vector_store_id"]
    check_id("vector_store_id", store_id, "vs")
    return store_id


def _build_change(body: UpdateVectorStoreRequest) -> Callable[[VectorStoreObject], None]:
    def change(store: VectorStoreObject) -> None:
        if body.name is not UNSET:
            store.name = body.name
        if body.expires_after is not UNSET:
            store.expires_after = body.expires_after
        if body.metadata is not UNSET:
            store.metadata = body.metadata or {}

    return change


def _render_result(passage: SearchResult) -> VectorStoreSearchResultItem:
    return VectorStoreSearchResultItem(
        file_id=passage.file_id,
        filename=passage.filename,
        score=passage.score,
        attributes=dict(passage.attributes),
        content=[VectorStoreSearchResultContentObject(text=passage.text)],
        page=UNSET if passage.page is None else passage.page,
        heading_path=list(passage.heading_path) or UNSET,
        explanation=UNSET if passage.explanation is None else render_explanation(passage.explanation, passage.score),
    )
