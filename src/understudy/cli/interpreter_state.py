"""The state of the code interpreter at a start: whether code can run, or the command that enables it.

Reads files only; `understudy sandbox check` runs code.
"""

import os
import platform
import shutil

from understudy.settings import SandboxSettings
from understudy.tools.sandbox import environment
from understudy.tools.sandbox.command import find_bwrap
from understudy.tools.sandbox.preflight import find_forbidding_sysctl

_INSTALLERS = {
    "apt": "apt install bubblewrap",
    "dnf": "dnf install bubblewrap",
    "apk": "apk add bubblewrap",
    "pacman": "pacman -S bubblewrap",
    "zypper": "zypper install bubblewrap",
}


def describe_interpreter(settings: SandboxSettings, *, prepares: bool = False) -> str:
    """The state in one line. `prepares`: this server creates a missing environment."""
    if settings.kind == "gateway":
        return f"on, at the gateway {settings.url}"
    if platform.system() != "Linux":
        return 'off: the sandbox needs Linux. Set `[sandbox] kind = "gateway"` to run code elsewhere.'
    if find_bwrap() is None:
        return f"off: bubblewrap is missing. Run: {_with_sudo(_install_bwrap())}"
    if (switch := find_forbidding_sysctl()) is not None:
        return f"off: user namespaces are forbidden. Run: {_with_sudo(f'sysctl -w {switch}')}"
    return _describe_environment(settings, prepares=prepares)


def _describe_environment(settings: SandboxSettings, *, prepares: bool) -> str:
    python = environment.python(settings)
    usable = os.access(python, os.X_OK)
    if settings.python is not None and not usable:
        return (
            f"off: `sandbox.python` {str(python)!r} does not exist or is not executable. Set another one, or unset it."
        )
    if (step := environment.preparation_step(settings)) is not None:
        return f"being prepared ({step}); code is refused until then"
    if prepares and is_environment_missing(settings):
        return "being prepared (about 650 MB, once); code is refused until then"
    if not usable or (settings.python is None and not environment.is_complete(environment.default_home())):
        return f"off: its Python packages are missing. Run: {environment.install_command()}"
    return f"on, with {python}"


def is_environment_missing(settings: SandboxSettings) -> bool:
    """Whether this server has to create the environment: none is complete, and none was set."""
    embedded = settings.kind == "embedded" and settings.python is None and platform.system() == "Linux"
    return embedded and not environment.is_ready(environment.default_home())


def _install_bwrap() -> str:
    commands = (command for program, command in _INSTALLERS.items() if shutil.which(program))
    return next(commands, "the package manager of this system, for the package `bubblewrap`")


def _with_sudo(command: str) -> str:
    return command if os.geteuid() == 0 or shutil.which("sudo") is None else f"sudo {command}"
