"""`understudy import --from`: reads a live server into a directory, and reports what it has read."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from understudy.cli.api_client import ServerUnavailable
from understudy.cli.progress import Progress, open_progress
from understudy.importing.live import FetchReport, fetch_objects, read_thread_ids
from understudy.importing.live_client import InvalidUrl, ServerUnreachable
from understudy.importing.live_export import ARCHIVE

_PROBLEMS_PRINTED: Final = 50


async def fetch_source(
    url: str, key: str | None, into: Path, *, thread_ids: Path | None, api_version: str | None
) -> Path:
    """Fetches what `into` does not have yet; returns what is to be imported.

    Raises FetchError, UsageError, and ServerUnavailable if the server is unreachable.
    """
    if key is None:
        raise click.UsageError("--from needs the key of that server: --key, or --from-key beside a --base-url.")
    wanted = None if thread_ids is None else read_thread_ids(thread_ids)
    into.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    with open_progress("fetch") as progress:
        try:
            report = await fetch_objects(
                url, key, wanted, into, api_version=api_version, progress=lambda found: _show(progress, found)
            )
        except InvalidUrl as error:
            raise click.UsageError(f"--from: {error}") from None
        except ServerUnreachable as error:
            raise ServerUnavailable(str(error)) from None
    click.echo(f"Fetched into {into}: {_describe_report(report)}", err=True)
    for problem in report.problems[:_PROBLEMS_PRINTED]:
        click.echo(f"Not fetched: {problem.place}: {problem.reason}", err=True)
    if len(report.problems) > _PROBLEMS_PRINTED:
        click.echo(f"Not fetched: {len(report.problems) - _PROBLEMS_PRINTED} more", err=True)
    return into if report.exported is None else into / ARCHIVE


def default_directory(url: str) -> Path:
    """Where a fetch without a PATH is kept: the same for the same server, so that a repeated command resumes."""
    return Path(f"fetched-{urlsplit(url).hostname or 'server'}")


def _show(progress: Progress, report: FetchReport) -> None:
    if report.exported is not None:
        progress.update(sum(report.exported.values()), None, "objects exported")
        return
    progress.update(report.threads, report.threads_total, f"{report.messages:,} messages, {report.files:,} files")


def _describe_report(report: FetchReport) -> str:
    if report.exported is not None:
        listed = ", ".join(f"{kind} {number}" for kind, number in report.exported.items())
        return f"the server's export: {listed}" if listed else "the server's export was there already"
    counts = (
        (report.assistants, "assistants"),
        (report.threads, "threads"),
        (report.messages, "messages"),
        (report.runs, "runs"),
        (report.vector_stores, "vector stores"),
        (report.files, "files"),
    )
    return ", ".join(f"{number} {noun}" for number, noun in counts)
