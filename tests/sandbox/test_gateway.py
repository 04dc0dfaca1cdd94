"""The same sessions behind a real Jupyter Kernel Gateway, started here; its kernels have a folder of their own."""

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import signal

import pytest
import pytest_asyncio

from gateways import jupyter_gateway
from sandbox.sandbox_runs import content, ok, once, pixels, run, until
from store.samples import NOW, OURS
from understudy import ids
from understudy.blobs import DirectoryBlobs
from understudy.broker.opening import build_broker
from understudy.clock import SystemClock
from understudy.engine.tools.container_sessions import ContainerSessions
from understudy.errors import InvalidName, NoSuchFile, SandboxError
from understudy.settings import SandboxSettings
from understudy.store import open_store
from understudy.store.nodes import Node
from understudy.tools.sandbox import Stream, Value
from understudy.tools.sandbox.gateway import GatewaySandbox
from understudy.tools.sandbox.report import facts
from understudy.wire.containers import ContainerExpiresAfter, ContainerResource

TOKEN = secrets.token_hex(16)
_keys = (f"gateway-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Its URL."""
    with jupyter_gateway(tmp_path_factory.mktemp("gateway"), TOKEN) as (url, _):
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def new_gateway(gateway, tmp_path):
    opened = []

    async def make(folder="data", **changes):
        settings = {"kind": "gateway", "url": gateway, "token": TOKEN, "cell_seconds": 20, "output_bytes": 10_000}
        sandbox = GatewaySandbox(SandboxSettings(**{**settings, **changes}), SystemClock(), str(tmp_path / folder))
        opened.append(sandbox)
        await sandbox.start()
        return sandbox

    yield make
    for sandbox in opened:
        await sandbox.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def behind(new_gateway):
    """A session behind the gateway."""
    return await (await new_gateway()).open(next(_keys))


async def test_code_runs_and_its_variables_persist(behind):
    ran = await run(behind, "x = 2**100\nprint('a', flush=True)\nx")
    assert ran.outputs[:-1] == [Stream("stdout", "a\n"), Value(str(2**100))]
    assert await ok(behind, "x + 1") == str(2**100 + 1)
    failed = await run(behind, "1 / 0")
    assert failed.status == "error"
    assert "\x1b" not in failed.error.traceback


async def test_files_go_in_and_out(behind):
    data = bytes(range(256)) * 6000
    await behind.put("file-1", once(data))
    await behind.link("nice.bin", "file-1")
    code = (
        "import hashlib\nopen('out.txt', 'w').write('made')\nhashlib.sha256(open('nice.bin', 'rb').read()).hexdigest()"
    )
    digest = (await ok(behind, code)).strip("'")
    files = {file.name: file for file in await behind.list()}
    assert sorted(files) == ["file-1", "out.txt"]
    assert files["file-1"].digest == digest
    assert await content(behind, "file-1") == data
    assert await content(behind, "out.txt") == b"made"
    await behind.remove("out.txt")
    with pytest.raises(NoSuchFile):
        await content(behind, "out.txt")


async def test_our_own_code_leaves_nothing_among_the_variables(behind):
    before = await ok(behind, "sorted(name for name in globals() if not name.startswith('_'))")
    await behind.put("a.txt", once(b"x"))
    await behind.list()
    assert await ok(behind, "sorted(name for name in globals() if not name.startswith('_'))") == before


async def test_names_and_links_lead_nowhere(behind, tmp_path):
    (tmp_path / "secret").write_text("secret")
    await ok(behind, f"import os\nos.symlink({str(tmp_path / 'secret')!r}, 'link')\nos.mkfifo('pipe')")
    assert await behind.list() == []
    for name in ("link", "pipe"):
        with pytest.raises(NoSuchFile):
            await content(behind, name)
    for name in ("../secret", "/etc/passwd", "a\nb", "+/..", ""):
        with pytest.raises(InvalidName):
            await behind.put(name, once(b""))


async def test_a_quote_in_a_name_stays_a_quote(behind):
    name = """it's "quoted" {x} \u20ac.txt"""
    await behind.put(name, once(b"x"))
    assert [file.name for file in await behind.list()] == [name]
    assert await content(behind, name) == b"x"


async def test_an_endless_loop_is_interrupted_and_loses_nothing(new_gateway):
    session = await (await new_gateway(cell_seconds=0.5)).open("a")
    await ok(session, "kept = 7")
    ran = await run(session, "while True: pass")
    assert ran.status == "timed_out"
    assert ran.ended.lost == "nothing"
    assert await ok(session, "kept") == "7"


async def test_code_that_does_not_react_loses_its_variables(new_gateway):
    session = await (await new_gateway(cell_seconds=0.5, interrupt_seconds=0.5)).open("a")
    await ok(session, "open('kept.txt', 'w').write('here')")
    ran = await run(session, "import time\nwhile True:\n    try: time.sleep(0.05)\n    except BaseException: continue")
    assert ran.status == "timed_out"
    assert ran.ended.lost == "variables"
    after = await run(session, "open('kept.txt').read()")
    assert after.value == "'here'"
    assert after.notes == []


async def test_a_dead_kernel_is_replaced_and_a_note_reports_it(behind):
    ran = await run(behind, "import os\nos._exit(3)")
    assert ran.status == "died"
    assert ran.ended.lost == "variables"
    assert await ok(behind, "1 + 1") == "2"


async def test_a_kernel_that_died_unseen_is_led_back_to_its_files(behind):
    """The next request for its files, without any code to run, reports the loss."""
    pid = int(await ok(behind, "open('kept.txt', 'w').write('here')\nimport os\nos.getpid()"))
    os.kill(pid, signal.SIGKILL)

    async def listed():
        with contextlib.suppress(SandboxError):
            return [file.name for file in await behind.list()]

    assert await until(listed) == ["kept.txt"]
    ran = await run(behind, "open('kept.txt').read()")
    assert ran.value == "'here'"
    assert [note.lost for note in ran.notes] == ["variables"]


async def test_cancelling_stops_the_code(behind):
    said = behind.execute("print('started', flush=True)\nwhile True: pass")
    await anext(said)
    await said.aclose()
    assert await ok(behind, "'free again'") == "'free again'"


async def test_figures_are_images(behind):
    code = "import base64\nfrom IPython.display import Image, display\n"
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ran = await run(
        behind,
        f"{code}display(Image(base64.b64decode('{png}')))\ndisplay({{'image/png': 'none', 'text/plain': 'words'}}, raw=True)",
    )
    (image,) = ran.images
    assert pixels(image.data)[:2] == (1, 1)
    assert ran.value == "words"


async def test_text_is_cut_at_its_limit(behind):
    ran = await run(behind, "for _ in range(100): print('x' * 1000)")
    assert len(ran.text) == 10_000
    assert len(ran.notes) == 1
    assert ran.status == "ok"


async def test_a_closed_session_leaves_no_kernel_at_the_gateway(new_gateway):
    sandbox = await new_gateway()
    session = await sandbox.open("a")
    gateway = sandbox._gateway()
    kernels = {kernel["id"] for kernel in await gateway.request("GET", "kernels")}
    await session.close()

    async def fewer():
        return len({kernel["id"] for kernel in await gateway.request("GET", "kernels")} & kernels) == len(kernels) - 1

    assert await until(fewer)


async def test_a_kernel_that_was_ended_elsewhere_is_replaced(new_gateway, tmp_path):
    sandbox = await new_gateway()
    session = await sandbox.open("a")
    await sandbox._gateway().request("DELETE", session._kernel._path)
    shutil.rmtree(tmp_path / "data")  # as it would be with a container of the kernel's own
    ran = await run(session, "1")
    assert ran.ended.lost == "everything"
    assert await ok(session, "1 + 1") == "2"


async def test_an_error_of_a_gateway_reaches_clients_without_its_address(new_gateway, caplog):
    assert await (await new_gateway()).check() is None
    assert (
        "The gateway of the sandbox returned the status 401 for GET kernelspecs"
        in await (await new_gateway(token="wrong")).check()
    )
    missing = await (await new_gateway(kernel="fortran")).check()
    assert missing == "The gateway of the sandbox has no kernel 'fortran'; it has ['python3']."
    nobody = await new_gateway(url="http://127.0.0.1:1")
    assert await nobody.check() == "The gateway of the sandbox is unavailable."
    assert "http://127.0.0.1:1 is unavailable: Cannot connect" in caplog.text
    with pytest.raises(SandboxError, match=r"is unavailable\. It is at http://127\.0\.0\.1:1\."):
        await facts(SandboxSettings(kind="gateway", url="http://127.0.0.1:1"), SystemClock())
    with pytest.raises(SandboxError, match="is unavailable"):
        await nobody.open("a")


async def test_sessions_run_at_the_same_time(new_gateway):
    async def use(number):
        sandbox = await new_gateway(str(number))
        return await ok(await sandbox.open(f"session {number}"), f"{number} ** 2")

    assert await asyncio.gather(*map(use, range(3))) == ["0", "1", "4"]


async def test_sessions_that_would_share_their_files_are_refused(new_gateway):
    """A gateway that starts all kernels on one file system is set up wrong, and is not found out by an attacker."""
    sandbox = await new_gateway()
    first = await sandbox.open("first")
    with pytest.raises(SandboxError, match=r"share the folder .* Give each kernel a container of its own"):
        await sandbox.open("second")
    assert len(await sandbox._gateway().request("GET", "kernels")) == 1
    assert await first.list() == []
    assert await ok(first, "1 + 1") == "2"


# -- several nodes -------------------------------------------------------------------------------------------------


async def test_a_session_is_continued_by_another_process(new_gateway):
    first, second = await new_gateway(), await new_gateway()
    session = await first.open("a")
    await ok(session, "x = 41\nopen('kept.txt', 'w').write('here')")
    await session.detach()
    continued = await second.attach("a", session.reference)
    assert await ok(continued, "x + 1") == "42"
    assert continued.id == session.id
    assert [file.name for file in await continued.list()] == ["kept.txt"]
    assert second.find("a") is continued
    await continued.close()
    assert await second.attach("a", session.reference) is None


async def test_code_of_a_node_that_died_is_interrupted(new_gateway):
    first, second = await new_gateway(), await new_gateway()
    session = await first.open("a")
    await ok(session, "x = 1")
    running = session.execute("print('started', flush=True)\nwhile True: pass")
    await anext(running)
    continued = await second.attach("a", session.reference)
    assert await ok(continued, "x + 1") == "2"
    await session.detach()
    await running.aclose()


async def test_nodes_share_the_sessions_of_a_gateway(new_gateway, postgres, session_redis, tmp_path):
    store = await open_store(tmp_path / "store", postgres)
    await store.containers.create(OURS, container := new_container(), [])
    brokers = [build_broker(session_redis, 60) for _ in range(2)]
    blobs = DirectoryBlobs(tmp_path / "blobs", tmp_path / "unfinished")
    sandboxes = [await new_gateway() for _ in brokers]
    gateway = sandboxes[0]._gateway()
    nodes = [
        ContainerSessions(sandbox, store, blobs, broker, patience=5)
        for sandbox, broker in zip(sandboxes, brokers, strict=True)
    ]
    for broker in brokers:
        await broker.start()
        await store.nodes.register(
            Node(broker.node_id, "1.0", "server", "host", 1, "", broker.node_id, is_clustered=True)
        )
    for number in range(4):
        workspace = await nodes[number % 2].open(OURS, container.id, [])
        await ok(workspace.session, f"values = [*globals().get('values', ()), {number}]")
        workspace.opened_at -= 10  # as if it had been used for a while
    assert await ok(workspace.session, "values") == "[0, 1, 2, 3]"
    assert nodes[0].find(container.id) is None
    await store.nodes.retire(brokers[1].node_id)
    workspace = await nodes[0].open(OURS, container.id, [])
    assert (await ok(workspace.session, "values"), workspace.renewed) == ("[0, 1, 2, 3]", False)
    # A third node, which has had no session of the container.
    heir = ContainerSessions(await new_gateway(), store, blobs, build_broker(session_redis, 60), patience=5)
    await heir.end_orphaned_kernels(NOW + 1)
    assert await ok(workspace.session, "values") == "[0, 1, 2, 3]"
    # Its node is killed, and the container used by nobody.
    await workspace.session.detach()
    await store.nodes.retire(brokers[0].node_id)
    for before in (NOW, NOW + 1):
        assert len(await gateway.request("GET", "kernels")) == 1
        await heir.end_orphaned_kernels(before)
    assert await gateway.request("GET", "kernels") == []
    for broker in brokers:
        await broker.stop()
    await blobs.close()
    await store.close()


def new_container():
    return ContainerResource(
        id=ids.container(),
        created_at=NOW,
        expires_after=ContainerExpiresAfter(minutes=20),
        last_active_at=NOW,
        name="mine",
    )
