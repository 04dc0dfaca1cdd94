"""Breaks a cluster under load, and checks afterwards that nothing was lost, doubled or left behind.

scripts/chaos                                 ten minutes
scripts/chaos --seconds 120 --seed 7          two minutes, with the faults of that seed
scripts/chaos --faults kill,restart_postgres  only these
scripts/chaos --sqlite                        one node on SQLite
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from chaos import checks, faults, load
from chaos.cluster import Cluster, leftovers
from chaos.evidence import Evidence, collect
from chaos.http import Client
from chaos.journal import Journal
from chaos.load import Behaviour, Load
from chaos.model import Model
from chaos.node_log import find_troubles
from chaos.report import print_report
from chaos.single import SingleNode
from receiver import Receiver
from upstream import Upstream

_ROOT: Final = Path(__file__).parents[2]
_MIX: Final[dict[str, list[Behaviour]]] = {
    "plain": [load.plain_runs] * 4,
    "function": [load.function_runs] * 3,
    "responses": [load.background_responses] * 3,
    "files": [load.files],
    "ingestion": [load.ingestion],
    "batches": [load.batches],
    "chats": [load.chats],
    "realtime": [load.realtime] * 2,
    "videos": [load.videos],
    "code": [load.code_runs],
}


def main() -> None:
    arguments = _parse()
    directory = Path(tempfile.mkdtemp(prefix="understudy-chaos-"))
    try:
        evidence = asyncio.run(_run(arguments, directory))
    except BaseException:
        print(f"The logs are in {directory}.", file=sys.stderr)
        raise
    results = checks.check_all(evidence)
    is_met = print_report(evidence, results, arguments.seed)
    (directory / "journal.json").write_bytes(msgspec.json.format(msgspec.json.encode(evidence.journal)))
    if is_met and not arguments.keep:
        shutil.rmtree(directory)
    else:
        print(f"The logs are in {directory}.")
    sys.exit(not is_met)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="for which faults are made (600)")
    parser.add_argument("--seed", type=int, default=None, help="of the faults and of what clients do")
    parser.add_argument("--thinking", type=float, default=1.0, help="mean seconds between the actions of a client (1)")
    parser.add_argument("--turn", type=float, default=2.0, help="mean seconds of an answer of the model (2)")
    parser.add_argument("--faults", default="", help="names, separated by commas; all by default")
    parser.add_argument("--load", default="", help=f"of {','.join(_MIX)}; all by default")
    parser.add_argument("--sqlite", action="store_true", help="one node on SQLite instead of a cluster")
    parser.add_argument("--keep", action="store_true", help="keep the logs and the files")
    arguments = parser.parse_args()
    arguments.seed = random.randrange(10_000) if arguments.seed is None else arguments.seed
    for name in filter(None, arguments.load.split(",")):
        if name not in _MIX:
            parser.error(f"unknown load {name!r}")
    return arguments


async def _run(arguments: argparse.Namespace, directory: Path) -> Evidence:
    journal, model = Journal(), Model(arguments.seed, arguments.turn)
    mix = [name for name in _MIX if not arguments.load or name in arguments.load.split(",")]
    interpreter = _find_interpreter() if "code" in mix else None
    if interpreter is None and "code" in mix:
        mix.remove("code")
        print("Without code runs: the interpreter's environment is missing (scripts/setup interpreter).")
    system = SingleNode if arguments.sqlite else Cluster
    with Upstream() as upstream, Receiver() as receiver, system(directory, upstream.url, interpreter) as cluster:
        upstream.always(model.answer)
        await cluster.start()
        client = Client([node.url for node in cluster.serving if node.url is not None], journal, arguments.seed)
        evidence = Evidence(journal, model.issued)
        background = [asyncio.create_task(node.keep_running()) for node in cluster.nodes]
        background.append(asyncio.create_task(_refuse_webhooks(receiver)))
        try:
            until = time.monotonic() + arguments.seconds
            work = Load(client, journal, until, arguments.thinking)
            await work.prepare(receiver.url)
            chaos = faults.Faults(cluster, journal, arguments.seed, _chosen_faults(arguments))
            clients = [behaviour for name in mix for behaviour in _MIX[name]]
            await asyncio.gather(chaos.run(until), work.run(clients))
            await _restart_one(cluster)
            evidence.realtime_responses = _count_responses(upstream)
            evidence.realtime_places = await cluster.find_places()
            async with cluster.connect() as database:
                await collect(evidence, client, database, cluster.blobs)
        finally:
            await client.close()
            for task in background:
                task.cancel()
        evidence.orphans += chaos.orphans
        await _stop(cluster, evidence)
        while not receiver.none_left():
            evidence.received.append(receiver.next())
    return evidence


def _count_responses(upstream: Upstream) -> int:
    sessions = upstream.realtime.sessions
    return sum(event["type"] == "response.create" for session in sessions for event in session.received)


def _chosen_faults(arguments: argparse.Namespace) -> Sequence[faults.Fault]:
    names = [name for name in arguments.faults.split(",") if name]
    usual = faults.SINGLE_FAULTS if arguments.sqlite else faults.FAULTS
    return [getattr(faults, name) for name in names] or usual


async def _restart_one(cluster: Cluster | SingleNode) -> None:
    """A start removes the unfinished files of writers that died."""
    cluster.nodes[0].kill()
    await cluster.nodes[0].start()


async def _stop(cluster: Cluster | SingleNode, evidence: Evidence) -> None:
    for node in cluster.nodes:
        children = node.children()
        problem = await node.stop()
        evidence.troubles += [] if problem is None else [problem]
        evidence.orphans += [f"{node.name}: {line}" for line in await leftovers(children, 10)]
        evidence.troubles += node.exits
        log = node.log.read_text(errors="replace")
        evidence.troubles += [f"{node.name}: {entry}" for entry in find_troubles(log)]


async def _refuse_webhooks(receiver: Receiver) -> None:
    """Some deliveries are refused at first, as endpoints do."""
    while True:
        await asyncio.sleep(3)
        receiver.answer(500)


def _find_interpreter() -> Path | None:
    python = _ROOT / ".venv-interpreter" / "bin" / "python"
    return python if python.exists() else None


if __name__ == "__main__":
    main()
