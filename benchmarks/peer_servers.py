"""Other servers, installed and started as their documentation recommends for production, on the server's core.

LiteLLM's proxy: `LITELLM_MODE=PRODUCTION`, one worker for the core, only errors in its log, no telemetry, a master key
and no database. OGX: its distribution `starter` without what the cases do not use, on SQLite, only warnings in its log.
Aegra: one uvicorn process on PostgreSQL, with its workers in the process and only warnings in its log; its graph is one
call of the model. langhost: one process on PostgreSQL and Redis, with 16 jobs at once, and the same graph.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import environments, postgres, process
from benchmarks.http import KEY
from benchmarks.process import Process
from benchmarks.stage import Service, Stage
from benchmarks.upstream import MODEL

LITELLM: Final = "litellm[proxy]==1.106.2"
OGX: Final = "ogx==1.5.0"
AEGRA: Final = "aegra-api==0.11.0"
LANGHOST: Final = "langhost==0.11.1.post1"
_START_SECONDS: Final = 600.0
_TOKENIZERS: Final = "lib/*/site-packages/litellm/litellm_core_utils/tokenizers"
_NEW_PYTHON: Final = "3.12"
_OGX_MODEL: Final = f"openai/{MODEL}"

_OGX_CONFIG: Final = """\
version: 2
distro_name: bench
apis: [file_processors, files, inference, responses, tool_runtime, vector_io]
providers:
  inference:
  - provider_id: openai
    provider_type: remote::openai
    config: {{api_key: bench, base_url: {upstream}/v1}}
  vector_io:
  - provider_id: faiss
    provider_type: inline::faiss
    config:
      persistence: {{namespace: "vector_io::faiss", backend: kv_default}}
  files:
  - provider_id: builtin-files
    provider_type: inline::localfs
    config:
      storage_dir: {data}/files
      metadata_store: {{table_name: files_metadata, backend: sql_default}}
  file_processors:
  - {{provider_id: auto, provider_type: "inline::auto"}}
  responses:
  - provider_id: builtin
    provider_type: inline::builtin
    config:
      persistence:
        responses: {{table_name: responses, backend: sql_default, max_write_queue_size: 10000, num_writers: 4}}
  tool_runtime:
  - {{provider_id: file-search, provider_type: "inline::file-search"}}
storage:
  backends:
    kv_default: {{type: kv_sqlite, db_path: {data}/kvstore.db}}
    sql_default: {{type: sql_sqlite, db_path: {data}/sql_store.db}}
  stores:
    metadata: {{namespace: registry, backend: kv_default}}
    inference: {{table_name: inference_store, backend: sql_default, max_write_queue_size: 10000, num_writers: 4}}
    conversations: {{table_name: openai_conversations, backend: sql_default}}
    prompts: {{table_name: prompts, backend: sql_default}}
    connectors: {{table_name: connectors, backend: sql_default}}
registered_resources:
  models:
  - {{model_id: {model}, provider_id: openai, provider_model_id: {model}, model_type: llm, metadata: {{}}}}
  - model_id: {model}-embedding
    provider_id: openai
    provider_model_id: {model}-embedding
    model_type: embedding
    metadata: {{embedding_dimension: 512}}
server: {{port: {port}}}
vector_stores:
  default_provider_id: faiss
  default_embedding_model: {{provider_id: openai, model_id: {model}-embedding}}
"""

_GRAPH: Final = """\
import os

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph

model = ChatOpenAI(model=os.environ["BENCH_MODEL"], base_url=os.environ["BENCH_URL"], api_key="bench", streaming=True)


async def call(state: MessagesState) -> dict:
    return {"messages": [await model.ainvoke(state["messages"])]}


builder = StateGraph(MessagesState)
builder.add_node("call", call)
builder.add_edge(START, "call")
builder.add_edge("call", END)
graph = builder.compile()
"""


@dataclass(frozen=True)
class Peer:
    """A started server of others; `model` is how it names the scripted model."""

    name: str
    service: Service
    model: str


def start_litellm(stage: Stage, cache: Path, upstream: Service) -> Peer:
    """Raises UnavailableError."""
    programs = environments.create(cache / "litellm", [LITELLM])
    port, folder = process.free_port(), _make_folder(stage, "litellm")
    parameters = {"model": f"openai/{MODEL}", "api_base": f"{upstream.url}/v1", "api_key": "bench"}
    config = {"model_list": [{"model_name": MODEL, "litellm_params": parameters}], "litellm_settings": {}}
    (folder / "config.yaml").write_text(json.dumps(config))
    environ = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": KEY,
    }
    command = [str(programs / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    return Peer(LITELLM, _launch(stage, [*command, "--num_workers", "1"], folder, environ, port), MODEL)


def start_ogx(stage: Stage, cache: Path, upstream: Service) -> Peer:
    """Raises UnavailableError."""
    programs = environments.create(cache / "ogx", [OGX, "faiss-cpu", "pypdf", "chardet", "markitdown"], _NEW_PYTHON)
    port, folder = process.free_port(), _make_folder(stage, "ogx")
    config = _OGX_CONFIG.format(upstream=upstream.url, data=folder, port=port, model=MODEL)
    (folder / "config.yaml").write_text(config)
    command = [str(programs / "ogx"), "run", "config.yaml", "--port", str(port), "--insecure"]
    # It downloads the files of its tokenizer, or finds them in such a folder; LiteLLM's package has the same files.
    (tokenizers,) = environments.create(cache / "litellm", [LITELLM]).parent.glob(_TOKENIZERS)
    environ = {"OGX_LOGGING": "all=warning", "HOME": str(folder), "TIKTOKEN_CACHE_DIR": str(tokenizers)}
    return Peer(OGX, _launch(stage, command, folder, environ, port), _OGX_MODEL)


def start_aegra(stage: Stage, cache: Path, upstream: Service) -> Peer:
    """Raises UnavailableError. Its PostgreSQL is one of its own, on the load's core."""
    programs = environments.create(cache / "aegra", [AEGRA, "langchain-openai"], _NEW_PYTHON)
    port, folder = process.free_port(), _make_folder(stage, "aegra")
    (folder / "graph.py").write_text(_GRAPH)
    (folder / "aegra.json").write_text(json.dumps({"graphs": {"agent": "./graph.py:graph"}}))
    environ = {
        "DATABASE_URL": stage.stack.enter_context(postgres.started()),
        "AEGRA_CONFIG": str(folder / "aegra.json"),
        "ENV_MODE": "PRODUCTION",
        "LOG_LEVEL": "WARNING",
        "BENCH_URL": f"{upstream.url}/v1",
        "BENCH_MODEL": MODEL,
    }
    command = [str(programs / "uvicorn"), "aegra_api.main:app", "--host", "127.0.0.1", "--port", str(port)]
    return Peer(AEGRA, _launch(stage, [*command, "--no-access-log"], folder, environ, port), "agent")


def start_langhost(stage: Stage, cache: Path, upstream: Service) -> Peer:
    """Raises UnavailableError. Its PostgreSQL and its Redis are its own, on the load's core."""
    programs = environments.create(cache / "langhost", [LANGHOST, "langchain-openai"], _NEW_PYTHON)
    redis = shutil.which("redis-server")
    if redis is None:
        raise environments.UnavailableError("it needs redis-server")
    port, redis_port, folder = process.free_port(), process.free_port(), _make_folder(stage, "langhost")
    (folder / "graph.py").write_text(_GRAPH)
    (folder / "langgraph.json").write_text(json.dumps({"graphs": {"agent": "./graph.py:graph"}, "dependencies": ["."]}))
    child = Process([redis, "--port", str(redis_port), "--save", ""], stage.cores.load, folder / "redis.log")
    stage.stack.enter_context(child).await_port(redis_port)
    environ = {
        "DATABASE_URI": stage.stack.enter_context(postgres.started()),
        "REDIS_URI": f"redis://127.0.0.1:{redis_port}",
        "LANGSMITH_TRACING": "false",
        "LOG_LEVEL": "WARNING",
        "BENCH_URL": f"{upstream.url}/v1",
        "BENCH_MODEL": MODEL,
    }
    command = [str(programs / "langhost"), "serve", "--host", "127.0.0.1", "--port", str(port), "--no-browser"]
    command += [
        "--config",
        str(folder / "langgraph.json"),
        "--n-jobs-per-worker",
        "16",
        "--server-log-level",
        "warning",
    ]
    return Peer(LANGHOST, _launch(stage, command, folder, environ, port), "agent")


def _make_folder(stage: Stage, name: str) -> Path:
    folder = stage.directory / name
    folder.mkdir()
    return folder


def _launch(stage: Stage, command: Sequence[str], folder: Path, environ: Mapping[str, str], port: int) -> Service:
    everything = {**process.bare_environment(), **environ, "NO_PROXY": "127.0.0.1"}
    child = stage.stack.enter_context(Process(command, stage.cores.server, folder / "server.log", everything))
    try:
        child.await_port(port, _START_SECONDS)
    except SystemExit as fault:
        raise environments.UnavailableError(f"it did not start: {str(fault)[-400:]}") from fault
    return Service(child, port)
