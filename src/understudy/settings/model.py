"""What can be set: the structs, each field with its meaning and its bounds. Frozen once loaded.

The reference page, the error texts and the reading of text values all come from these annotations. Knows no file,
no environment and no part that the settings configure.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1)]
ClientKey = Annotated[str, Meta(min_length=16)]


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[providers.NAME]` table: a server that models are asked of."""

    kind: Annotated[
        Literal["openai", "anthropic", "azure"],
        Meta(description="The dialect it speaks; `openai` is anything with chat completions."),
    ] = "openai"
    base_url: Annotated[
        Text | None,
        Meta(description="Where it answers, like `http://127.0.0.1:8000/v1`; when unset, the vendor's own."),
    ] = None
    api_key: Annotated[Text | None, Meta(description="The key sent to it.")] = None
    api_key_env: Annotated[
        Text | None,
        Meta(description="The environment variable that holds the key: keeps it out of the file."),
    ] = None
    api_version: Annotated[
        Text | None,
        Meta(description="Azure's `api-version`, unless `base_url` ends with `/openai/v1`; `anthropic-version`."),
    ] = None
    models: Annotated[
        tuple[Text, ...] | None,
        Meta(description="The provider's own model ids; when unset they are asked of its `/models`."),
    ] = None
    unlisted_models: Annotated[
        Literal["refuse", "pass"],
        Meta(
            description="How to handle ids that no model list has: `refuse` rejects them, `pass` sends them to this"
            " provider."
        ),
    ] = "refuse"
    aliases: Annotated[
        dict[Text, Text],
        Meta(description="From an id that clients use, or a pattern with `*`, to one of the provider's own."),
    ] = {}
    context_windows: Annotated[
        dict[Text, Annotated[int, Meta(ge=256)]],
        Meta(description="Context windows in tokens, by the provider's own id or a pattern with `*`."),
    ] = {}
    fallbacks: Annotated[
        tuple[Text, ...],
        Meta(description="Providers to try next, in order, with the same requested model id."),
    ] = ()
    connect_timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds until a connection must stand."),
    ] = 10.0
    first_byte_timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds until the answer must begin."),
    ] = 120.0
    idle_timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds that a begun answer may be silent."),
    ] = 60.0
    retries: Annotated[
        int,
        Meta(ge=0, le=10, description="Further attempts, with backoff, while nothing of an answer was shown."),
    ] = 2


class RehearsalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded model, for trying things out and for tests."""

    enabled: Annotated[
        bool,
        Meta(description="Whether the model `rehearsal` is offered."),
    ] = True
    tokens_per_second: Annotated[
        float,
        Meta(ge=0, description="The pace of its streams; 0 sends them at once."),
    ] = 60.0


class SandboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the code of `code_interpreter` runs, and what it may use."""

    kind: Annotated[
        Literal["embedded", "gateway"],
        Meta(description="`embedded` is bubblewrap on this machine; `gateway` a Jupyter Kernel or Enterprise Gateway."),
    ] = "embedded"
    python: Annotated[
        Path | None,
        Meta(description="The Python that runs the code; when unset, that of `understudy sandbox install`."),
    ] = None
    warm: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Meta(description="Kernels kept ready from the start; when unset, one, from the first run that may need it."),
    ] = None
    sessions: Annotated[
        int,
        Meta(ge=1, description="Sessions at a time; one more ends the one that was idle for the longest."),
    ] = 64
    idle_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which an unused session ends."),
    ] = 1200.0
    session_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which every session ends."),
    ] = 3600.0
    cell_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that one piece of code may run before it is interrupted."),
    ] = 120.0
    interrupt_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that interrupted code has to stop, before its kernel is replaced."),
    ] = 5.0
    cpu_seconds: Annotated[
        int,
        Meta(ge=1, description="Seconds of processor time that a kernel and what it starts may use."),
    ] = 900
    memory_mb: Annotated[
        int,
        Meta(ge=256, description="MiB of memory for a session."),
    ] = 1024
    disk_mb: Annotated[
        int,
        Meta(ge=1, description="MiB for the files of a session; they are kept in memory."),
    ] = 1024
    processes: Annotated[
        int,
        Meta(ge=32, description="Processes and threads that a session may have."),
    ] = 100
    output_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes of text that one piece of code may print; the rest is cut off."),
    ] = 128 * 1024
    url: Annotated[
        Text | None,
        Meta(description="Where the gateway answers, like `http://gateway:8888`."),
    ] = None
    token: Annotated[Text | None, Meta(description="The gateway's token.")] = None
    kernel: Annotated[Text, Meta(description="The gateway's kernel to start, by its name there.")] = "python3"


class EmbeddingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes the vectors of vector stores."""

    model: Annotated[
        Text,
        Meta(
            description="`builtin` (no download), `PROVIDER/MODEL`, `fastembed:NAME`, or the directory of a"
            " sentence-transformers model. After a change run `understudy reindex`."
        ),
    ] = "builtin"
    dimensions: Annotated[
        Annotated[int, Meta(ge=1, le=16_000)] | None,
        Meta(description="Dimensions to ask a provider for; when unset, the model's own."),
    ] = None
    batch: Annotated[
        int,
        Meta(ge=1, le=2048, description="Texts in one request to a provider."),
    ] = 64


class RetrievalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How documents are read."""

    memory_mb: Annotated[
        int,
        Meta(ge=256, description="MiB of memory for the process that reads a document; one that takes more fails."),
    ] = 1024
    seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that reading one document may take."),
    ] = 120.0
    text_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes of text that one document may have."),
    ] = 256 * 1024 * 1024


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[models."ID"]` table: what a model costs and what is said of it, beside or instead of what is known."""

    name: Annotated[Text | None, Meta(description="What people call it.")] = None
    developer: Annotated[Text | None, Meta(description="Who made it.")] = None
    description: Annotated[Text | None, Meta(description="A sentence or two about it.")] = None
    url: Annotated[Text | None, Meta(description="A page about it.")] = None
    type: Annotated[
        Literal["chat-completion", "embedding", "image", "video", "audio"] | None,
        Meta(description="What it does."),
    ] = None
    context_length: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens that a prompt and its answer may have.")
    ] = None
    max_output: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens that an answer may have.")] = None
    features: Annotated[tuple[Text, ...] | None, Meta(description="What it can do, in the words of the list.")] = None
    tags: Annotated[tuple[Text, ...], Meta(description="Words to filter the list by.")] = ()
    input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars for a million tokens of the prompt. A price here replaces the public one whole."),
    ] = None
    cached_input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="The same for tokens that the provider had cached; when unset, `input_price`."),
    ] = None
    output_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars for a million tokens of the answer."),
    ] = None
    request_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars for a request, or for a video, beside its tokens."),
    ] = None


class BillingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What use costs. A project without a grant (`understudy credits grant`) and without limits is never refused."""

    public_prices: Annotated[
        bool,
        Meta(description="Whether models without a price of their own cost what their vendors ask for publicly."),
    ] = True
    batch_discount: Annotated[
        float,
        Meta(ge=0, le=1, description="The part of a price that a batch saves."),
    ] = 0.5
    low_balance: Annotated[
        int,
        Meta(ge=0, description="Credits below which a balance is said to be low; 2,000,000 are a US dollar."),
    ] = 10_000
    auto_top_up_usd: Annotated[
        float,
        Meta(ge=0, le=1e6, description="US dollars that a balance gets once it is too low; 0 adds nothing."),
    ] = 0.0
    auto_top_up_below_usd: Annotated[
        float,
        Meta(ge=0, le=1e6, description="US dollars below which a balance is topped up."),
    ] = 5.0


class VideoSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes videos."""

    provider: Annotated[
        Literal["rehearsal", "luma", "aimlapi"],
        Meta(
            description="`rehearsal` draws storyboards on this machine (`understudy[video]`); `luma` is Luma's own"
            " service (`understudy[luma]`); `aimlapi` is the AI/ML API, or another server like it."
        ),
    ] = "rehearsal"
    base_url: Annotated[
        Text | None,
        Meta(description="Where the service answers, like `https://api.aimlapi.com/v2`; when unset, the vendor's own."),
    ] = None
    api_key: Annotated[
        Text | None,
        Meta(description="The key sent to the service; `UNDERSTUDY_VIDEO__API_KEY` keeps it out of the file."),
    ] = None
    public_url: Annotated[
        Text | None,
        Meta(
            description="Where clients reach this server, like `https://api.example.com/v1`, for the addresses of"
            " videos; when unset, as each request has reached it."
        ),
    ] = None
    concurrent: Annotated[
        int,
        Meta(ge=1, le=256, description="Videos made at a time by one process; more wait, and projects take turns."),
    ] = 2
    waiting: Annotated[
        int,
        Meta(ge=1, description="Videos that one project may have waiting or being made."),
    ] = 100
    seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that making one video may take."),
    ] = 900.0
    memory_mb: Annotated[
        int,
        Meta(ge=512, description="MiB of memory for the process that draws a storyboard."),
    ] = 2048
    video_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes that a video from a service may have."),
    ] = 1024 * 1024 * 1024
    image_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes that a keyframe's picture may have."),
    ] = 20 * 1024 * 1024
    fetch_images: Annotated[
        bool,
        Meta(description="Whether storyboards may use pictures that clients name by a remote address."),
    ] = False
    callbacks: Annotated[
        bool,
        Meta(description="Whether `callback_url` is told of a video's end; `webhooks.allow_private` says where."),
    ] = False
    allow_private: Annotated[
        bool,
        Meta(description="Whether pictures may be fetched from addresses of this machine and its networks."),
    ] = False
    keep_days: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Days after which a video is deleted; when unset, it stays until somebody deletes it."),
    ] = None


class BlobSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the bytes of files are kept."""

    kind: Annotated[
        Literal["directory", "s3"],
        Meta(
            description="`directory` is inside the data directory; `s3` is any S3-compatible store. It carries"
            " an id that the database knows, and a start with another one is refused; after a move, copy all of it."
        ),
    ] = "directory"
    bucket: Annotated[Text | None, Meta(description="The bucket, which has to exist.")] = None
    prefix: Annotated[Text | None, Meta(description="What the keys of all objects begin with, like `understudy/`.")] = (
        None
    )
    endpoint: Annotated[
        Text | None,
        Meta(description="Where the store answers, like `http://127.0.0.1:9000`; when unset, AWS."),
    ] = None
    region: Annotated[Text | None, Meta(description="The region of the bucket.")] = None
    access_key: Annotated[
        Text | None,
        Meta(description="The access key's id; when unset, whatever AWS's own settings and roles give."),
    ] = None
    secret_key: Annotated[Text | None, Meta(description="The access key's secret.")] = None


class WebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of what has ended. Clients add endpoints of their own with `POST /webhook_endpoints`."""

    url: Annotated[
        Text | None,
        Meta(description="The operator's own endpoint, which is told of every project; when unset, there is none."),
    ] = None
    secret: Annotated[
        Text | None,
        Meta(description="What the operator's endpoint verifies signatures with, like `whsec_` and base64."),
    ] = None
    events: Annotated[
        tuple[Text, ...],
        Meta(description="What the operator's endpoint is told of, like `batch.completed`; `*` is everything."),
    ] = ("*",)
    allow_private: Annotated[
        bool,
        Meta(description="Whether endpoints may be on private addresses or without TLS."),
    ] = False
    timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds in which an endpoint has to answer."),
    ] = 15.0
    first_retry: Annotated[
        float,
        Meta(gt=0, description="Seconds until the second attempt; each wait after it is about twice as long."),
    ] = 5.0
    longest_wait: Annotated[
        float,
        Meta(gt=0, description="Seconds between two attempts at most."),
    ] = 6 * 3600.0
    give_up: Annotated[
        float,
        Meta(ge=0, description="Seconds after which a delivery has failed for good."),
    ] = 72 * 3600.0
    concurrent: Annotated[
        int,
        Meta(ge=1, description="Attempts made at a time by one process, of which four to the same endpoint."),
    ] = 32
    keep: Annotated[
        float,
        Meta(gt=0, description="Seconds that deliveries can be looked at and sent again after they are over."),
    ] = 30 * 86_400.0


class McpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remote MCP servers as tools of runs, and the tools that this server itself offers at `/mcp`."""

    allowed: Annotated[
        tuple[Text, ...],
        Meta(
            description="The URLs that may be used, each with what is below it; `*` is every `https://` URL that is"
            " not on a private address."
        ),
    ] = ()
    timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds that a listing or a call may take, its connection included."),
    ] = 60.0
    tools: Annotated[
        int,
        Meta(ge=1, le=1000, description="Tools that are taken of one server."),
    ] = 128
    output_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes of text that one call may answer with; the rest is cut off."),
    ] = 256 * 1024
    origins: Annotated[
        tuple[Text, ...],
        Meta(description="Web pages that may use `/mcp`, like `https://agents.example`, beside those of this machine."),
    ] = ()


class ResponseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What requests for responses may ask for."""

    hosted_tools: Annotated[
        Literal["refuse", "drop"],
        Meta(
            description="How to handle tools that only the vendor's servers run, like `web_search`: `refuse`"
            " answers 400; `drop` offers them to no model, and names them in the header `x-understudy-dropped-tools`."
        ),
    ] = "refuse"


class CorsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which web pages may call the API from a browser."""

    origins: Annotated[
        tuple[Text, ...],
        Meta(
            description="Origins of these pages, like `https://app.example`; `*` is every page. A page that has a key"
            " exposes it to its visitors."
        ),
    ] = ()


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one process takes on."""

    concurrent_runs: Annotated[
        int,
        Meta(ge=1, description="Runs worked on at a time by one process; more wait in the queue."),
    ] = 2000
    body_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes that a request's JSON body may have."),
    ] = 32 * 1024 * 1024
    file_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes that a file may have; for batches no more than 200 MB."),
    ] = 512 * 1024 * 1024
    upload_bytes: Annotated[
        int,
        Meta(ge=1024, description="Bytes that a file may have which is uploaded in parts."),
    ] = 8 * 1024 * 1024 * 1024
    concurrent_indexing: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Files indexed for vector stores at a time by one process; more wait."
            " Reading one PDF may take 1 GB of memory (`retrieval.memory_mb`), so have that much for each.",
        ),
    ] = 4
    concurrent_batch_lines: Annotated[
        int,
        Meta(ge=1, description="Requests of batches under way at a time in one process; more wait."),
    ] = 16
    batch_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which a batch expires, with what it has until then."),
    ] = 86_400.0
    upload_silence: Annotated[
        float,
        Meta(gt=0, description="Seconds that a client may send nothing of a file that it uploads."),
    ] = 60.0
    json_depth: Annotated[
        int,
        Meta(ge=8, description="Levels that a request's JSON may nest."),
    ] = 100
    private_urls: Annotated[
        bool,
        Meta(
            description="Whether URLs of images and files may name addresses of private networks, or files; providers"
            " fetch them, not this server."
        ),
    ] = False
    json_values: Annotated[
        int,
        Meta(ge=1000, description="Values that a request's JSON may hold; a third of them may be arrays and objects."),
    ] = 300_000
    queue_runs: Annotated[
        bool,
        Meta(description="Whether a run on a thread that has an active one waits its turn instead of being refused."),
    ] = False
    run_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which a run expires."),
    ] = 600.0
    chat_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that one answer of a provider may take, with all attempts: chat completions,"
            " completions, embeddings, messages and lines of batches. Runs and responses have their own.",
        ),
    ] = 1800.0
    response_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which a response that is not over has failed."),
    ] = 3600.0
    log_retention: Annotated[
        float,
        Meta(gt=0, description="Seconds that a run's events can be replayed after its end."),
    ] = 3600.0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server itself."""

    host: Annotated[
        Text,
        Meta(description="The address to listen on; `0.0.0.0` is every address of the machine."),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Meta(ge=0, le=65535, description="The port to listen on; 0 takes a free one."),
    ] = 8642
    data: Annotated[
        Path,
        Meta(description="The data directory, created with mode 0700; in the file, relative to the file."),
    ] = Path("understudy-data")
    database: Annotated[
        Text | None,
        Meta(description="A `postgresql://` URL; when unset, SQLite inside the data directory."),
    ] = None
    broker: Annotated[
        Literal["memory"],
        Meta(description="What carries work and events; `memory` is within one process."),
    ] = "memory"
    api_key: Annotated[
        ClientKey | None,
        Meta(description="A key for clients that is added at the start, for automation."),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least severe messages that are logged."),
    ] = "info"
    dialect: Annotated[
        Literal["openai", "aimlapi"],
        Meta(description="What `/v1` answers like; paths without a version answer like the AI/ML API anyway."),
    ] = "openai"
    public_models: Annotated[
        bool,
        Meta(description="Whether the lists of models are shown without a key, as the AI/ML API does."),
    ] = False
    shutdown_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that a stopping server gives to open requests."),
    ] = 4.0
    limits: LimitSettings = LimitSettings()
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
    cors: CorsSettings = CorsSettings()
    video: VideoSettings = VideoSettings()
    providers: dict[str, ProviderSettings] = {}
