"""Runs test suites of others against a server, and compares their results with the expected deviations.

scripts/conformance                             all suites, against a server of this checkout with a model of its own
scripts/conformance open-responses supercompat  only these
scripts/conformance --base-url URL --api-key KEY --model ID    against a running server
scripts/conformance --sources DIR               suites from DIR, a folder of git repositories with the public names

Exits with 1 if a test fails that tests/suites/deviations.toml does not have, or if a suite named in the command cannot be
had. Sources and packages stay in the cache directory; the suites' own texts are in no file of this repository.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.environments import UnavailableError, default_cache

from suites import record
from suites.catalog import SUITES, Suite, Target
from suites.model import EMBEDDING_MODEL, MODEL
from suites.outcomes import compare, count, read_deviations, unexpected
from suites.record import Result
from suites.server import start
from suites.sources import Sources


def main() -> None:
    arguments = _parse()
    names = arguments.suites or list(SUITES)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-conformance-")))
        target = _find_target(arguments, stack, directory)
        sources = Sources(arguments.cache.resolve(), arguments.sources)
        results = [_run(SUITES[name], sources, target) for name in names]
    print(record.format_table(results))
    print(record.format_tests(results, is_whole=arguments.all))
    if arguments.record:
        record.write(results, target.model)
    is_missing = bool(arguments.suites) and any(one.unavailable for one in results)
    sys.exit(is_missing or any(True for one in results for _ in unexpected(one.outcomes)))


def _parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--base-url", help="of a running server, without /v1; by default one is started")
    parser.add_argument("--api-key", help="of that server ($UNDERSTUDY_API_KEY)")
    parser.add_argument("--model", default=MODEL, help="that answers (the model of the suites' own server)")
    parser.add_argument("--embedding-model", default=EMBEDDING_MODEL, help="of vector stores")
    parser.add_argument("--sources", type=Path, metavar="DIR", help="git repositories that are there already")
    parser.add_argument("--cache", type=Path, metavar="DIR", default=default_cache("conformance"), help="(%(default)s)")
    parser.add_argument("--all", action="store_true", help="print the tests that pass as well")
    parser.add_argument("--record", action="store_true", help="write the figures of docs/explanation/compatibility.md")
    arguments = parser.parse_args(words)
    for name in arguments.suites:
        if name not in SUITES:
            parser.error(f"unknown suite {name!r}; there are {', '.join(SUITES)}")
    if arguments.base_url and not (arguments.api_key or os.environ.get("UNDERSTUDY_API_KEY")):
        parser.error("--base-url requires --api-key or UNDERSTUDY_API_KEY")
    return arguments


def _find_target(arguments: argparse.Namespace, stack: ExitStack, directory: Path) -> Target:
    target = Target("", "", arguments.model, arguments.embedding_model, arguments.cache.resolve() / "logs")
    target.log.mkdir(parents=True, exist_ok=True)
    if arguments.base_url:
        url = arguments.base_url.rstrip("/").removesuffix("/v1")
        return replace(target, url=url, key=arguments.api_key or os.environ["UNDERSTUDY_API_KEY"])
    url, key = stack.enter_context(start(directory))
    return replace(target, url=url, key=key)


def _run(suite: Suite, sources: Sources, target: Target) -> Result:
    print(f"{suite.title} …", file=sys.stderr, flush=True)
    deviations = read_deviations(suite.name)
    try:
        files = sources.check_out(suite.source)
        outcomes = compare(suite.run(suite, files, sources, target, deviations), deviations)
    except UnavailableError as fault:
        print(f"  unavailable: {fault}", file=sys.stderr, flush=True)
        return Result(suite, suite.source.commit[:10], [], str(fault))
    print(f"  {count(outcomes)}", file=sys.stderr, flush=True)
    return Result(suite, suite.version(files), outcomes)


if __name__ == "__main__":
    main()
