"""In which container a call's code runs, with a clock of the test's own and real sandboxes."""

import asyncio
import socket
from types import SimpleNamespace

import openai
import pytest
import pytest_asyncio
import uvicorn

from clocks import StillClock
from envelope import assert_error
from sandbox.machine import interpreter as python
from sandbox.machine import require_sandbox
from sandbox.sandbox_runs import until
from serving import KEY, WAIT
from understudy import app
from understudy.engine.tools.interpreter import AutoContainer
from understudy.errors import InvalidRequest, NotFound
from understudy.settings import LimitSettings, SandboxSettings, Settings
from understudy.tools.sandbox import Note, Stream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory):
    """An application, its clock, and the official client of it."""
    require_sandbox()
    clock = StillClock(1_800_000_000.0)
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        api_key=KEY,
        sandbox=SandboxSettings(python=python(), warm=2),
        limits=LimitSettings(file_bytes=100_000),
    )
    made = app.create_app(settings, clock)
    server = uvicorn.Server(uvicorn.Config(made, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=WAIT) as client:
            interpreter = made.state.understudy.worker.tools.interpreter
            yield SimpleNamespace(store=made.state.parts.store, interpreter=interpreter), clock, client
        server.should_exit = True
        await serving


@pytest_asyncio.fixture(loop_scope="module")
async def project(served):
    parts, _, _ = served
    return await parts.store.keys.project_of(KEY)


async def said(parts, project_id, wanted, code):
    """What the code printed, and the id of the container that it ran in."""
    workspace = await parts.interpreter.open_session(project_id, wanted)
    printed = [one.text async for one in parts.interpreter.run(workspace, code) if isinstance(one, Stream)]
    return "".join(printed), workspace.container_id


async def test_code_runs_in_the_container_with_the_requested_id_and_its_files(served, project):
    parts, _, client = served
    file = await client.files.create(file=("data.csv", b"1,2\n"), purpose="user_data")
    made = await client.containers.create(name="mine", file_ids=[file.id])
    await client.containers.files.create(made.id, file=("up.txt", b"uploaded"))
    names = [f"{file.id}-data.csv", file.id, "data.csv", "up.txt"]
    shown, container_id = await said(parts, project, made.id, f"print([open(name).read() for name in {names}])")
    assert shown == "['1,2\\n', '1,2\\n', '1,2\\n', 'uploaded']\n"
    assert container_id == made.id


async def test_files_written_by_code_are_saved_once_and_stay_in_place(served, project):
    parts, _, client = served
    made = await client.containers.create(name="mine")
    workspace = await parts.interpreter.open_session(project, made.id)
    for code, expected in (
        ("open('out.txt', 'w').write('one')", ["/mnt/data/out.txt"]),
        ("1", []),
        ("open('out.txt', 'w').write('two')", ["/mnt/data/out.txt"]),
    ):
        assert [one async for one in parts.interpreter.run(workspace, code)][-1].status == "ok"
        written = [one async for one in parts.interpreter.save_new_files(project, workspace, 100)]
        assert [file.path for file in written] == expected
    (listed,) = [file async for file in client.containers.files.list(made.id)]
    assert (listed.path, listed.source) == ("/mnt/data/out.txt", "assistant")


async def test_an_owner_has_one_container_that_preserves_its_variables(served, project):
    parts, _, client = served
    file = await client.files.create(file=("data.csv", b"1,2\n"), purpose="user_data")
    _, first = await said(parts, project, AutoContainer("conv_1", [file.id]), "x = 41")
    shown, second = await said(
        parts, project, AutoContainer("conv_1"), f"print(x + 1, open('{file.id}-data.csv').read())"
    )
    assert (shown, first) == ("42 1,2\n\n", second)
    shown, other = await said(
        parts, project, AutoContainer("conv_2", [file.id], bare_ids=True), f"print(open('{file.id}').read())"
    )
    assert shown == "1,2\n\n"
    assert other != first


async def test_an_input_file_does_not_overwrite_a_file_of_that_name_written_by_code(served, project):
    parts, _, client = served
    await said(parts, project, AutoContainer("conv_3"), "open('data.csv', 'w').write('mine')")
    file = await client.files.create(file=("data.csv", b"theirs"), purpose="user_data")
    shown, _ = await said(
        parts, project, AutoContainer("conv_3", [file.id]), f"print(open('data.csv').read(), open('{file.id}').read())"
    )
    assert shown == "mine theirs\n"


@pytest.mark.proves("containers.expiry")
async def test_a_container_that_was_not_used_for_its_time_has_expired(served, project):
    parts, clock, client = served
    made = await client.containers.create(name="old", expires_after={"anchor": "last_active_at", "minutes": 5})
    clock.time += 299
    assert (await client.containers.retrieve(made.id)).last_active_at == int(clock.time)
    clock.time += 299
    await parts.interpreter.resolve_container(project, made.id)
    clock.time += 300
    assert (await client.containers.retrieve(made.id)).status == "expired"
    assert (await client.containers.retrieve(made.id)).last_active_at == int(clock.time) - 300
    sentence = f"Container '{made.id}' has expired. Create a new one."
    for asked in (
        client.containers.files.list(made.id),
        client.containers.files.create(made.id, file=("a.txt", b"x")),
        client.containers.files.create(made.id, file_id="file-1"),
        client.containers.files.content.retrieve("cfile_1", container_id=made.id),
    ):
        with pytest.raises(openai.APIStatusError) as refusal:
            await asked
        assert refusal.value.status_code in {400, 404}
    assert_error(refusal.value, 400, sentence, None)
    with pytest.raises(InvalidRequest, match="has expired"):
        await parts.interpreter.open_session(project, made.id)
    assert made.id in [one.id async for one in client.containers.list()]
    await client.containers.delete(made.id)
    with pytest.raises(NotFound):
        await parts.interpreter.open_session(project, made.id)


async def test_an_owner_gets_a_new_container_after_the_old_one_expired(served, project):
    parts, clock, client = served
    _, first = await said(parts, project, AutoContainer("conv_4"), "x = 1")
    clock.time += 1200
    workspace = await parts.interpreter.open_session(project, AutoContainer("conv_4"))
    outputs = [one async for one in parts.interpreter.run(workspace, "print('x' in globals())")]
    assert [one.text for one in outputs if isinstance(one, Stream)] == ["False\n"]
    assert isinstance(outputs[0], Note)
    assert outputs[0].text.startswith("The session ended meanwhile, and this is a new one.")
    second = workspace.container_id
    assert second != first
    assert (await client.containers.retrieve(first)).status == "expired"
    assert (await client.containers.retrieve(second)).status == "running"


async def test_one_call_does_not_fill_the_server_s_disk(served, project):
    parts, _, _ = served
    workspace = await parts.interpreter.open_session(project, AutoContainer("conv_5"))
    code = "for name, size in (('a', 60_000), ('b', 60_000), ('c', 10), ('huge', 200_000)): open(name, 'w').write('x' * size)"
    assert [one async for one in parts.interpreter.run(workspace, code)][-1].status == "ok"
    for expected in (["a", "c"], ["b"], []):
        made = [one async for one in parts.interpreter.save_new_files(project, workspace, 100)]
        assert [file.path for file in made] == [f"/mnt/data/{name}" for name in expected]


async def test_a_lost_session_is_reported_once(served, project):
    parts, _, _ = served
    for code in ("x = 1", "y = 2"):
        workspace = await parts.interpreter.open_session(project, AutoContainer("conv_6"))
        outputs = [one async for one in parts.interpreter.run(workspace, code)]
        assert [one for one in outputs if isinstance(one, Note)] == []
    await workspace.session.close()  # as where room is made for another one
    for notes in (1, 0):
        workspace = await parts.interpreter.open_session(project, AutoContainer("conv_6"))
        outputs = [one async for one in parts.interpreter.run(workspace, "z = 3")]
        assert [one.lost for one in outputs if isinstance(one, Note)] == ["everything"] * notes


async def test_a_container_of_another_project_is_not_found(served, project):
    parts, _, client = served
    made = await client.containers.create(name="mine")
    with pytest.raises(NotFound):
        await parts.interpreter.open_session("proj_other", made.id)
    with pytest.raises(NotFound):
        await parts.interpreter.open_session(project, "cntr_unknown")
