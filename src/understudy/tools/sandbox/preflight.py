"""Checks whether this machine can run code in a sandbox; if not, names what is missing and how to get it.

The last step is a trial sandbox, which exits at once: a feature counts only if it worked.
"""

import asyncio
import os
import platform
import select
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import environment, interpreter
from understudy.tools.sandbox.command import CONFIG, OPTIONS, STDERR, STDOUT, TRIAL_OUTPUT, Plan, build_plan, find_bwrap
from understudy.tools.sandbox.launcher import Launcher
from understudy.tools.sandbox.layout import build_layout
from understudy.tools.sandbox.notes import without_host_paths
from understudy.tools.sandbox.processes import memory_file

_PACKAGES: Final = "`apt install bubblewrap`, `dnf install bubblewrap` or `apk add bubblewrap`"
_GATEWAY_HINT: Final = 'or set `[sandbox] kind = "gateway"` to run code elsewhere'
_INSTALL_HINT: Final = "run `understudy sandbox install`"
_MIN_KERNEL_VERSION: Final = (5, 14)
"""The first Linux that counts processes per user namespace."""
_TIMEOUT_SECONDS: Final = 30.0
_MAX_OUTPUT_BYTES: Final = 4096
_FORBIDDING_SYSCTLS: Final = (
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
)
_CONTAINER_HINT: Final = "a container needs `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"


@dataclass(frozen=True, slots=True)
class PreflightResult:
    """`problem` is for clients too: it names no path of this machine, which `doctor` does."""

    plan: Plan | None
    problem: str = ""


async def preflight(settings: SandboxSettings, private: tuple[Path, ...] = ()) -> PreflightResult:
    return await asyncio.to_thread(examined, settings, private=private)


def examined(
    settings: SandboxSettings,
    system: str = platform.system(),
    release: str = platform.release(),
    private: tuple[Path, ...] = (),
) -> PreflightResult:
    """`private` are folders of which code may see nothing, wherever they are."""
    try:
        _check_system(system, release)
        plan = _build_plan(settings, _require_bwrap(), private)
        _run_trial(plan)
    except SandboxError as error:
        return PreflightResult(None, f"Code cannot run here: {error}.")
    return PreflightResult(plan)


def _check_system(system: str, release: str) -> None:
    if system != "Linux":
        raise SandboxError(f"the sandbox needs Linux, and this is {system}; use another machine {_GATEWAY_HINT}")
    if tuple(int(part) for part in release.split("-", 1)[0].split(".")[:2]) < _MIN_KERNEL_VERSION:
        oldest = ".".join(map(str, _MIN_KERNEL_VERSION))
        raise SandboxError(
            f"the sandbox needs Linux {oldest} or newer, and this is {release}; upgrade it {_GATEWAY_HINT}"
        )


def _require_bwrap() -> str:
    if (bwrap := find_bwrap()) is None:
        raise SandboxError(f"bubblewrap is missing; install it ({_PACKAGES}) {_GATEWAY_HINT}")
    return bwrap


def _build_plan(settings: SandboxSettings, bwrap: str, private: tuple[Path, ...]) -> Plan:
    if (step := environment.preparation_step(settings)) is not None:
        raise SandboxError(f"the code interpreter is being prepared ({step}); try again in a few minutes")
    python = environment.python(settings)
    if not python.exists():
        raise SandboxError(f"the Python of the code interpreter is missing; {_INSTALL_HINT}, or set `[sandbox] python`")
    described = interpreter.inspect_python(python)
    if "ipykernel" not in described.versions:
        raise SandboxError(f"the Python of the code interpreter has no ipykernel; install it there, or {_INSTALL_HINT}")
    helps = subprocess.run([bwrap, "--help"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    plan = build_plan(bwrap, python, build_layout(python, described), settings, helps, private)
    if missing := plan.identity.missing_program():
        raise SandboxError(f"a server that is root needs `{missing}`; install util-linux")
    return plan


def _run_trial(plan: Plan) -> None:
    """A sandbox that does nothing."""
    launcher = Launcher()
    try:
        done, complaint = _trial_output(plan, launcher)
    except OSError as error:
        raise SandboxError(f"bubblewrap cannot be run: {error.strerror}") from error
    finally:
        launcher.close()
    if TRIAL_OUTPUT.encode() not in done:
        lines = complaint.decode(errors="replace").strip().splitlines()
        reason = without_host_paths(lines[-1]) if lines else "bubblewrap printed no reason"
        raise SandboxError(f"the sandbox cannot start: {reason}; {_namespace_hint()}")


def _trial_output(plan: Plan, launcher: Launcher) -> tuple[bytes, bytes]:
    """What the trial prints and what it complains of, in files of no name: it may be slow, and never fill a pipe."""
    contents = {STDOUT: b"", STDERR: b"", OPTIONS: plan.trial_options(), CONFIG: plan.config}
    with ExitStack() as stack:
        descriptors = {number: memory_file(content) for number, content in contents.items() if content is not None}
        for descriptor in descriptors.values():
            stack.callback(os.close, descriptor)
        launched = launcher.launch(plan.trial_command(), plan.identity.environment(), descriptors)
        stack.callback(os.close, launched.pidfd)
        ended = select.poll()  # unlike select, with numbers of any size
        ended.register(launched.pidfd, select.POLLIN)
        ended.poll(_TIMEOUT_SECONDS * 1000)
        return os.pread(descriptors[STDOUT], _MAX_OUTPUT_BYTES, 0), os.pread(descriptors[STDERR], _MAX_OUTPUT_BYTES, 0)


def find_forbidding_sysctl() -> str | None:
    """The setting of this system's kernel that would allow user namespaces, where another value forbids them."""
    for path, bad, setting in _FORBIDDING_SYSCTLS:
        file = Path("/proc/sys", path)
        if file.exists() and file.read_text("ascii").strip() == bad:
            return setting
    return None


def _namespace_hint() -> str:
    """What most likely forbids it: the usual switches of this system, or a container around us."""
    if (switch := find_forbidding_sysctl()) is not None:
        return f"allow user namespaces with `sysctl -w {switch}`, {_GATEWAY_HINT}"
    return f"user namespaces and a /proc of one's own must be allowed, for which {_CONTAINER_HINT}, {_GATEWAY_HINT}"
