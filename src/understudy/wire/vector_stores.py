"""Vector stores, their files and batches of files. Source: operations listVectorStores to searchVectorStore."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.chunking import ChunkingStrategyRequestParam, StaticChunkingStrategyResponseParam
from understudy.wire.filters import Filter, Scalar
from understudy.wire.queries import ListQuery
from understudy.wire.tools import LARGEST_INTEGER, HybridSearchOptions, Metadata, SearchRanker

VectorStoreStatus = Literal["expired", "in_progress", "completed"]
FileStatus = Literal["in_progress", "completed", "cancelled", "failed"]
FileErrorCode = Literal["server_error", "unsupported_file", "invalid_file"]

Attributes = Annotated[
    dict[
        Annotated[str, Meta(max_length=64)],
        Annotated[str, Meta(max_length=512)] | int | float | bool,
    ],
    Meta(max_length=16),
]
Query = Annotated[str, Meta(min_length=1)]
FileIds = Annotated[list[str], Meta(min_length=1, max_length=2000)]


class VectorStoreExpirationAfter(Struct, forbid_unknown_fields=True):
    anchor: Literal["last_active_at"]
    days: Annotated[int, Meta(ge=1, le=365)]

    @property
    def seconds(self) -> int:
        return self.days * 86_400


class FileCounts(Struct, kw_only=True):
    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


class VectorStoreObject(Struct, kw_only=True):
    """`pending_vectors` is a member of this server's alone: the number of files that can be found but whose vectors by
    the better embedder are not made yet. It is absent without such files, and in lists.
    """

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str | None = None
    description: str | None = None
    usage_bytes: int = 0
    file_counts: FileCounts
    status: VectorStoreStatus = "completed"
    expires_after: VectorStoreExpirationAfter | None = None
    expires_at: int | None = None
    last_active_at: int | None
    metadata: dict[str, str] = {}
    pending_vectors: int | UnsetType = UNSET


class CreateVectorStoreRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    file_ids: Annotated[list[str], Meta(max_length=500)] | None = None
    name: str | None = None
    description: str | None = None
    expires_after: VectorStoreExpirationAfter | None = None
    chunking_strategy: ChunkingStrategyRequestParam | None = None
    metadata: Metadata | None = None


class UpdateVectorStoreRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is absent keeps its value."""

    name: str | UnsetType | None = UNSET
    expires_after: VectorStoreExpirationAfter | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class DeleteVectorStoreResponse(Struct, kw_only=True):
    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: bool = True


class ListVectorStoresResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[VectorStoreObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


# -- files -------------------------------------------------------------------------------------------------------


class LastError(Struct):
    code: FileErrorCode
    message: str


class VectorStoreFileObject(Struct, kw_only=True):
    """A file as it is in a store; its id is the File's own.

    `warnings` is a member of this server's alone: a sentence for each part of the file that could not be read. It is
    absent without warnings.
    """

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    usage_bytes: int = 0
    created_at: int
    vector_store_id: str
    status: FileStatus = "in_progress"
    last_error: LastError | None = None
    chunking_strategy: StaticChunkingStrategyResponseParam
    attributes: dict[str, Scalar] | None = {}
    warnings: list[str] | UnsetType = UNSET


class CreateVectorStoreFileRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    file_id: str
    chunking_strategy: ChunkingStrategyRequestParam | None = None
    attributes: Attributes | None = None


class UpdateVectorStoreFileAttributesRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    attributes: Attributes | None


class DeleteVectorStoreFileResponse(Struct, kw_only=True):
    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: bool = True


class ListedVectorStoreFile(VectorStoreFileObject, kw_only=True):
    """A file with the members that `include[]` names."""

    filename: Annotated[str | UnsetType | None, Meta(description="Null once the file is deleted.")] = UNSET


class ListVectorStoreFilesResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ListedVectorStoreFile]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListVectorStoreFilesQuery(ListQuery, frozen=True, kw_only=True):
    filter: Annotated[FileStatus | None, Meta(description="Only files with this status.")] = None
    include: Annotated[
        list[Literal["filename"]], Meta(description="Members to add to each file. An extension of the hosted API.")
    ] = []  # noqa: RUF012 - never changed


class VectorStoreSearchResultContentObject(Struct, kw_only=True):
    type: Literal["text"] = "text"
    text: str


class VectorStoreFileContentResponse(Struct, kw_only=True):
    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[VectorStoreSearchResultContentObject]
    has_more: bool = False
    next_page: str | None = None


ChunkIndex = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]


class ListChunksQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many chunks a page holds at most.")] = 20
    after: Annotated[ChunkIndex | None, Meta(description="The index of the chunk before the page.")] = None
    before: Annotated[ChunkIndex | None, Meta(description="The index of the chunk after the page.")] = None
    around: Annotated[
        ChunkIndex | None,
        Meta(description="The chunk to have in the middle of the page, instead of `after` and `before`."),
    ] = None


class VectorStoreFileChunk(Struct, kw_only=True):
    """`text` is the file's extracted text from `start` to `end` (code points); neighbours may overlap.

    `table_header` are the lines above the rows of a table that the chunk starts in. It, `page` and `heading_path` are
    absent if unknown.
    """

    object: Literal["vector_store.file.chunk"] = "vector_store.file.chunk"
    index: int
    start: int
    end: int
    text: str
    page: int | UnsetType = UNSET
    heading_path: list[str] | UnsetType = UNSET
    table_header: str | UnsetType = UNSET


class ListVectorStoreFileChunksResponse(Struct, kw_only=True):
    """In the order of the text. `total` is the number of all chunks of the file, whose indexes are 0 to `total` - 1."""

    object: Literal["list"] = "list"
    data: list[VectorStoreFileChunk]
    first_index: int | None
    last_index: int | None
    total: int
    has_more: Annotated[bool, Meta(description="Whether chunks follow; with `before` alone, whether some precede.")]


# -- batches -----------------------------------------------------------------------------------------------------


class VectorStoreFileBatchObject(Struct, kw_only=True):
    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    status: FileStatus = "in_progress"
    vector_store_id: str
    file_counts: FileCounts


class CreateVectorStoreFileBatchRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Either `file_ids`, which share the other members, or `files`, each with its own."""

    file_ids: FileIds | UnsetType = UNSET
    files: Annotated[list[CreateVectorStoreFileRequest], Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    chunking_strategy: ChunkingStrategyRequestParam | None = None
    attributes: Attributes | None = None


# -- search ------------------------------------------------------------------------------------------------------


class SearchRankingOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    """`hybrid_search` is a member of this server's alone here; the hosted API has it in the tool's options only."""

    ranker: SearchRanker = "auto"
    score_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.0
    hybrid_search: HybridSearchOptions | None = None


class VectorStoreSearchRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    query: Query | Annotated[list[Query], Meta(min_length=1, max_length=64)]
    rewrite_query: bool = False
    max_num_results: Annotated[int, Meta(ge=1, le=50)] = 10
    filters: Filter | None = None
    ranking_options: SearchRankingOptions | None = None


class SearchVectorStoreQuery(Struct, frozen=True, kw_only=True):
    include: Annotated[
        list[Literal["explanation"]],
        Meta(description="`explanation` adds to each result why it was found. An extension of the hosted API."),
    ] = []


class MatchingTerm(Struct, kw_only=True):
    """A term of the query, `words` as the passage has them, how often they occur, and how often in the file's name."""

    term: str
    words: list[str]
    count: int
    filename_count: int


class WordsExplanation(Struct, kw_only=True):
    """`rank` is among the candidates of the search, from 1; null without a matching term. `score` and `weight` are from
    0 to 1. The rarest term is the first.
    """

    rank: int | None
    score: float
    weight: float
    terms: list[MatchingTerm]


class VectorsExplanation(Struct, kw_only=True):
    """`similarity` is the cosine of the vectors of query and passage."""

    rank: int | None
    score: float
    weight: float
    similarity: float


class MergedChunk(Struct, kw_only=True):
    chunk_index: int
    score: float


class SearchExplanation(Struct, kw_only=True):
    """Explains the chunk with the best score. `fused` is the sum of the scores of words and vectors by their weights.

    `words` or `vectors` are null where that half does not count. `start` and `end` are code points of the file's text.
    `merged_chunks` are all chunks of the result, which overlap or follow one another, in the order of the text.
    """

    query: str
    chunk_index: int
    start: int
    end: int
    words: WordsExplanation | None
    vectors: VectorsExplanation | None
    fused: float
    merged_chunks: list[MergedChunk]


class VectorStoreSearchResultItem(Struct, kw_only=True):
    """`page`, `heading_path` and `explanation` are members of this server's alone.

    The first two are where the passage starts; absent if unknown.
    """

    file_id: str
    filename: str
    score: float
    attributes: dict[str, Scalar] | None
    content: list[VectorStoreSearchResultContentObject]
    page: int | UnsetType = UNSET
    heading_path: list[str] | UnsetType = UNSET
    explanation: SearchExplanation | UnsetType = UNSET


class VectorStoreSearchResultsPage(Struct, kw_only=True):
    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[VectorStoreSearchResultItem]
    has_more: bool = False
    next_page: str | None = None
