"""The table `[postgres]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class PostgresSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection to PostgreSQL; `database` has its URL."""

    pooler: Annotated[
        Literal["transaction"] | None,
        Meta(
            description="`transaction` if the URL is that of a pooler which assigns a server connection to each"
            " transaction, such as PgBouncer: no statements are prepared."
        ),
    ] = None

    @property
    def is_pooled(self) -> bool:
        return self.pooler is not None
