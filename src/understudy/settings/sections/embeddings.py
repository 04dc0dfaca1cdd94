"""The table `[embeddings]`."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from understudy.settings.text import Text

AUTO: Final = "auto"


class EmbeddingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedder of vector stores."""

    model: Annotated[
        Text,
        Meta(
            description="`builtin`, `multilingual-e5-small` (extra `embed`), `auto` (the latter where it is installed),"
            " `PROVIDER/MODEL`, `fastembed:NAME`, or the directory of a sentence-transformers model. After a change to"
            " or from one of the last three run `understudy reindex`."
        ),
    ] = AUTO
    dimensions: Annotated[
        Annotated[int, Meta(ge=1, le=16_000)] | None,
        Meta(description="Dimensions to request from a provider; when unset, the model's default."),
    ] = None
    batch: Annotated[
        int,
        Meta(ge=1, le=2048, description="Texts per request to a provider."),
    ] = 64
