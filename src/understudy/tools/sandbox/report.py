"""Describes a sandbox before its use, for `understudy doctor`."""

import asyncio
import platform
import subprocess
from collections.abc import Iterator

from understudy.clock import Clock
from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import cgroup, environment, interpreter, open_sandbox, preflight
from understudy.tools.sandbox.command import Plan


async def facts(settings: SandboxSettings, clock: Clock) -> list[str]:
    """One sentence each. Raises SandboxError with what is missing if code cannot run."""
    if settings.kind == "gateway":
        return [await _describe_gateway(settings, clock)]
    result = await preflight.preflight(settings)
    python = environment.python(settings)
    if result.plan is None:
        raise SandboxError(f"{result.problem} Expected the code interpreter's Python at {str(python)!r}.")
    return [
        *_describe_embedded(result.plan),
        _versions(await asyncio.to_thread(interpreter.inspect_python, python), result.plan),
    ]


async def _describe_gateway(settings: SandboxSettings, clock: Clock) -> str:
    gateway = open_sandbox(settings, clock)
    try:
        if problem := await gateway.check():
            raise SandboxError(f"{problem} It is at {settings.url}.")
    finally:
        await gateway.stop()
    return f"the gateway at {settings.url} has the kernel {settings.kernel!r}"


def _describe_embedded(plan: Plan) -> Iterator[str]:
    version = subprocess.run([plan.bwrap, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    filtered = f"a filter for {platform.machine()}" if plan.filter else f"no filter for {platform.machine()}"
    yield f"{version.stdout.strip()} works, with {filtered} of system calls"
    if cgroup.is_delegated():
        yield "limits by cgroup v2, by rlimits and by measuring"
    else:
        yield (
            "limits by rlimits and by measuring; cgroup v2, which also counts the kernel's own memory, is used where "
            "it is delegated to the server (`Delegate=yes` in a systemd unit)"
        )


def _versions(interpreter_facts: interpreter.Interpreter, plan: Plan) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in interpreter_facts.versions.items())
    missing = [name for name in interpreter.PACKAGES if name not in interpreter_facts.versions]
    without = f"; without {', '.join(missing)}" if missing else ""
    return f"Python {interpreter_facts.version} at {plan.python} with {packages}{without}"
