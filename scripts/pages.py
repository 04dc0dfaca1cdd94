"""Writes settings.md, metrics.md, commands.md, tools.md and operations.md in docs/reference, and
docs/explanation/compatibility.md.

The first five describe the program's own tables, the last the manifest in tests/conformance and the results that
`scripts/conformance --record` wrote. Run it after a change of a setting, a metric, a flag, a command or the manifest.
--check only compares, as the tests do.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from operation_table import build_page

from understudy.cli import commands
from understudy.engine.metrics.families import FAMILIES, Family
from understudy.settings import (
    BillingSettings,
    BlobSettings,
    ConsoleSettings,
    CorsSettings,
    EmbeddingSettings,
    LimitSettings,
    McpSettings,
    MetricsSettings,
    ModelSettings,
    OidcSettings,
    PostgresSettings,
    ProviderSettings,
    RealtimeSettings,
    RehearsalSettings,
    ResponseSettings,
    RetrievalSettings,
    SandboxSettings,
    Settings,
    VideoSettings,
    WebhookSettings,
    WebSearchSettings,
    describe_allowed,
)
from understudy_toolkit.catalog import AI_ML_API, Parameter, Tool

METRICS = """\
# Metrics

What `GET /metrics` has, in the formats of Prometheus; [the guide](../guides/observability.md#metrics) has how to scrape
it, and queries. A histogram has the samples `_bucket`, `_sum` and `_count`.

Figures are those of one process since its start, unless the meaning says that they are of the cluster. No label has an
id, a path, a key or a text of a client: a server has some hundred samples, and at most a few thousand. Models after the
first 50 are `other`.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
{rows}

Besides these there are `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds` and others of
the process, and `python_gc_…` of its garbage collector.
"""

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MANIFEST = ROOT / "tests" / "conformance" / "manifest"
SUITE_RESULTS = ROOT / "tests" / "suites" / "results.json"

SETTINGS = """\
# Settings

Flags come before environment variables, these before `understudy.toml`, and that before the defaults. The file is
`./understudy.toml` if it exists, or the one named by `--config` or `UNDERSTUDY_CONFIG`. A wrong key or value in any of
them stops the start with a sentence that names it. `understudy config` shows what is in effect and where it came from.

A setting `limits.run_seconds` is the variable `UNDERSTUDY_LIMITS__RUN_SECONDS`, and in the file

```toml
[limits]
run_seconds = 900
```

In a variable or a flag a list is written `a,b` and a table `a=b,c=d`. An empty variable is as good as unset. Every
variable that begins with `UNDERSTUDY_` must be a setting; `UNDERSTUDY_BASE_URL` alone is for commands that are clients.

{tables}
```toml
[providers.local]
base_url = "http://127.0.0.1:8000/v1"
aliases = {{ "gpt-4o" = "llama-3.3-70b", "gpt-*" = "qwen3-32b" }}
fallbacks = ["hosted"]

[providers.hosted]
base_url = "https://models.example.com/v1"
api_key_env = "HOSTED_KEY"
models = ["llama-3.3-70b", "qwen3-32b"]
```

## Providers without a file

| variables | provider |
| --- | --- |
| `OPENAI_API_KEY`, `OPENAI_BASE_URL` | `openai`; the URL alone is enough for a server that needs no key |
| `AIML_API_KEY`, `AIML_API_BASE` | `aimlapi` |
| `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL` | `anthropic` |
| `OLLAMA_HOST` | `ollama` |

They are left alone where they belong to a client of this server: a URL that leads back to it, a key that it made. A
provider of the same name in the file keeps its own `base_url` and key; one that has neither takes both from here.
"""

COMMANDS = """\
# Commands

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 server unavailable, 4 object not found, 130 interrupted.

`--json` prints JSON: an object, or for lists and events a line for each. Without a terminal, output is
plain: no colours, no questions; `NO_COLOR` also switches colours off. [The command
line](../guides/command-line.md) has examples.

{helps}"""

TOOLS = """\
# The tools

The {count} tools of {name}, version {version}, as agents are handed them: by Python, REST, MCP or on the command line.
[Tools for agents](../guides/toolkit.md) shows how to use them. A `*` marks what is required.

{tools}"""

TITLES = {
    "aimlapi": "The AI/ML API",
    "aimlapi_models": "Models of the AI/ML API",
    "answers": "Headers",
    "chat": "Chat completions",
    "mcp": "Remote MCP servers",
}
"""Of groups of behaviours whose name is no title."""

COMPATIBILITY = """\
# Compatibility

Behaviours that client programs rely on. Tests prove each of them; the source is the evidence of the hosted service's
behaviour, or names it as this server's own. [Extensions and decisions](../reference/decisions.md) lists those in full.

## Test suites of others

`scripts/conformance` gets these suites from their public repositories, runs them against a server of the checkout, or
with `--base-url URL` against another one, and exits with 1 if a test fails that `tests/suites/deviations.toml` does not
have. It needs git, Python 3.12 for OGX, and several minutes; `--sources DIR` takes the repositories from a folder, and
`--all` prints each test. A deviation is a test that fails for one of the reasons below.

| suite | version | measured | passed | deviations | failed | not run |
| --- | --- | --- | --- | --- | --- | --- |
{suites}

The model of these runs is the embedded one, with replies for questions that take a language model; searches on the web
find a few pages of the suites' own engine, and each image is one of a pixel. supercompat's contracts run on the
Assistants and the Responses API directly, and through its adapters, which use the Responses API with conversations, and
chat completions, in their place.

| suite | tests | deviation, or why they do not run |
| --- | --- | --- |
{reasons}

{groups}
## Where this server differs

| behaviour | how and why |
| --- | --- |
{divergences}
"""


def main() -> None:
    pages = {
        DOCS / "reference" / "settings.md": SETTINGS.format(tables="\n".join(settings_tables())),
        DOCS / "reference" / "metrics.md": METRICS.format(rows="\n".join(map(metric_row, FAMILIES))),
        DOCS / "reference" / "commands.md": COMMANDS.format(helps="\n".join(helps(commands, "understudy"))),
        DOCS / "reference" / "tools.md": TOOLS.format(
            count=len(AI_ML_API.tools),
            name=AI_ML_API.name,
            version=AI_ML_API.version,
            tools="\n".join(tool_section(tool) for tool in AI_ML_API.tools),
        ),
        DOCS / "reference" / "operations.md": build_page(),
        DOCS / "explanation" / "compatibility.md": compatibility(read_manifest()),
    }
    if "--check" in sys.argv[1:]:
        stale = [path.name for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
        sys.exit(f"{', '.join(stale)}: run scripts/pages.py" if stale else 0)
    for path, text in pages.items():
        path.write_text(text, "utf-8")


def settings_tables() -> Iterator[str]:
    yield table("The server", "", Settings)
    yield table("Limits", "limits.", LimitSettings)
    yield table("Files", "blobs.", BlobSettings)
    yield table("The embedded model", "rehearsal.", RehearsalSettings)
    yield table("The sandbox of the code interpreter", "sandbox.", SandboxSettings)
    yield table("Embeddings", "embeddings.", EmbeddingSettings)
    yield table("Reading documents", "retrieval.", RetrievalSettings)
    yield table("Videos", "video.", VideoSettings)
    yield table("Webhooks", "webhooks.", WebhookSettings)
    yield table("The console", "console.", ConsoleSettings)
    yield table("Sign-in for people", "oidc.", OidcSettings)
    yield table("Web pages of others", "cors.", CorsSettings)
    yield table("Metrics", "metrics.", MetricsSettings)
    yield table("PostgreSQL", "postgres.", PostgresSettings)
    yield table("Billing", "billing.", BillingSettings)
    yield table("Models", 'models."ID".', ModelSettings)
    yield table("Remote MCP servers", "mcp.", McpSettings)
    yield table("Responses", "responses.", ResponseSettings)
    yield table("Realtime sessions", "realtime.", RealtimeSettings)
    yield table("Web search", "web_search.", WebSearchSettings)
    yield table("Providers", "providers.NAME.", ProviderSettings)


def metric_row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.sample_name}` | {family.kind} | {labels} | {family.meaning} |"


def table(title: str, prefix: str, struct: type[msgspec.Struct]) -> str:
    lines = [f"## {title}", "", "| setting | default | meaning | allowed |", "| --- | --- | --- | --- |"]
    for field in msgspec.structs.fields(struct):
        if not hasattr(field.type, "__metadata__"):  # a table of its own
            continue
        meaning = field.type.__metadata__[-1].description
        lines.append(f"| `{prefix}{field.name}` | {default(field)} | {meaning} | {describe_allowed(field.type)} |")
    return "\n".join([*lines, ""])


def default(field: Any) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def helps(command: click.Command, name: str) -> Iterator[str]:
    # What the program itself gives its contexts, the names of the help option among it.
    settings = {**commands.context_settings, "terminal_width": 100}
    context = click.Context(command, info_name=name, **settings)
    yield f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from helps(child, f"{name} {child.name}")


def tool_section(tool: Tool) -> str:
    hints = ", ".join(f"`{tag}`" for tag in tool.tags)
    head = f"## {tool.slug}\n\n{tool.description}\n\n`{tool.method} {tool.path}`{' · ' + hints if hints else ''}\n"
    if not tool.parameters:
        return head
    rows = (
        f"| `{parameter.name}`{' *' if parameter.required else ''} | {accepted(parameter)} | {parameter.description} |"
        for parameter in tool.parameters
    )
    return "\n".join([head, "| parameter | type | meaning |", "| --- | --- | --- |", *rows, ""])


def accepted(parameter: Parameter) -> str:
    """The type with its values and bounds."""
    limits = parameter.limits
    values = ", ".join(f"`{value}`" for value in limits.get("enum", ()))
    default = f", `{str(limits['default']).lower()}` by default" if "default" in limits else ""
    bounds = [f"{word} {limits[key]}" for word, key in (("from", "minimum"), ("to", "maximum")) if key in limits]
    return " ".join([parameter.kind, *([f"({values})"] if values else []), *bounds]) + default


def read_manifest() -> dict[str, dict[str, str]]:
    """Every behaviour by its id, file by file."""
    pages = (tomllib.loads(page.read_text("utf-8")) for page in sorted(MANIFEST.glob("*.toml")))
    return {name: behaviour for page in pages for name, behaviour in page.items()}


def compatibility(manifest: dict[str, dict[str, str]]) -> str:
    groups: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for entry in manifest.items():
        groups.setdefault(entry[0].partition(".")[0], []).append(entry)
    differing = (
        f"| `{name}` | {behaviour['divergence']} |" for name, behaviour in manifest.items() if "divergence" in behaviour
    )
    results = json.loads(SUITE_RESULTS.read_text("utf-8"))
    return COMPATIBILITY.format(
        suites="\n".join(suite_row(one) for one in results.values()),
        reasons="\n".join(row for name, one in results.items() for row in reason_rows(name, one)),
        groups="\n".join(behaviours(name, entries) for name, entries in groups.items()),
        divergences="\n".join(differing),
    )


def suite_row(result: dict[str, Any]) -> str:
    counts = result["counts"]
    cells = [f"[{result['title']}]({result['repository']})", result["version"], result["date"]]
    return f"| {' | '.join([*cells, *(str(counts[name]) for name in ('passed', 'expected', 'failed', 'skipped'))])} |"


def reason_rows(name: str, result: dict[str, Any]) -> Iterator[str]:
    for status in ("expected", "failed", "skipped"):
        for reason, number in result["reasons"][status].items():
            yield f"| {name} | {number} | {reason} |"


def behaviours(name: str, entries: list[tuple[str, dict[str, str]]]) -> str:
    rows = [f"| `{entry}` | {behaviour['description']} | {behaviour['source']} |" for entry, behaviour in entries]
    title = [
        f"## {TITLES.get(name) or name.capitalize().replace('_', ' ')}",
        "",
        "| behaviour | description | source |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*title, *rows, ""])


if __name__ == "__main__":
    main()
