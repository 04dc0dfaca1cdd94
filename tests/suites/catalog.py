"""The suites: where each comes from, what it needs, and how it runs against a server."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.environments import UnavailableError, capture, last_line

from suites.outcomes import Deviation, Outcome, read_junit, read_open_responses
from suites.sources import Source, Sources, node_path

_HERE: Final = Path(__file__).parent
_WAIT: Final = 1800
"""Seconds for all tests of a suite."""
MCP_PORTS: Final = range(43110, 43118)
"""Where suites start MCP servers on this machine: a server under test needs `http://localhost:PORT` in `mcp.allowed`."""
_EXAMPLE_WAIT: Final = 120
_EXAMPLES_AT_ONCE: Final = 2
_MAIN: Final = re.compile(r"__name__\s*==\s*['\"]__main__['\"]")
_VERSION: Final = re.compile(r'^\s*"?version"?\s*[=:]\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """The server under test. `url` is without `/v1`; `log` is the folder for what runners print."""

    url: str
    key: str
    model: str
    embedding_model: str
    log: Path


@dataclass(frozen=True)
class Suite:
    """`run` takes the files of the source and gives an outcome for each test. Raises UnavailableError."""

    name: str
    title: str
    source: Source
    packages: tuple[str, ...]
    run: "Callable[[Suite, Path, Sources, Target, Sequence[Deviation]], list[Outcome]]"

    def version(self, files: Path) -> str:
        """The version in the source's package file, if it has one, and the commit."""
        for name in ("packages/supercompat/package.json", "pyproject.toml", "package.json"):
            path = files / name
            match = _VERSION.search(path.read_text("utf-8")) if path.exists() else None
            if match is not None:
                return f"{match[1]} ({self.source.commit[:10]})"
        return self.source.commit[:10]


def _run_open_responses(
    suite: Suite, files: Path, sources: Sources, target: Target, _: Sequence[Deviation]
) -> list[Outcome]:
    _link_modules(files, sources.node(suite.name, suite.packages))
    bun = next(iter(sorted((files / "node_modules" / "@oven").glob("bun-*/bin/bun"))), None)
    if bun is None:
        raise UnavailableError("the package `bun` has no program for this machine")
    command = [str(bun), "run", "bin/compliance-test.ts", "--base-url", f"{target.url}/v1", "--model", target.model]
    printed = _run(suite, [*command, "--json"], files, target, {"OPENRESPONSES_API_KEY": target.key})
    return read_open_responses(printed[printed.find("{") :] or "{}")


_SUPERCOMPAT_FILES: Final = {
    "assistants: ": "openaiAssistants/openai/baseline.test.ts",
    "responses: ": "openaiResponses/openai/baseline.test.ts",
    "assistants through the responses adapter: ": "openaiAssistants/openai/responsesStorage.test.ts",
    "assistants through the completions adapter: ": "openaiAssistants/memory/base.test.ts",
    "responses through the completions adapter: ": "openaiResponses/memory/base.test.ts",
}


def _run_supercompat(
    suite: Suite, files: Path, sources: Sources, target: Target, _: Sequence[Deviation]
) -> list[Outcome]:
    modules = sources.node(suite.name, suite.packages)
    _link_modules(files, modules)
    binaries = sources.node_binaries()
    package = files / "packages" / "supercompat"
    report = target.log / "supercompat.xml"
    environ = {"OPENAI_BASE_URL": f"{target.url}/v1", "TEST_OPENAI_API_KEY": target.key, **node_path(binaries)}
    outcomes = []
    for prefix, test in _SUPERCOMPAT_FILES.items():
        tsx = [str(binaries / "node"), str(modules / "node_modules/tsx/dist/cli.mjs"), "--tsconfig"]
        reporter = [
            "--test-isolation",
            "none",
            "--test-reporter",
            "junit",
            "--test-reporter-destination",
            str(report),
            "--test-force-exit",
        ]
        _run(suite, [*tsx, "../../tsconfig.test.json", "--test", *reporter, f"tests/{test}"], package, target, environ)
        outcomes += read_junit(report.read_text("utf-8"), prefix)
    return outcomes


def _run_ogx(suite: Suite, files: Path, sources: Sources, target: Target, _: Sequence[Deviation]) -> list[Outcome]:
    programs = sources.python(suite.name, suite.packages, "3.12")
    report = target.log / "ogx.xml"
    models = [f"--text-model={target.model}", f"--vision-model={target.model}"]
    models += [f"--embedding-model={target.embedding_model}"]
    command = [str(programs / "python"), "-m", "pytest", "-p", "ogx_plugin", "-p", "no:cacheprovider", "--quiet"]
    command += ["--override-ini", "addopts=", "--timeout", "60", f"--junitxml={report}", *models]
    command += [f"--stack-config={target.url}", "--inference-mode=live"]
    environ = {
        "PYTHONPATH": str(_HERE / "plugins"),
        "SUITE_BASE_URL": f"{target.url}/v1",
        "SUITE_API_KEY": target.key,
        "SUITE_MCP_PORTS": ",".join(map(str, MCP_PORTS)),
    }
    folders = ["tests/integration/responses", "tests/integration/conversations"]
    _run(suite, [*command, *folders], files, target, environ)
    return read_junit(report.read_text("utf-8"))


def _run_agents(
    suite: Suite, files: Path, sources: Sources, target: Target, deviations: Sequence[Deviation]
) -> list[Outcome]:
    programs = sources.python(suite.name, suite.packages)
    environ = {
        "OPENAI_BASE_URL": f"{target.url}/v1",
        "OPENAI_API_KEY": target.key,
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "EXAMPLES_INTERACTIVE_MODE": "auto",
        "PYTHONPATH": str(files),
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
    }

    def run(example: str) -> Outcome:
        reason = next((one.reason for one in deviations if one.is_left_out and one.matches(example)), None)
        if reason is not None:
            return Outcome(example, "skipped", reason)
        command = [str(programs / "python"), "-m", example.removesuffix(".py").replace("/", ".")]
        return _run_example(example, command, files, environ)

    with ThreadPoolExecutor(_EXAMPLES_AT_ONCE) as pool:
        return list(pool.map(run, _find_examples(files)))


def _find_examples(files: Path) -> list[str]:
    paths = sorted((files / "examples").rglob("*.py"))
    return [str(path.relative_to(files)) for path in paths if _MAIN.search(path.read_text("utf-8"))]


def _run_example(example: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Outcome:
    try:
        done = capture(command, folder, environ, _EXAMPLE_WAIT)
    except subprocess.TimeoutExpired:
        return Outcome(example, "failed", f"not finished after {_EXAMPLE_WAIT} s")
    if done.returncode == 0:
        return Outcome(example, "passed")
    return Outcome(example, "failed", last_line(done)[:300])


def _link_modules(files: Path, modules: Path) -> None:
    link = files / "node_modules"
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        shutil.rmtree(link)
    link.symlink_to(modules / "node_modules", target_is_directory=True)


def _run(suite: Suite, command: Sequence[str], folder: Path, target: Target, environ: Mapping[str, str]) -> str:
    """What the runner printed; its exit code tells nothing, since failing tests are expected. Raises UnavailableError."""
    with tempfile.TemporaryDirectory(prefix="understudy-suite-") as home:
        try:
            done = capture(command, folder, {"HOME": home, **environ}, _WAIT)
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise UnavailableError(f"its runner failed: {fault}") from fault
    (target.log / f"{suite.name}.log").write_text(done.stdout + done.stderr, "utf-8")
    return done.stdout


def _read_suites() -> tuple[Suite, ...]:
    runners = {
        "open-responses": _run_open_responses,
        "supercompat": _run_supercompat,
        "ogx": _run_ogx,
        "openai-agents": _run_agents,
    }
    entries = json.loads((_HERE / "suites.json").read_text("utf-8"))
    return tuple(
        Suite(
            name,
            entry["title"],
            Source(entry["repository"], entry["commit"]),
            tuple(entry["packages"]),
            runners[name],
        )
        for name, entry in entries.items()
    )


SUITES: Final = {suite.name: suite for suite in _read_suites()}
