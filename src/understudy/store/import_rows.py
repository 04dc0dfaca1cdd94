"""What an import inserts: rows with what other tables have of them, in batches of one kind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from understudy.store.container_uploads import ContainerUpload
from understudy.store.item_images import StoredImage
from understudy.store.uploads import StoredPart
from understudy.store.video_rows import VideoFile
from understudy.wire.files import FileObject
from understudy.wire.tools import ToolResources
from understudy.wire.vector_stores import VectorStoreFileObject


@dataclass(frozen=True, slots=True)
class NewResponseLinks:
    """The stored ids of a response's last input item, of the last item of its context, and of each thread before it."""

    input_item: str | None
    last_item: str | None
    context: Sequence[tuple[str, str | None]]


class NewRow(Struct, frozen=True):
    """`values` are those of the table's columns; the first is the id, the last the body.

    `text` is what the text index has of a message, `created_at` when it was created, `pairs` the encoded metadata of a
    thread or the tags of a stored chat, `resources` what its tools or those of an assistant use, `unknown` the encoded
    members that this server does not know, `files` those of a video, `parts` those of an upload, `uploads` what clients
    have uploaded into a container, `images` those of an item or of a response, `outputs` the files that a batch leaves
    with their blobs, `versions` the numbers and encoded bodies of a prompt, `members` the ids of
    the files in a batch of files or in a container. `noun` is the row's kind in reports where it is not that of its
    batch.
    """

    values: tuple[Any, ...]
    text: str = ""
    created_at: int = 0
    pairs: Sequence[str] = ()
    resources: ToolResources | None = None
    unknown: str = ""
    links: NewResponseLinks | None = None
    files: Sequence[VideoFile] = ()
    parts: Sequence[StoredPart] = ()
    uploads: Sequence[ContainerUpload] = ()
    images: Sequence[StoredImage] = ()
    outputs: Sequence[tuple[FileObject, str]] = ()
    versions: Sequence[tuple[int, str]] = ()
    members: Sequence[str] = ()
    noun: str = ""

    @property
    def id(self) -> str:
        return str(self.values[0])


@dataclass(frozen=True, slots=True)
class NewStoreFile:
    """A file of a vector store. One that is `failed` or `cancelled` is not indexed."""

    file: VectorStoreFileObject
    unknown: str = ""


@dataclass(slots=True)
class Batch:
    """Objects of one kind: those to insert, in order, and those to replace.

    `deleted` are the stored ids of deleted objects that must be free for those to insert.
    """

    kind: str
    deleted: set[str] = field(default_factory=set)
    inserted: list[NewRow] = field(default_factory=list)
    replaced: list[NewRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportOwner:
    """The claim that guards the writes of an import."""

    project_id: str
    seq: int
    worker: str
