"""The table `[retrieval]`."""

from typing import Annotated

from msgspec import Meta, Struct


class RetrievalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of reading documents."""

    memory_mb: Annotated[
        int,
        Meta(ge=256, description="Memory of the process that reads a document in MiB; beyond it, reading fails."),
    ] = 1024
    seconds: Annotated[
        float,
        Meta(gt=0, description="Timeout of reading one document in seconds."),
    ] = 120.0
    text_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum text of one document in bytes."),
    ] = 256 * 1024 * 1024
    ocr_pages: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Most pages of a document in a vector store whose text is recognized in images, with"
            " `understudy[ocr]`; each has `retrieval.seconds`. 0 turns it off.",
        ),
    ] = 200
    ocr_memory_mb: Annotated[
        int,
        Meta(ge=1536, description="Address space of the process that recognizes text in images, in MiB."),
    ] = 2048
