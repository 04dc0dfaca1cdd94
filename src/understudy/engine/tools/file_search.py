"""File search in a run: which vector stores, how many passages, and the item that is stored of a search."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import UNSET

from understudy import ids, tracing
from understudy.engine.retrieval_charges import Payer
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.names import function_name
from understudy.llm import tokens
from understudy.retrieval.search import SearchQuery
from understudy.store.run_state import NewItem, PendingCall
from understudy.tools import file_search
from understudy.wire.filters import Filter
from understudy.wire.items import FileSearchCallItem, FileSearchResult
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import AssistantToolsFileSearch, FileSearchOptions, FileSearchResources

# How long a run waits for the files of its vector stores.
_INDEXING_TIMEOUT_SECONDS: Final = 60.0
_decode_thread = msgspec.json.Decoder(ThreadObject).decode


class RankedPassage(Protocol):
    @property
    def file_id(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def text(self) -> str: ...
    @property
    def page(self) -> int | None: ...
    @property
    def heading_path(self) -> Sequence[str]: ...
    @property
    def vector_store_id(self) -> str: ...
    @property
    def chunk_index(self) -> int: ...


class VectorStores(Protocol):
    """What runs need of the vector stores."""

    async def search(
        self,
        payer: Payer,
        store_ids: Sequence[str],
        query: SearchQuery,
        *,
        filters: Filter | None = None,
        is_admitted: bool = False,
    ) -> Sequence[RankedPassage]: ...

    async def wait_indexed(self, store_ids: Sequence[str], file_ids: Sequence[str] | None, seconds: float) -> bool: ...


class FileSearchTool(BuiltInTool):
    def __init__(self, writer: RunWriter, interruption: Interruption, vector_stores: VectorStores) -> None:
        self._writer = writer
        self._interruption = interruption
        self._vector_stores = vector_stores

    async def prepare(self) -> None:
        """Gives files that were just added the time to become searchable."""
        if _file_search_tool(self._writer.spec) is not None and (stores := await self._vector_store_ids()):
            with self._interruption.waiting():
                await self._vector_stores.wait_indexed(stores, None, _INDEXING_TIMEOUT_SECONDS)
            self._interruption.check()

    def offer(self) -> Sequence[OfferedFunction]:
        return offer_file_search(self._writer.spec)

    def open(self, call: ToolCall) -> events.Event:
        call.item_id = ids.file_search_call()
        call.has_streamed_arguments = False
        return events.SearchOpened(call.index, call.id, _render_ranking(self._writer.spec), call.item_id)

    async def execute(self, call: PendingCall) -> CallResult:
        queries = file_search.parse_queries(call.arguments)
        with self._interruption.waiting():
            results = await self._search(queries, call)
        return self._completed_call(call, queries, results)

    def refuse(self, call: PendingCall) -> CallResult:
        """A search without results."""
        return self._completed_call(call, file_search.parse_queries(call.arguments), [])

    def _completed_call(self, call: PendingCall, queries: list[str], results: list[FileSearchResult]) -> CallResult:
        writer = self._writer
        first = sum(other.results for other in writer.progress.calls)
        call.results = len(results)
        item = FileSearchCallItem(
            id=call.item_id or ids.file_search_call(),
            call_id=call.id,
            queries=queries,
            results=results,
            turn=writer.progress.turns - 1,
            first=first,
        )
        body = msgspec.json.encode(item).decode()
        done = events.SearchDone(call.index, tuple(results), tuple(queries))
        return CallResult([done], NewItem(item.id, "file_search_call", body))

    async def _search(self, queries: Sequence[str], call: PendingCall) -> list[FileSearchResult]:
        spec, stores = self._writer.spec, await self._vector_store_ids()
        if not stores or not queries:
            return []
        options = _file_search_options(spec)
        ranking = options.ranking_options
        weights = ranking.hybrid_search if ranking is not None else None
        limit = file_search.max_results(spec.model) if options.max_num_results is UNSET else options.max_num_results
        query = SearchQuery(
            queries,
            limit,
            threshold=ranking.score_threshold if ranking is not None else 0.0,
            ranker=ranking.ranker if ranking is not None else "auto",
            weight=None if weights is None else weights.words,
        )
        with _trace_retrieval(stores, limit):
            passages = await self._vector_stores.search(
                Payer(self._writer.project_id, call.item_id, self._writer.progress.key_id),
                stores,
                query,
                filters=self._filter(),
                is_admitted=True,
            )
        fitting = file_search.count_within_budget(spec.model, [tokens.count(one.text) for one in passages])
        return [
            FileSearchResult(
                file_id=one.file_id,
                filename=one.filename,
                score=one.score,
                attributes=dict(one.attributes),
                text=one.text,
                page=one.page,
                heading_path=list(one.heading_path),
                vector_store_id=one.vector_store_id,
                chunk_index=one.chunk_index,
            )
            for one in passages[:fitting]
        ]

    def _filter(self) -> Filter | None:
        filters = self._writer.spec.filters
        return None if filters is None else msgspec.convert(filters, Filter)

    async def _vector_store_ids(self) -> Sequence[str]:
        """The assistant's vector store and the thread's, or those of the request."""
        writer = self._writer
        if not writer.spec.uses_thread_resources:
            return writer.spec.vector_store_ids
        thread = _decode_thread(await writer.store.threads.get(writer.project_id, writer.spec.thread_id))
        resources = (writer.progress.resources.file_search, thread.tool_resources.file_search)
        named = (one.vector_store_ids for one in resources if isinstance(one, FileSearchResources))
        return list(dict.fromkeys(store_id for ids_ in named for store_id in ids_))


def offer_file_search(spec: RunSpec) -> list[OfferedFunction]:
    """The function of file search; none where the run has no such tool."""
    if _file_search_tool(spec) is None:
        return []
    name = function_name("file_search", spec)
    return [OfferedFunction(name, "file_search", file_search.definition(name), frozenset({name, "file_search"}))]


def _file_search_tool(spec: RunSpec) -> AssistantToolsFileSearch | None:
    return next((tool for tool in spec.tools if isinstance(tool, AssistantToolsFileSearch)), None)


def _file_search_options(spec: RunSpec) -> FileSearchOptions:
    tool = _file_search_tool(spec)
    options = tool.file_search if tool is not None else None
    return options or FileSearchOptions()


def _render_ranking(spec: RunSpec) -> dict[str, Any]:
    options = _file_search_options(spec).ranking_options
    assert options is not None  # filled in by the options themselves
    return {"ranker": options.ranker, "score_threshold": options.score_threshold}


def _trace_retrieval(stores: Sequence[str], limit: int) -> tracing.ScopedSpan:
    source = stores[0] if len(stores) == 1 else ",".join(stores)
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": source,
        "gen_ai.retrieval.top_k": limit,
    }
    return tracing.span(f"retrieval {source}", attributes=attributes)
