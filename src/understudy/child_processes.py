"""Starts child processes with pipes. Knows no program."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress


async def start_python(*arguments: str, environment: Mapping[str, str]) -> Process:
    """Starts this interpreter with pipes for its input and output.

    It has a session of its own, so that Ctrl+C reaches only the server. A caller that is cancelled meanwhile leaves no
    process and no open pipe behind, as `asyncio.create_subprocess_exec` would.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await kill(await starting)
        raise


async def kill(process: Process) -> None:
    """Kills the process if it runs, waits for its end and closes its pipes, also if the caller is cancelled."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(wait_end(process))


async def wait_end(process: Process) -> None:
    """Waits for the end of a process, and closes its pipes.

    By themselves they close a turn of the event loop later, which a server that stops does not have.
    """
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no other way
