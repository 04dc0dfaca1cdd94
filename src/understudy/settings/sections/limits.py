"""The table `[limits]`."""

from typing import Annotated

from msgspec import Meta, Struct

_Rate = Annotated[int, Meta(ge=1)]
_Amount = Annotated[int, Meta(ge=0)]


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one process, and timeouts."""

    concurrent_runs: Annotated[
        int,
        Meta(ge=1, description="Runs executed concurrently by one process; more are queued."),
    ] = 2000
    body_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a JSON request body in bytes."),
    ] = 32 * 1024 * 1024
    file_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a file in bytes; batch input files are limited to 200 MB anyway."),
    ] = 512 * 1024 * 1024
    upload_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a file uploaded in parts, in bytes."),
    ] = 8 * 1024 * 1024 * 1024
    import_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of the file of an import, in bytes."),
    ] = 64 * 1024 * 1024 * 1024
    concurrent_indexing: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Files indexed concurrently by one process; more are queued. Reading one PDF may need 1 GB of"
            " memory (`retrieval.memory_mb`).",
        ),
    ] = 4
    concurrent_batch_lines: Annotated[
        int,
        Meta(ge=1, description="Batch requests executed concurrently by one process; more are queued."),
    ] = 16
    batch_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which a batch expires with its partial results."),
    ] = 86_400.0
    upload_silence: Annotated[
        float,
        Meta(
            gt=0,
            description="Timeout between two parts of an upload's data, in seconds; a request body of which less than"
            " 1,000 bytes a second arrive in that time is refused as well.",
        ),
    ] = 60.0
    json_depth: Annotated[
        int,
        Meta(ge=8, description="Maximum nesting of a request's JSON."),
    ] = 100
    private_urls: Annotated[
        bool,
        Meta(
            description="Whether URLs of images and files may have private addresses or the scheme `file`; providers"
            " fetch them, not this server."
        ),
    ] = False
    json_values: Annotated[
        int,
        Meta(
            ge=1000,
            description="Maximum number of values in a request's JSON; a third of them may be arrays and objects.",
        ),
    ] = 300_000
    queue_runs: Annotated[
        bool,
        Meta(description="Whether a run on a thread with an active run is queued instead of refused."),
    ] = False
    run_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which a run expires."),
    ] = 600.0
    chat_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Timeout of one provider call with all retries, in seconds: chat completions, completions,"
            " embeddings, messages and batch requests. Runs and responses have their own.",
        ),
    ] = 1800.0
    response_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which an unfinished response fails."),
    ] = 3600.0
    log_retention: Annotated[
        float,
        Meta(gt=0, description="Seconds for which a run's events can be replayed after its end."),
    ] = 3600.0
    rejected_keys_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            description="Rejected API keys and failed sign-ins a minute of each client address, on each node; valid"
            " keys are not affected.",
        ),
    ] = 6000
    key_requests_per_minute: Annotated[
        _Rate | None,
        Meta(description="Model requests a minute of each API key; no limit when unset."),
    ] = None
    key_requests_per_day: Annotated[
        _Rate | None,
        Meta(description="Model requests a day of each API key; no limit when unset."),
    ] = None
    key_tokens_per_minute: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a minute of each API key; no limit when unset."),
    ] = None
    key_tokens_per_day: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a day of each API key; no limit when unset."),
    ] = None
    project_requests_per_minute: Annotated[
        _Rate | None,
        Meta(description="Model requests a minute of each project; no limit when unset."),
    ] = None
    project_requests_per_day: Annotated[
        _Rate | None,
        Meta(description="Model requests a day of each project; no limit when unset."),
    ] = None
    project_tokens_per_minute: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a minute of each project; no limit when unset."),
    ] = None
    project_tokens_per_day: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a day of each project; no limit when unset."),
    ] = None
    model_requests_per_minute: Annotated[
        _Rate | None,
        Meta(description="Model requests a minute of each model in each project; no limit when unset."),
    ] = None
    model_requests_per_day: Annotated[
        _Rate | None,
        Meta(description="Model requests a day of each model in each project; no limit when unset."),
    ] = None
    model_tokens_per_minute: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a minute of each model in each project; no limit when unset."),
    ] = None
    model_tokens_per_day: Annotated[
        _Rate | None,
        Meta(description="Input and output tokens a day of each model in each project; no limit when unset."),
    ] = None
    project_batch_tokens_per_day: Annotated[
        _Rate | None,
        Meta(description="Input tokens of batches a day of each project; no limit when unset."),
    ] = None
    project_concurrent_runs: Annotated[
        _Amount | None,
        Meta(description="Runs and responses of each project that are active, on all nodes; no limit when unset."),
    ] = None
    key_concurrent_runs: Annotated[
        _Amount | None,
        Meta(description="Runs and responses of each API key that are active, on all nodes; no limit when unset."),
    ] = None
    project_stored_bytes: Annotated[
        _Amount | None,
        Meta(description="Bytes of the files and other contents of each project; no limit when unset."),
    ] = None
    project_vector_stores: Annotated[
        _Amount | None,
        Meta(description="Vector stores of each project; no limit when unset."),
    ] = None
