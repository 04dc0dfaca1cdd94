"""`understudy chat`: a conversation in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.conversation_options import with_conversation
from understudy.cli.options import with_server

if TYPE_CHECKING:
    from understudy.cli.chat_turn import Conversation, FunctionCall

_HELP = """\
/file PATH  send a file with the next message
/thread     print the id of the thread
/new        start a new thread
/quit       end; so does Ctrl-D"""


@click.command()
@with_conversation
@with_server
def chat(
    *,
    assistant: str | None,
    model: str | None,
    thread: str | None,
    instructions: str | None,
    files: tuple[Path, ...],
    base_url: str | None,
    key: str | None,
) -> None:
    """Talk with an assistant or a model in the terminal.

    \b
    Answers arrive as they are written, with Markdown if `understudy[cli]`
    is installed. /help lists the commands of the conversation.
    Functions of the assistant are answered by hand. Continue later with
    the --thread that is printed at the end.
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.conversation_options import open_conversation
    from understudy.cli.terminal import note

    async def run() -> None:
        async with ApiClient(base_url, key) as api:
            conversation = await open_conversation(api, assistant, model, thread, instructions, files)
            partner = (
                conversation.model if conversation.assistant is None else conversation.assistant["name"] or assistant
            )
            note(f"Talking with {partner}. /help lists commands, Ctrl-D ends.")
            while (line := _read_line()) is not None:
                if line.startswith("/"):
                    if line == "/quit":
                        break
                    await _obey(conversation, line)
                elif line:
                    await _answer(conversation, line)
            if conversation.thread_id is not None:
                note(f"Continue with --thread {conversation.thread_id}")

    run_async(run)()


def _read_line() -> str | None:
    """A message, None at the end of the input. Several lines: end each but the last with a backslash."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # `input` edits lines and remembers them with it
    lines: list[str] = []
    try:
        while True:
            lines.append(input("… " if lines else "> "))
            if not lines[-1].endswith("\\"):
                return "\n".join(line.removesuffix("\\") for line in lines).strip()
    except EOFError:
        click.echo(err=True)
        return None


async def _obey(conversation: "Conversation", line: str) -> None:
    from understudy.cli.terminal import note

    command, _, argument = line.partition(" ")
    match command:
        case "/file":
            try:
                file = await conversation.attach(_expand(argument))
            except OSError as error:
                note(f"Not attached: {argument!r} cannot be read ({(error.strerror or str(error)).lower()}).")
            except click.ClickException as error:
                note(f"Not attached: {error.message}")
            else:
                note(f"{file['filename']} is sent with the next message.")
        case "/thread":
            note(conversation.thread_id or "The thread begins with the first message.")
        case "/new":
            conversation.thread_id = None
            note("A new thread.")
        case _:
            note(_HELP)


async def _answer(conversation: "Conversation", text: str) -> None:
    """Shows the answer. A failed turn is a note: the conversation continues."""
    from understudy.cli.chat_turn import End, Text, ToolUse
    from understudy.cli.terminal import AnswerWriter, note, open_writer

    writer: AnswerWriter | None = None
    try:
        async for event in conversation.send(text, _read_output):
            if isinstance(event, Text):
                if writer is None:
                    writer = open_writer().__enter__()
                writer.write(event.text)
                continue
            if writer is not None:
                writer.__exit__(None, None, None)
                writer = None
            if isinstance(event, ToolUse):
                note(f"[{event.summary}]")
            elif isinstance(event, End) and event.problem:
                note(event.problem)
    except click.ClickException as error:
        note(error.message)
    finally:
        if writer is not None:
            writer.__exit__(None, None, None)


def _expand(path: str) -> Path:
    return Path(path.strip()).expanduser()


def _read_output(call: "FunctionCall") -> str:
    """The output of a function, from the keyboard."""
    from understudy.cli.terminal import note

    note(f"[{call.name}({call.arguments})]")
    return input("output> ")
