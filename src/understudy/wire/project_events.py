"""Events of a project: which of its objects changed. Not of the hosted API.

An event carries no object: a client that shows it retrieves it.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

ChangedObject = Literal["thread.run", "response", "vector_store.file", "batch", "import", "export", "deletion"]


class ChangedData(Struct, kw_only=True):
    """`parent_id` is the thread of a run, the vector store of a file, and null for other objects."""

    object: ChangedObject
    id: str
    parent_id: str | None
    status: str


class ProjectEvent(Struct, kw_only=True):
    """`type` is the object and its status, for instance `thread.run.completed`; `ready` and `reset` have no data.

    `created_at` is in Unix seconds.
    """

    type: str
    created_at: int
    data: ChangedData | None


class ProjectEventsQuery(Struct, frozen=True, kw_only=True):
    types: Annotated[
        list[str],
        Meta(description="Only these types; `thread.run` stands for all that begin with `thread.run.`."),
    ] = []
    starting_after: Annotated[
        str | None, Meta(description="The id of the last event that is known already, as for `Last-Event-ID`.")
    ] = None
