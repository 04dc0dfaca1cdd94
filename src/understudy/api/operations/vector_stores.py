"""Vector stores, their files, and batches of files."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import queries, vector_stores

_STORE = "/vector_stores/{vector_store_id}"
_FILES = f"{_STORE}/files"
_FILE = f"{_FILES}/{{file_id}}"
_BATCHES = f"{_STORE}/file_batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"
_TAG = "Vector stores"

_STORES = (
    Operation(
        "listVectorStores",
        "GET",
        "/vector_stores",
        "A page of the vector stores.",
        vector_stores.ListVectorStoresResponse,
        query=queries.ListQuery,
        tag=_TAG,
    ),
    Operation(
        "createVectorStore",
        "POST",
        "/vector_stores",
        "Make a vector store, with or without its first files.",
        vector_stores.VectorStoreObject,
        vector_stores.CreateVectorStoreRequest,
        tag=_TAG,
    ),
    Operation("getVectorStore", "GET", _STORE, "One vector store.", vector_stores.VectorStoreObject, tag=_TAG),
    Operation(
        "modifyVectorStore",
        "POST",
        _STORE,
        "Change a vector store's name, expiry or metadata.",
        vector_stores.VectorStoreObject,
        vector_stores.UpdateVectorStoreRequest,
        tag=_TAG,
    ),
    Operation(
        "deleteVectorStore",
        "DELETE",
        _STORE,
        "Remove a vector store and what is indexed in it; its files stay.",
        vector_stores.DeleteVectorStoreResponse,
        tag=_TAG,
    ),
    Operation(
        "searchVectorStore",
        "POST",
        f"{_STORE}/search",
        "The passages of a vector store's files that answer a question best.",
        vector_stores.VectorStoreSearchResultsPage,
        vector_stores.VectorStoreSearchRequest,
        tag=_TAG,
    ),
)

_STORE_FILES = (
    Operation(
        "listVectorStoreFiles",
        "GET",
        _FILES,
        "A page of a vector store's files.",
        vector_stores.ListVectorStoreFilesResponse,
        query=vector_stores.ListVectorStoreFilesQuery,
        tag=_TAG,
    ),
    Operation(
        "createVectorStoreFile",
        "POST",
        _FILES,
        "Add a file to a vector store, to be indexed.",
        vector_stores.VectorStoreFileObject,
        vector_stores.CreateVectorStoreFileRequest,
        tag=_TAG,
    ),
    Operation(
        "getVectorStoreFile",
        "GET",
        _FILE,
        "One file of a vector store.",
        vector_stores.VectorStoreFileObject,
        tag=_TAG,
    ),
    Operation(
        "updateVectorStoreFileAttributes",
        "POST",
        _FILE,
        "Replace a file's attributes.",
        vector_stores.VectorStoreFileObject,
        vector_stores.UpdateVectorStoreFileAttributesRequest,
        tag=_TAG,
    ),
    Operation(
        "deleteVectorStoreFile",
        "DELETE",
        _FILE,
        "Take a file out of a vector store; the file itself stays.",
        vector_stores.DeleteVectorStoreFileResponse,
        tag=_TAG,
    ),
    Operation(
        "retrieveVectorStoreFileContent",
        "GET",
        f"{_FILE}/content",
        "The text that was found in a file.",
        vector_stores.VectorStoreFileContentResponse,
        tag=_TAG,
    ),
)

_FILE_BATCHES = (
    Operation(
        "createVectorStoreFileBatch",
        "POST",
        _BATCHES,
        "Add many files to a vector store at once.",
        vector_stores.VectorStoreFileBatchObject,
        vector_stores.CreateVectorStoreFileBatchRequest,
        tag=_TAG,
    ),
    Operation(
        "getVectorStoreFileBatch",
        "GET",
        _BATCH,
        "One batch of files.",
        vector_stores.VectorStoreFileBatchObject,
        tag=_TAG,
    ),
    Operation(
        "cancelVectorStoreFileBatch",
        "POST",
        f"{_BATCH}/cancel",
        "Stop indexing what is left of a batch.",
        vector_stores.VectorStoreFileBatchObject,
        tag=_TAG,
    ),
    Operation(
        "listFilesInVectorStoreBatch",
        "GET",
        f"{_BATCH}/files",
        "A page of a batch's files.",
        vector_stores.ListVectorStoreFilesResponse,
        query=vector_stores.ListVectorStoreFilesQuery,
        tag=_TAG,
    ),
)

OPERATIONS: Final = (*_STORES, *_STORE_FILES, *_FILE_BATCHES)
