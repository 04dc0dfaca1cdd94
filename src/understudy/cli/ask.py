"""`understudy ask`: one question, and its answer on stdout."""

import sys
from pathlib import Path

import click

from understudy.cli.conversation_options import with_conversation
from understudy.cli.options import with_json_flag, with_server


@click.command()
@click.argument("question")
@with_conversation
@with_json_flag
@with_server
def ask(
    *,
    question: str,
    assistant: str | None,
    model: str | None,
    thread: str | None,
    instructions: str | None,
    files: tuple[Path, ...],
    as_json: bool,
    base_url: str | None,
    key: str | None,
) -> None:
    """Ask a model or an assistant one QUESTION; - reads it from stdin.

    The text of the answer goes to stdout while it arrives, notes go to stderr. With --json, the finished run or
    response is printed instead.
    """
    from understudy.cli.api_client import ApiClient, run_async
    from understudy.cli.chat_turn import End, FunctionCall, Text, ToolUse
    from understudy.cli.conversation_options import open_conversation
    from understudy.cli.output import print_json
    from understudy.cli.terminal import note, open_writer

    text = sys.stdin.buffer.read().decode("utf-8", "replace") if question == "-" else question
    if not text.strip():
        raise click.UsageError("The question is empty.")

    def refuse_call(call: FunctionCall) -> str:
        raise click.ClickException(f"The assistant called the function {call.name!r}; `understudy chat` can answer it.")

    async def run() -> None:
        ended: End | None = None
        async with ApiClient(base_url, key) as api:
            conversation = await open_conversation(api, assistant, model, thread, instructions, files)
            with open_writer() as answer:
                async for event in conversation.send(text, refuse_call):
                    match event:
                        case Text(part) if not as_json:
                            answer.write(part)
                        case ToolUse(summary):
                            note(f"[{summary}]")
                        case End():
                            ended = event
        assert ended is not None
        if as_json:
            print_json(ended.object)
        if ended.problem:
            raise click.ClickException(ended.problem)

    run_async(run)()
