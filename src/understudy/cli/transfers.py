"""`understudy import`, `export` and `delete`: in a data directory that no server has open, or through a server."""

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from understudy.cli.options import STORE, with_json_flag, with_settings

if TYPE_CHECKING:
    from understudy.cli.transfer_target import Target
    from understudy.settings import LoadedSettings
    from understudy.wire.transfers import DeletionObject, ExportObject, ImportObject, TransferObject

F = TypeVar("F", bound=Callable[..., None])


def _with_target(function: F) -> Callable[..., None]:
    """Adds the flags of both targets: a data directory and its project, or a server and a key."""

    @functools.wraps(function)
    def noted(loaded: "LoadedSettings", *, base_url: str | None, key: str | None, **parameters: Any) -> None:
        from understudy.cli.terminal import note_unused_address

        is_of_source = parameters.get("source") is not None and parameters["from_key"] is None
        if base_url is None and (key is None or is_of_source):
            note_unused_address(loaded.settings)
        function(loaded, base_url=base_url, key=key, **parameters)

    command = click.option("--project", metavar="NAME", help="The project, with --data.  [default: default]")(noted)
    command = click.option("--key", metavar="KEY", help="A key of the server. [default: UNDERSTUDY_API_KEY]")(command)
    where = "A running server, in place of a data directory: http://127.0.0.1:8642/v1"
    return with_settings(*STORE)(click.option("--base-url", metavar="URL", help=where)(command))


@click.command("import")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--files", type=click.Path(path_type=Path), help="A directory with the bytes of files.")
@click.option("--from", "source", metavar="URL", help="A live API to fetch objects from first, into PATH.")
@click.option(
    "--from-key",
    metavar="KEY",
    envvar="UNDERSTUDY_FROM_KEY",
    help="The key of --from.  [default: UNDERSTUDY_FROM_KEY, or --key without a --base-url]",
)
@click.option("--api-version", metavar="VERSION", help="With --from: the api-version of Azure's services.")
@click.option("--thread-ids", type=click.Path(path_type=Path), help="With --from: ids, one a line.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, and store nothing.")
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "replace", "fail"]),
    default="skip",
    show_default=True,
    help="What to do with objects whose ids the project has.",
)
@with_json_flag
@_with_target
def import_(
    loaded: "LoadedSettings",
    *,
    path: Path | None,
    files: Path | None,
    source: str | None,
    from_key: str | None,
    api_version: str | None,
    thread_ids: Path | None,
    dry_run: bool,
    on_conflict: Literal["skip", "replace", "fail"],
    as_json: bool,
    base_url: str | None,
    key: str | None,
    project: str | None,
) -> None:
    """Import objects with their ids and times: a directory, an archive, JSON, JSON Lines or CSV at PATH.

    With --from, the objects of a live API are fetched into the directory PATH first, by default fetched-HOST; a
    repeated command fetches what is missing. The same import may be repeated: what is there already is skipped.
    """
    import asyncio

    from understudy.cli.fetching import default_directory, fetch_source

    if path is None and source is None:
        raise click.UsageError("Give a PATH, or --from URL.")
    for name, given in (("PATH", None if source else path), ("--files", files), ("--thread-ids", thread_ids)):
        if given is not None and not given.exists():
            raise click.UsageError(f"{name} not found: {str(given)!r}.")
    if source is not None and base_url is None and from_key is None:
        from_key, key = key, None
    origin = path or default_directory(source or "")

    async def run(target: "Target", work: Path) -> "ImportObject":
        found = origin
        if source is not None:
            found = await fetch_source(source, from_key, origin, thread_ids=thread_ids, api_version=api_version)
        return await target.run_import(found, files, work, dry_run=dry_run, on_conflict=on_conflict)

    done = asyncio.run(_with_open_target(loaded, base_url, key, project, run, creates=True))
    _print(done, _report_import, as_json=as_json)


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A directory, or a name that ends in .zip.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Only objects with this pair of metadata.")
@with_json_flag
@_with_target
def export(
    loaded: "LoadedSettings",
    *,
    out: Path,
    metadata: tuple[str, ...],
    as_json: bool,
    base_url: str | None,
    key: str | None,
    project: str | None,
) -> None:
    """Export the objects of a project, which `understudy import` reads.

    The export has no keys, no secrets of webhooks and no ledger.
    """
    import asyncio

    pairs = _parse_pairs(metadata)
    if out.suffix != ".zip" and out.is_dir() and any(out.iterdir()):
        raise click.UsageError(f"The directory {str(out)!r} is not empty.")

    async def run(target: "Target", work: Path) -> "ExportObject":
        return await target.run_export(out, pairs, work)

    _print(asyncio.run(_with_open_target(loaded, base_url, key, project, run)), _report_export, as_json=as_json)


@click.command()
@click.option("--metadata", multiple=True, required=True, metavar="KEY=VALUE", help="A pair of metadata.")
@click.option("--dry-run", is_flag=True, help="Count the objects, and delete nothing.")
@click.option("--yes", is_flag=True, help="Delete without a question.")
@with_json_flag
@_with_target
def delete(
    loaded: "LoadedSettings",
    *,
    metadata: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    base_url: str | None,
    key: str | None,
    project: str | None,
) -> None:
    """Delete everything with these pairs of metadata: threads with what belongs to them, and other objects.

    Without a terminal, --yes or --dry-run is required.
    """
    import asyncio

    from understudy.cli.terminal import confirm

    pairs = _parse_pairs(metadata)
    if not yes and not dry_run:
        confirm("delete", f"Delete everything with {' and '.join(metadata)}?")

    async def run(target: "Target", _: Path) -> "DeletionObject":
        return await target.run_deletion(pairs, dry_run=dry_run)

    _print(asyncio.run(_with_open_target(loaded, base_url, key, project, run)), _report_deletion, as_json=as_json)


T = TypeVar("T", bound="TransferObject")


async def _with_open_target(
    loaded: "LoadedSettings",
    base_url: str | None,
    key: str | None,
    project: str | None,
    run: "Callable[[Target, Path], Awaitable[T]]",
    *,
    creates: bool = False,
) -> T:
    """`creates`: a missing data directory is created."""
    import tempfile

    from understudy.cli.transfer_target import open_directory, open_server

    is_remote = base_url is not None or key is not None
    if is_remote and project is not None:
        raise click.UsageError("--project works with --data only: a key has one project.")
    opened = open_server(base_url, key) if is_remote else open_directory(loaded.settings, project, creates=creates)
    with tempfile.TemporaryDirectory(prefix="understudy-") as work:
        async with opened as target:
            return await run(target, Path(work))


def _parse_pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise click.UsageError(f"Invalid --metadata {text!r}: it must look like KEY=VALUE.")
        pairs[name] = value
    return pairs


def _print(done: T, report: Callable[[T], None], *, as_json: bool) -> None:
    """The object or the report; exits with 1 if the job did not complete."""
    import msgspec

    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(done), indent=2).decode())
    else:
        report(done)
    if done.status != "completed":
        reason = done.error.message if done.error is not None else f"Its status is '{done.status}'."
        raise click.ClickException(reason)


def _report_import(done: "ImportObject") -> None:
    from understudy.wire.transfers import EXISTS

    verb = "Would import" if done.dry_run else "Imported"
    _print_counts(verb, done.report.imported)
    _print_counts("Replaced", done.report.replaced)
    _print_counts("Skipped", done.report.skipped)
    known = sum(entry.reason == EXISTS for entry in done.report.entries)
    if known:
        click.echo(f"  {known} of them: {EXISTS}")
    for entry in done.report.entries:
        if entry.reason != EXISTS:
            click.echo(f"  {entry.kind} {entry.id}: {entry.reason}")
    if done.report.entries_left_out:
        click.echo(f"  and {done.report.entries_left_out} more")
    if done.report.files_without_content:
        click.echo(f"Files without content: {done.report.files_without_content}. Import their bytes with --files.")
    for name, number in sorted(done.report.unknown_members.items()):
        click.echo(f"Unknown member {name}: {number}, set aside")


def _report_export(done: "ExportObject") -> None:
    _print_counts("Exported", done.exported)


def _report_deletion(done: "DeletionObject") -> None:
    _print_counts("Would delete" if done.dry_run else "Deleted", done.deleted)


def _print_counts(verb: str, counts: dict[str, Any]) -> None:
    if counts or verb in {"Imported", "Exported", "Deleted", "Would import", "Would delete"}:
        listed = ", ".join(f"{kind} {number}" for kind, number in counts.items()) or "nothing"
        click.echo(f"{verb}: {listed}")
