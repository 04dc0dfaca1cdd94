"""The table `[sandbox]`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class SandboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sandbox that runs the code of `code_interpreter`, and its limits."""

    kind: Annotated[
        Literal["embedded", "gateway"],
        Meta(description="`embedded` is bubblewrap on this machine; `gateway` a Jupyter Kernel or Enterprise Gateway."),
    ] = "embedded"
    python: Annotated[
        Path | None,
        Meta(description="Python to run the code with; when unset, that of `understudy sandbox install`."),
    ] = None
    warm: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Meta(description="Idle kernels to start in advance; when unset, one from the first run that may need it."),
    ] = None
    sessions: Annotated[
        int,
        Meta(ge=1, description="Concurrent sessions; beyond it, the idlest session is closed."),
    ] = 64
    idle_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds after which an idle session is closed."),
    ] = 1200.0
    session_seconds: Annotated[
        float,
        Meta(gt=0, description="Maximum lifetime of a session in seconds."),
    ] = 3600.0
    cell_seconds: Annotated[
        float,
        Meta(gt=0, description="Timeout of one code execution in seconds; then it is interrupted."),
    ] = 120.0
    interrupt_seconds: Annotated[
        float,
        Meta(gt=0, description="Seconds that interrupted code has to stop before its kernel is replaced."),
    ] = 5.0
    cpu_seconds: Annotated[
        int,
        Meta(ge=1, description="Processor time in seconds of a kernel and its child processes."),
    ] = 900
    memory_mb: Annotated[
        int,
        Meta(ge=256, description="Memory of a session in MiB."),
    ] = 1024
    disk_mb: Annotated[
        int,
        Meta(ge=1, description="Space for the files of a session in MiB; it is memory."),
    ] = 1024
    processes: Annotated[
        int,
        Meta(ge=32, description="Maximum number of processes and threads of a session."),
    ] = 100
    output_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum text output of one execution in bytes; the rest is cut off."),
    ] = 128 * 1024
    url: Annotated[
        Text | None,
        Meta(description="URL of the gateway, like `http://gateway:8888`."),
    ] = None
    token: Annotated[Text | None, Meta(description="The gateway's token.")] = None
    kernel: Annotated[Text, Meta(description="Name of the gateway's kernel to start.")] = "python3"
