"""All settings: the server's own, and the tables of `sections`. Frozen once loaded.

The reference page, the error texts and the parsing of text values all come from these annotations. Knows no file, no
environment and no part that the settings configure.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from understudy.settings.sections.billing import BillingSettings
from understudy.settings.sections.blobs import BlobSettings
from understudy.settings.sections.console import ConsoleSettings
from understudy.settings.sections.cors import CorsSettings
from understudy.settings.sections.embeddings import EmbeddingSettings
from understudy.settings.sections.limits import LimitSettings
from understudy.settings.sections.mcp import McpSettings
from understudy.settings.sections.metrics import MetricsSettings
from understudy.settings.sections.models import ModelSettings
from understudy.settings.sections.oidc import OidcSettings
from understudy.settings.sections.postgres import PostgresSettings
from understudy.settings.sections.providers import ProviderSettings
from understudy.settings.sections.realtime import RealtimeSettings
from understudy.settings.sections.rehearsal import RehearsalSettings
from understudy.settings.sections.responses import ResponseSettings
from understudy.settings.sections.retrieval import RetrievalSettings
from understudy.settings.sections.sandbox import SandboxSettings
from understudy.settings.sections.tracing import TracingSettings
from understudy.settings.sections.video import VideoSettings
from understudy.settings.sections.web_search import WebSearchSettings
from understudy.settings.sections.webhooks import WebhookSettings
from understudy.settings.text import ClientKey, Text

BROKER_SCHEMES: Final = frozenset(
    ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
)
"""The schemes of the URLs of `broker`."""
MEMORY_BROKER: Final = "memory"
"""The value of `broker` for a single process."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server itself."""

    host: Annotated[
        Text | tuple[Text, ...],
        Meta(
            description="Addresses to listen on: `0.0.0.0` is every IPv4 address of the machine, `::` every IPv6"
            " address, `unix:/run/understudy/socket` a Unix socket."
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="Port to listen on; 0 picks a free one."),
    ] = 8642
    socket_mode: Annotated[
        Literal["0600", "0660", "0666"],
        Meta(description="Mode of the files of Unix sockets: their owner, also the group, or everyone may connect."),
    ] = "0660"
    data: Annotated[
        Path,
        Meta(description="Data directory, created with mode 0700; in the file, relative to the file."),
    ] = Path("understudy-data")
    database: Annotated[
        Text | None,
        Meta(description="A `postgresql://` URL; when unset, SQLite inside the data directory."),
    ] = None
    broker: Annotated[
        Text,
        Meta(
            description="Carrier of work and events between processes: `memory` is within one process, a `redis://`,"
            " `rediss://` or `unix://` URL is Redis 7.0 or newer or Valkey, `redis+sentinel://host,host/service` is"
            " found by Sentinel, `redis+cluster://host,host` is Cluster. A URL needs `database` and the extra `redis`."
        ),
    ] = MEMORY_BROKER
    api_key: Annotated[
        ClientKey | None,
        Meta(description="API key for clients to add at the start, for automation."),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Minimum severity of log messages."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        Meta(description="Format of log lines: text, or a JSON object a line, without a banner."),
    ] = "text"
    access_log: Annotated[
        bool,
        Meta(description="Whether each request is logged, except successful health checks and scrapes."),
    ] = False
    trusted_proxies: Annotated[
        tuple[Text, ...],
        Meta(
            description="Addresses and networks of proxies whose `X-Forwarded-For` or `Forwarded` names the client, for"
            " logs, traces and the audit log; `unix` are those that connect over a Unix socket."
        ),
    ] = ()
    log_content: Annotated[
        bool,
        Meta(description="Whether logs and traces contain prompts, outputs and texts of clients."),
    ] = False
    dialect: Annotated[
        Literal["openai", "aimlapi"],
        Meta(description="Dialect of `/v1`; paths without a version always use that of the AI/ML API."),
    ] = "openai"
    public_models: Annotated[
        bool,
        Meta(description="Whether the lists of models need no key, as in the AI/ML API."),
    ] = False
    shutdown_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that a stopping server waits for open requests."),
    ] = 4.0
    limits: LimitSettings = LimitSettings()
    postgres: PostgresSettings = PostgresSettings()
    blobs: BlobSettings = BlobSettings()
    rehearsal: RehearsalSettings = RehearsalSettings()
    sandbox: SandboxSettings = SandboxSettings()
    embeddings: EmbeddingSettings = EmbeddingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    webhooks: WebhookSettings = WebhookSettings()
    billing: BillingSettings = BillingSettings()
    models: dict[str, ModelSettings] = {}
    mcp: McpSettings = McpSettings()
    responses: ResponseSettings = ResponseSettings()
    realtime: RealtimeSettings = RealtimeSettings()
    cors: CorsSettings = CorsSettings()
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcSettings = OidcSettings()
    metrics: MetricsSettings = MetricsSettings()
    video: VideoSettings = VideoSettings()
    web_search: WebSearchSettings = WebSearchSettings()
    tracing: TracingSettings = TracingSettings()
    providers: dict[str, ProviderSettings] = {}

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses of `host`, each once."""
        listed = self.host.split(",") if isinstance(self.host, str) else self.host
        return tuple(dict.fromkeys(stripped for host in listed if (stripped := host.strip())))
