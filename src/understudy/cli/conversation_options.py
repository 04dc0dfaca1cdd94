"""The flags that `ask` and `chat` share, and the conversation that they name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from understudy.cli.api_client import ApiClient
    from understudy.cli.chat_turn import Conversation


def with_conversation(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--file",
            "files",
            multiple=True,
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="A file to send with the first message; can be repeated.",
        ),
        click.option("--instructions", metavar="TEXT", help="What the model is to follow, beside the assistant's own."),
        click.option("--thread", metavar="ID", help="A thread or conversation to continue.  [default: a new one]"),
        click.option("--model", metavar="ID", help="The model, without an assistant.  [default: the first one listed]"),
        click.option("--assistant", metavar="ID", help="The assistant, by its id or its name."),
    ):
        function = option(function)
    return function


async def open_conversation(
    api: "ApiClient",
    assistant: str | None,
    model: str | None,
    thread: str | None,
    instructions: str | None,
    files: Sequence[Path],
) -> "Conversation":
    """Raises click.UsageError for contradicting flags, RequestFailed for an unknown assistant or thread."""
    from understudy.cli.chat_turn import Conversation

    if assistant is not None and model is not None:
        raise click.UsageError("--assistant and --model exclude each other: an assistant has its own model.")
    found = None if assistant is None else await _find_assistant(api, assistant)
    if found is None and model is None:
        model = (await api.get("/models"))["data"][0]["id"]
    conversation = Conversation(api, found, model, thread, instructions)
    for path in files:
        await conversation.attach(path)
    return conversation


async def _find_assistant(api: "ApiClient", reference: str) -> dict[str, object]:
    from understudy.cli.api_client import ObjectNotFound, segment

    if reference.startswith("asst_"):
        found: dict[str, object] = await api.get(f"/assistants/{segment(reference)}")
        return found
    page = await api.get("/assistants", limit=100, q=reference)
    named: list[dict[str, object]] = [one for one in page["data"] if one["name"] == reference]
    if not named:
        raise ObjectNotFound(f"No assistant found with the id or name {reference!r}. Run `understudy ls assistants`.")
    if len(named) > 1:
        raise click.UsageError(
            f"{len(named)} assistants have the name {reference!r}. Use an id: `understudy ls assistants` lists them."
        )
    return named[0]
