"""The checks of `understudy doctor` that concern several servers: which of them run, and whether they share files."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Literal

from understudy.blobs import Blobs, open_blobs
from understudy.broker.opening import build_broker
from understudy.engine.blob_probe import ProbeResult, probe_blobs
from understudy.errors import SettingsError, StoreError
from understudy.settings import MEMORY_BROKER, Settings
from understudy.store.examination import examine_nodes
from understudy.store.nodes import Node, RegisteredNode

_TIMEOUT_SECONDS: Final = 3.0
_FILES: Final = "shared files"
_ADVICE: Final = "mount one directory as `blobs` in the data directory of each, or use one bucket"


@dataclass(frozen=True, slots=True)
class CheckResult:
    subject: str
    state: Literal["ok", "warning", "broken"]
    text: str


async def check_nodes(settings: Settings, database: str) -> list[CheckResult]:
    """The nodes of a database, and where they have a broker, whether each finds the files of the others."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            nodes = await examine_nodes(database, is_pooled=settings.postgres.is_pooled)
    except (StoreError, TimeoutError):
        return []  # the database's own check has the reason
    dead = any(not node.is_live for node in nodes)
    text = "; ".join(map(_describe_registration, nodes)) or "no server is running"
    listed = CheckResult("nodes", "warning" if dead else "ok", text)
    live = {registered.node.id: registered.node for registered in nodes if registered.is_live}
    if settings.broker == MEMORY_BROKER or not live:
        return [listed]
    return [listed, await _check_shared_files(settings, live)]


async def _check_shared_files(settings: Settings, nodes: dict[str, Node]) -> CheckResult:
    async with AsyncExitStack() as stack:
        try:
            broker = build_broker(settings.broker, _TIMEOUT_SECONDS)
            stack.push_async_callback(broker.stop)
            await broker.start()
            own = await _open_own_blobs(stack, settings)
        except (SettingsError, StoreError) as error:
            return CheckResult(_FILES, "broken", f"not checked: {error}")
        results = await probe_blobs(broker, list(nodes), own)
    if problems := list(_describe_problems(results, nodes)):
        return CheckResult(_FILES, "broken", "; ".join(problems))
    return CheckResult(_FILES, "ok", f"each of {len(nodes)} nodes finds the files of all")


async def _open_own_blobs(stack: AsyncExitStack, settings: Settings) -> Blobs | None:
    """None on a machine without a data directory."""
    if not (settings.data / "blobs").is_dir():
        return None
    blobs = await open_blobs(settings.blobs, settings.data)
    stack.push_async_callback(blobs.close)
    return blobs


def _describe_problems(results: Sequence[ProbeResult], nodes: dict[str, Node]) -> list[str]:
    problems = []
    for result in results:
        who = f"the {_describe_node(nodes[result.node_id])}" if result.node_id else "this data directory"
        if result.missing is None:
            problems.append(f"{who} did not reply through the broker within some seconds")
        elif result.missing:
            writers = ", ".join(_describe_node(nodes[node_id]) for node_id in result.missing)
            problems.append(f"{who} does not find the files of the {writers}; {_ADVICE}")
    return problems


def _describe_registration(registered: RegisteredNode) -> str:
    text = _describe_node(registered.node)
    if registered.is_live:
        return f"{text} since {format_time(registered.started_at)}"
    return f"{text} was killed or cut off, last seen {format_time(registered.seen_at)}"


def _describe_node(node: Node) -> str:
    where = f" at {node.address}" if node.address else ""
    return f"{node.role}{where} (process {node.pid} on {node.host}, version {node.version})"


def format_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
