"""`understudy tail`: follows the changes of a project, or the events of one run or response."""

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import click

from understudy.cli.options import with_json_flag, with_server

_RECONNECT_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 60.0
"""How long a server may be away: a restart with a migration takes some seconds."""


@click.command()
@click.argument("object_id", metavar="[ID]", required=False)
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Only this type, like thread.run; can be repeated."
)
@with_json_flag
@with_server
def tail(
    *, object_id: str | None, types: tuple[str, ...], as_json: bool, base_url: str | None, key: str | None
) -> None:
    """Follow events as they happen, until Ctrl-C.

    \b
    Without an ID: which runs, responses, batches and files of the
    project change their status. With the ID of a run or a background
    response: its own events from the first one on, until it ends.
    A lost connection is resumed after the last event. For a project,
    the event `reset` means that changes in between are missing.
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.output import print_line

    async def run() -> None:
        async with ApiClient(base_url, key) as api:
            async for name, data in _follow_object(api, object_id) if object_id else _follow_project(api):
                kind = name or data.get("type", "")
                if types and not kind.startswith(types):
                    continue
                if as_json:
                    print_line({"event": kind, "data": data})
                elif line := _describe_event(kind, data):
                    click.echo(line)

    try:
        run_async(run)()
    except KeyboardInterrupt:
        return


async def _follow_object(api: Any, object_id: str) -> AsyncIterator[tuple[str, Any]]:
    """Ends with the run or response. Raises RequestFailed if the events after the last one are no longer stored."""
    from understudy.cli.api_client import RequestFailed, ServerUnavailable

    path, query = await _find_stream(api, object_id)
    has_begun = False
    try:
        async for event in _follow(api, path, **query):
            has_begun = True
            yield event
    except RequestFailed as error:
        if has_begun:
            hint = f"`understudy tail {object_id}` follows it from its first event again."
            kind = ServerUnavailable if isinstance(error, ServerUnavailable) else RequestFailed
            raise kind(f"{error.message} {hint}") from None
        raise


async def _follow_project(api: Any) -> AsyncIterator[tuple[str, Any]]:
    """Without an end: a server that stops closes the stream."""
    async for event in _follow(api, "/events", is_endless=True):
        yield event


async def _follow(api: Any, path: str, *, is_endless: bool = False, **query: Any) -> AsyncIterator[tuple[str, Any]]:
    """The events of a stream, which is resumed after its last event when the connection is lost.

    Raises ServerUnavailable if the server does not come back in time, or interrupts the stream each time.
    """
    import asyncio

    from understudy.cli.api_client import ServerUnavailable
    from understudy.net.sse import Reader

    position: str | int | None = None
    lost_at: float | None = None
    while True:
        reader = Reader()
        try:
            async for name, data in api.events(path, reader=reader, starting_after=position, **query):
                _check_interruption(name, data)
                # The events of a response have their number in the data, those of runs and projects beside it.
                position, lost_at = reader.last_event_id or data.get("sequence_number"), None
                yield name, data
            if not is_endless:
                return
        except ServerUnavailable:
            # A server that was never there is not waited for.
            if position is None or (lost_at is not None and time.monotonic() - lost_at > _PATIENCE_SECONDS):
                raise
        if lost_at is None:
            lost_at = time.monotonic()
            click.echo("The connection to the server was lost; reconnecting.", err=True)
        await asyncio.sleep(_RECONNECT_SECONDS)


def _check_interruption(name: str, data: dict[str, Any]) -> None:
    """Raises ServerUnavailable for the event of a server that cannot follow the stream to its end."""
    from understudy.cli.api_client import ServerUnavailable

    if (name or data.get("type")) == "error":
        raise ServerUnavailable((data.get("error") or data).get("message") or "The stream was interrupted.")


async def _find_stream(api: Any, object_id: str) -> tuple[str, dict[str, Any]]:
    from understudy.cli.api_client import segment

    if object_id.startswith("run_"):
        found = await api.get(f"/runs/{segment(object_id)}")
        return f"/threads/{found['thread_id']}/runs/{segment(object_id)}/events", {}
    if object_id.startswith("resp_"):
        return f"/responses/{segment(object_id)}", {"stream": "true"}
    raise click.UsageError(f"{object_id!r} has no events: tail follows runs (run_…) and responses (resp_…).")


def _describe_event(kind: str, data: dict[str, Any]) -> str:
    """A line for an event of the project or of one object; empty for parts of a text."""
    if "data" in data:
        changed = data["data"] or {}
        return "  ".join(filter(None, [kind, changed.get("id"), changed.get("parent_id")]))
    if kind.endswith(".delta"):
        return ""
    inner = data.get("response") or data.get("item") or data
    return "  ".join(filter(None, [kind, str(inner.get("id", "")), str(inner.get("status", "") or "")]))
