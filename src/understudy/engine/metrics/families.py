"""The metrics: name, meaning, labels and buckets of each. The reference in docs/reference/metrics.md lists the same.

Labels have values of closed sets only: no id, path, key or text of a client. Models beyond a limit are `other`.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
PREFIX: Final = "understudy_"

_REQUEST_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_DELTA_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_JOB_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STORE_SECONDS: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """`name` has neither prefix nor the `_total` of counters; `bounds` are the buckets of a histogram."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def sample_name(self) -> str:
        """The name in queries; that of a histogram is continued by `_bucket`, `_sum` or `_count`."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"


HTTP_REQUESTS: Final = Family(
    "http_requests",
    "counter",
    "Requests by operation id of the API; `unknown` for other paths. Status `0`: the client left before the response.",
    ("operation", "status"),
)
HTTP_LATENCY: Final = Family(
    "http_request_duration_seconds",
    "histogram",
    "Seconds until the response begins, by group of operations; the rest of a stream or download does not count.",
    ("group",),
    _REQUEST_SECONDS,
)
RATE_LIMITED: Final = Family(
    "rate_limited",
    "counter",
    "Requests and batches refused by a limit of this server: of a `key`, a `project`, or a `model` in a project.",
    ("scope", "limit"),
)
KEYS_REJECTED: Final = Family(
    "keys_rejected",
    "counter",
    "Requests refused because of their key: `missing_api_key`, `invalid_api_key`, `missing_scope` and other codes.",
    ("code",),
)
FIRST_DELTA: Final = Family(
    "time_to_first_delta_seconds",
    "histogram",
    "Seconds to the first content of a streamed reply: of `chat` since the request, of a `run` or `response` since a"
    " worker began it.",
    ("kind",),
    _DELTA_SECONDS,
)
RUNS: Final = Family(
    "runs",
    "counter",
    "Executions that stopped, by the status then: a final one, `requires_action`, or `released` for another worker.",
    ("kind", "status"),
)
RUN_SECONDS: Final = Family(
    "run_duration_seconds",
    "histogram",
    "Seconds that one worker has executed a run or response, until it ended, required action, or was passed on.",
    ("kind",),
    _JOB_SECONDS,
)
UPSTREAM_REQUESTS: Final = Family(
    "upstream_requests",
    "counter",
    "Attempts at a provider; the outcome is `ok` or the kind of the fault.",
    ("provider", "outcome"),
)
UPSTREAM_RETRIES: Final = Family(
    "upstream_retries", "counter", "Attempts at a provider after an attempt of the same call had failed.", ("provider",)
)
UPSTREAM_SECONDS: Final = Family(
    "upstream_request_duration_seconds",
    "histogram",
    "Seconds of an attempt at a provider; `streamed` ones end at the first content.",
    ("provider", "streamed"),
    _DELTA_SECONDS,
)
UPSTREAM_SUCCESS: Final = Family(
    "upstream_last_success_timestamp_seconds", "gauge", "Unix time of a provider's latest success.", ("provider",)
)
UPSTREAM_ERROR: Final = Family(
    "upstream_last_error_timestamp_seconds", "gauge", "Unix time of a provider's latest fault.", ("provider",)
)
UPSTREAM_SKIPPED: Final = Family(
    "upstream_skipped_models",
    "gauge",
    "Models of a provider that calls with fallbacks try last now, since they have failed call after call.",
    ("provider",),
)
TOKENS: Final = Family(
    "tokens",
    "counter",
    "Tokens of models as they are charged: `input`, `output`, and `cached`, which are part of `input`.",
    ("model", "type"),
)
COST: Final = Family("cost_usd", "counter", "Cost of models by the prices of this server, in USD.", ("model",))
TOOL_CALLS: Final = Family(
    "tool_calls", "counter", "Calls of built-in tools; `refused` by the limit of calls.", ("tool", "outcome")
)
TOOL_SECONDS: Final = Family(
    "tool_duration_seconds", "histogram", "Seconds of a call of a built-in tool.", ("tool",), _JOB_SECONDS
)
JOBS: Final = Family(
    "jobs",
    "counter",
    "Attempts at jobs: `ended`, `interrupted` (deleted, cancelled or passed on), or `retried` later after a failure.",
    ("queue", "outcome"),
)
JOB_SECONDS: Final = Family(
    "job_duration_seconds", "histogram", "Seconds of an attempt at a job.", ("queue",), _JOB_SECONDS
)
JOB_WAIT: Final = Family(
    "job_wait_seconds", "histogram", "Seconds from a job's creation to its first attempt.", ("queue",), _JOB_SECONDS
)
JOBS_RUNNING: Final = Family("jobs_running", "gauge", "Jobs that this process runs now.", ("queue",))
JOBS_WAITING: Final = Family(
    "jobs_waiting",
    "gauge",
    "Jobs of the cluster without a worker, counted up to 10,000; `vectors` are documents to embed again.",
    ("queue",),
)
QUEUE_OLDEST: Final = Family(
    "queue_oldest_seconds", "gauge", "Age of the oldest waiting job of the cluster; 0 without one.", ("queue",)
)
FILES: Final = Family("ingestion_files", "counter", "Files of vector stores by their final status.", ("status",))
PASSAGES: Final = Family(
    "ingestion_passages",
    "counter",
    "Passages that became searchable (`indexed`), or got vectors of a better embedder (`embedded`).",
    ("stage",),
)
INGESTION_SECONDS: Final = Family(
    "ingestion_duration_seconds",
    "histogram",
    "Seconds to split and index a file, after its text was extracted.",
    (),
    _JOB_SECONDS,
)
DELIVERIES: Final = Family(
    "webhook_deliveries",
    "counter",
    "Attempts at webhook deliveries: `delivered` (2xx), `refused` (another status), or `failed` without a response.",
    ("outcome",),
)
LOOP_LAG: Final = Family(
    "event_loop_lag_seconds",
    "histogram",
    "Seconds by which a timer of the event loop is late, measured every 50 ms. An idle loop is measured once a second,"
    " which counts as 20 times.",
    (),
    _LAG_SECONDS,
)
STREAMS_OPEN: Final = Family("streams_open", "gauge", "Open event streams and long polls of clients.")
REALTIME_SESSIONS: Final = Family("realtime_sessions", "gauge", "Open realtime sessions.")
STORE_SECONDS: Final = Family(
    "store_transaction_seconds",
    "histogram",
    "Seconds of a transaction: `write` with its commit, `read` and `scan`. SQLite: of a `commit` of one or more writes,"
    " and of a `scan`; its short reads are part of the event loop's lag.",
    ("kind",),
    _STORE_SECONDS,
)
STORE_ERRORS: Final = Family(
    "store_errors", "counter", "Transactions that failed by the database, not by their content.", ("kind",)
)
STORE_UP: Final = Family("store_up", "gauge", "Whether the database replied at this scrape.")
STORE_LATENCY: Final = Family("store_latency_seconds", "gauge", "Seconds of a trivial query at this scrape.")
STORE_POOL: Final = Family(
    "store_pool_connections",
    "gauge",
    "Connections to PostgreSQL: `busy`, `idle`, `limit`, and callers `waiting` for one.",
    ("state",),
)
USAGE_WAITING: Final = Family(
    "usage_journal_records", "gauge", "Usage records of unstored replies that are not in the ledger yet."
)
USAGE_OLDEST: Final = Family(
    "usage_journal_oldest_seconds", "gauge", "Age of the oldest usage record that is not in the ledger; 0 without one."
)
USAGE_FOLDS: Final = Family("usage_journal_folds", "counter", "Transactions that added usage records to the ledger.")
USAGE_FOLDED: Final = Family("usage_journal_folded_records", "counter", "Usage records added to the ledger by these.")
BROKER_UP: Final = Family("broker_up", "gauge", "Whether the broker is reachable; always 1 without Redis.")
BROKER_DISCONNECTS: Final = Family("broker_disconnects", "counter", "How often the connection to Redis was lost.")
SANDBOX_SESSIONS: Final = Family(
    "sandbox_sessions", "gauge", "Sessions of the code interpreter: `open`, and their `limit`.", ("state",)
)
SANDBOX_START: Final = Family(
    "sandbox_start_seconds", "histogram", "Seconds to start a kernel of the code interpreter.", (), _JOB_SECONDS
)
SANDBOX_FAILURES: Final = Family("sandbox_start_failures", "counter", "Kernels that did not start.")
SANDBOX_STOPS: Final = Family(
    "sandbox_stops",
    "counter",
    "Sessions and kernels that the sandbox ended: `expired`, `evicted` by the limit of sessions, or above a limit of"
    " `memory`, `processor`, `sockets` or `files`.",
    ("reason",),
)
SANDBOX_UP: Final = Family("sandbox_up", "gauge", "Whether code can run; absent while that is being checked.")
DISK_BYTES: Final = Family(
    "disk_bytes", "gauge", "The disk of the data directory: `free` and `total`; absent with a bucket.", ("state",)
)
BUILD: Final = Family(
    "build_info",
    "gauge",
    "Always 1; the labels describe this process.",
    ("version", "python", "store", "broker", "role"),
)

FAMILIES: Final = tuple(value for value in globals().values() if isinstance(value, Family))
"""All of them, in the order of this page."""
