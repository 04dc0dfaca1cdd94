"""What uses a file, a vector store or an assistant. An extension of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.run_outcome import RunStatus


class ReferencesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many objects of each kind to return at most.")] = 20


class Reference(Struct, kw_only=True):
    """An object by its id. Threads have no name."""

    id: str
    name: str | None


class ReferenceGroup(Struct, kw_only=True):
    """The first objects of one kind; `has_more`: there are others."""

    data: list[Reference]
    has_more: bool


class RunReference(Struct, kw_only=True):
    id: str
    thread_id: str
    status: RunStatus
    created_at: int


class RunReferenceGroup(Struct, kw_only=True):
    """The newest runs; `has_more`: there are earlier ones."""

    data: list[RunReference]
    has_more: bool


class FileReferences(Struct, kw_only=True):
    """Vector stores that have the file, and assistants and threads whose code interpreter gets it."""

    object: Literal["file.references"] = "file.references"
    id: str
    vector_stores: ReferenceGroup
    assistants: ReferenceGroup
    threads: ReferenceGroup


class VectorStoreReferences(Struct, kw_only=True):
    """Assistants and threads whose file search uses the vector store."""

    object: Literal["vector_store.references"] = "vector_store.references"
    id: str
    assistants: ReferenceGroup
    threads: ReferenceGroup


class AssistantReferences(Struct, kw_only=True):
    """`active_runs` are those that have not ended."""

    object: Literal["assistant.references"] = "assistant.references"
    id: str
    runs: RunReferenceGroup
    active_runs: RunReferenceGroup
