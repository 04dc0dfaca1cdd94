"""`understudy tail`: follows the changes of a project, or the events of one run or response."""

from typing import Any

import click

from understudy.cli.options import with_json_flag, with_server


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
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.output import print_line

    async def run() -> None:
        async with ApiClient(base_url, key) as api:
            path, query = await _find_stream(api, object_id)
            async for name, data in api.events(path, **query):
                kind = name or data.get("type", "")
                if types and not kind.startswith(types):
                    continue
                if as_json:
                    print_line({"event": kind, "data": data})
                elif line := _describe(kind, data):
                    click.echo(line)

    try:
        run_async(run)()
    except KeyboardInterrupt:
        return


async def _find_stream(api: Any, object_id: str | None) -> tuple[str, dict[str, Any]]:
    from understudy.cli.api_client import segment

    if object_id is None:
        return "/events", {}
    if object_id.startswith("run_"):
        found = await api.get(f"/runs/{segment(object_id)}")
        return f"/threads/{found['thread_id']}/runs/{segment(object_id)}/events", {}
    if object_id.startswith("resp_"):
        return f"/responses/{segment(object_id)}", {"stream": "true"}
    raise click.UsageError(f"{object_id!r} has no events: tail follows runs (run_…) and responses (resp_…).")


def _describe(kind: str, data: dict[str, Any]) -> str:
    """A line for an event of the project or of one object; empty for parts of a text."""
    if "data" in data:
        changed = data["data"] or {}
        return "  ".join(filter(None, [kind, changed.get("id"), changed.get("parent_id")]))
    if kind.endswith(".delta"):
        return ""
    inner = data.get("response") or data.get("item") or data
    return "  ".join(filter(None, [kind, str(inner.get("id", "")), str(inner.get("status", "") or "")]))
