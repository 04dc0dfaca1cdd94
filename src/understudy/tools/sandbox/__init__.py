"""Runs the code of models, isolated from everything else. See `protocol` for the interface."""

import importlib
from pathlib import Path

from understudy.clock import Clock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox.embedded import EmbeddedSandbox
from understudy.tools.sandbox.names import safe_name
from understudy.tools.sandbox.outputs import Error, ExecutionEnd, Image, LostState, Note, Output, Stream, Value
from understudy.tools.sandbox.protocol import FOLDER, Sandbox, SandboxFile, Session

__all__ = [
    "FOLDER",
    "Error",
    "ExecutionEnd",
    "Image",
    "LostState",
    "Note",
    "Output",
    "Sandbox",
    "SandboxFile",
    "Session",
    "Stream",
    "Value",
    "open_sandbox",
    "safe_name",
]


def open_sandbox(settings: SandboxSettings, clock: Clock, private: tuple[Path, ...] = ()) -> Sandbox:
    """Builds the sandbox of the settings without starting it: see `Sandbox.start`.

    `private` are folders of this machine that code must not see.
    """
    if settings.kind == "gateway":
        # Imported only where one is configured: its HTTP library takes a tenth of a second and 9 MB.
        gateway: Sandbox = importlib.import_module("understudy.tools.sandbox.gateway").GatewaySandbox(settings, clock)
        return gateway
    return EmbeddedSandbox(settings, clock, private)
