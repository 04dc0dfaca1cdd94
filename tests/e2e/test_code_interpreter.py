"""The code interpreter in runs, with real kernels in real sandboxes: streamed, polled, with files and figures."""

import json
import re

import openai
import pytest

from e2e.assistants_client import POLL, WEATHER, new_thread, outputs_for, reached, run_of, steps_of, user
from envelope import assert_error
from sandbox.machine import interpreter, require_sandbox
from sandbox.sandbox_runs import pixels
from serving import Server, serve
from upstream import call, calls, text
from waiting import eventually

CODE = {"type": "code_interpreter"}
PLOT = """
import matplotlib.pyplot as plt
print("before")
plt.plot([1, 2, 3])
plt.show()
print("after")
"""


@pytest.fixture(scope="module")
def sandboxed(session_upstream, tmp_path_factory):
    require_sandbox()
    directory = tmp_path_factory.mktemp("sandboxed")
    yield from serve(Server(directory, session_upstream.url, sandbox__python=interpreter()))


@pytest.fixture
def client(sandboxed):
    return sandboxed.client


@pytest.fixture
def coder(client):
    return client.beta.assistants.create(model="gpt-4o", tools=[CODE])


def runs(code, call_id="call_c"):
    return calls(call("code_interpreter", call_id=call_id, code=code, pieces=4))


def call_of(client, run, number=0):
    """What the call in the run's step of this number did."""
    return steps_of(client, run)[number].step_details.tool_calls[0].code_interpreter


def newest(client, thread):
    return next(iter(client.beta.threads.messages.list(thread.id)))


@pytest.mark.proves("code_interpreter.steps")
def test_code_runs_and_its_logs_go_to_the_step_and_to_the_model(client, upstream, coder):
    thread = new_thread(client, "Compute")
    upstream.answer(runs("print('hello')\n6 * 7"), text("It is 42."))
    run = run_of(client, thread, coder)
    assert run.status == "completed"
    made = call_of(client, run)
    assert made.input == "print('hello')\n6 * 7"
    assert [one.to_dict() for one in made.outputs] == [{"type": "logs", "logs": "hello\n42\n"}]
    assert upstream.requests[-1].body["messages"][-1]["content"] == "hello\n42"


@pytest.mark.proves("code_interpreter.stream")
def test_code_and_its_outputs_are_streamed_and_figures_come_before_the_text(client, upstream, coder):
    thread = new_thread(client, "Plot")
    upstream.answer(runs(PLOT), text("Here ", "it is."))
    code, outputs, content = "", [], []
    with client.beta.threads.runs.create(thread_id=thread.id, assistant_id=coder.id, stream=True) as stream:
        for event in stream:
            if event.event == "thread.run.step.delta":
                (made,) = event.data.delta.step_details.tool_calls
                code += made.code_interpreter.input or ""
                outputs += made.code_interpreter.outputs or []
            if event.event == "thread.message.delta":
                content += event.data.delta.content
    assert code == PLOT
    # What is printed may arrive in several pieces.
    assert list(dict.fromkeys((one.index, one.type) for one in outputs)) == [(0, "logs"), (1, "image"), (2, "logs")]
    assert [(one.index, one.type) for one in content] == [(0, "image_file"), (1, "text"), (1, "text")]
    figure = content[0].image_file.file_id
    assert figure == next(one for one in outputs if one.type == "image").image.file_id
    assert client.files.content(figure).read().startswith(b"\x89PNG")
    assert [part.type for part in newest(client, thread).content] == ["image_file", "text"]


@pytest.mark.proves("code_interpreter.files")
def test_files_go_in_by_id_and_by_name_and_come_out_as_files(client, upstream, coder):
    file = client.files.create(file=("data \u00fc.csv", b"a,b\n1,2\n"), purpose="assistants")
    attached = user("Sum", attachments=[{"file_id": file.id, "tools": [CODE]}])
    thread = client.beta.threads.create(messages=[attached])
    code = f"""
print(open("/mnt/data/{file.id}").read() == open("/mnt/data/data \u00fc.csv").read())
open("/mnt/data/sum.txt", "w").write("3")
"""
    answer = "\U0001f382 [sum](sandbox:/mnt/data/sum.txt)"
    upstream.answer(runs(code), text(*answer))
    run = run_of(client, thread, coder)
    assert call_of(client, run).outputs[0].logs.startswith("True")
    part = newest(client, thread).content[0].text
    assert part.value == answer
    (link,) = part.annotations
    assert (link.type, part.value[link.start_index : link.end_index]) == ("file_path", "sandbox:/mnt/data/sum.txt")
    made = client.files.retrieve(link.file_path.file_id)
    assert (made.filename, made.purpose) == ("sum.txt", "assistants_output")
    assert client.files.content(made.id).read() == b"3"
    assert file.id in upstream.requests[-1].body["tools"][0]["function"]["description"]


FIGURE = """
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
open("/mnt/data/fits.txt", "w").write("x" * 10)
open("/mnt/data/big.txt", "w").write("x" * 500)
"""


def test_files_and_figures_beyond_the_projects_bytes_are_left_in_the_container(sandboxed, upstream):
    sandboxed.run("projects", "create", "small")
    sandboxed.run("limits", "set", "stored_bytes=100", "--project", "small")
    key = json.loads(sandboxed.run("keys", "create", "--project", "small", "--json"))["key"]
    with sandboxed.new_client(api_key=key) as client:
        coder = client.beta.assistants.create(model="gpt-4o", tools=[CODE])
        thread = new_thread(client, "Plot")
        upstream.answer(runs(FIGURE), text("Done."))
        run = run_of(client, thread, coder)
        assert run.status == "completed"
        (logs,) = call_of(client, run).outputs
        assert logs.type == "logs"
        assert re.search(
            r"A figure was not stored: The storage limit of this project is exceeded: Limit 100", logs.logs
        )
        assert "A file was not stored: The storage limit" in logs.logs
        assert "storage limit" in upstream.requests[-1].body["messages"][-1]["content"]
        assert [file.filename for file in client.files.list()] == ["fits.txt"]
        # Once there is room, the next call stores it.
        sandboxed.run("limits", "set", "stored_bytes=10000", "--project", "small")

        def list_after_a_call():
            upstream.answer(runs("1"), text("Done."))
            run_of(client, thread, coder)
            return sorted(file.filename for file in client.files.list())

        eventually(lambda: list_after_a_call() == ["big.txt", "fits.txt"])
        # A container's upload does not fit either.
        container = client.containers.create(name="mine")
        with pytest.raises(openai.BadRequestError) as refused:
            client.containers.files.create(container.id, file=("a.bin", bytes(10_000)))
        assert refused.value.code == "storage_limit_exceeded"
        assert client.containers.files.create(container.id, file=("a.bin", bytes(9_000))).bytes == 9_000


def test_an_overwritten_input_file_is_returned_under_its_original_name(client, upstream, coder):
    file = client.files.create(file=("sales.csv", b"1,2\n"), purpose="assistants")
    thread = client.beta.threads.create(messages=[user("Clean", attachments=[{"file_id": file.id, "tools": [CODE]}])])
    code = "open('/mnt/data/sales.csv', 'a').write('3,4\\n')"
    upstream.answer(runs(code), text(f"[a](sandbox:/mnt/data/sales.csv) [b](sandbox:/mnt/data/{file.id})"))
    run_of(client, thread, coder)
    links = [link.file_path.file_id for link in newest(client, thread).content[0].text.annotations]
    assert len(links) == 2
    assert len(set(links) - {file.id}) == 1
    made = client.files.retrieve(links[0])
    assert made.filename == "sales.csv"
    assert client.files.content(made.id).read() == b"1,2\n3,4\n"
    assert client.files.content(file.id).read() == b"1,2\n"


@pytest.mark.proves("code_interpreter.state")
def test_a_thread_preserves_its_variables_and_does_not_share_them(client, upstream, coder):
    thread, other = new_thread(client, "Remember"), new_thread(client, "Other")
    upstream.answer(runs("x = 41"), text("Yes."), runs("print(x + 1)"), text("42."))
    run_of(client, thread, coder)
    client.beta.threads.messages.create(thread.id, **user("And?"))
    assert call_of(client, run_of(client, thread, coder)).outputs[0].logs == "42\n"
    upstream.answer(runs("print(x)"), text("No."))
    assert "NameError" in call_of(client, run_of(client, other, coder)).outputs[0].logs


@pytest.mark.proves("code_interpreter.errors")
def test_an_error_is_returned_to_the_model_which_tries_again(client, upstream, coder):
    thread = new_thread(client, "Divide")
    upstream.answer(runs("1 / 0"), runs("1 / 2", "call_d"), text("0.5"))
    run = run_of(client, thread, coder)
    assert (run.status, len(steps_of(client, run))) == ("completed", 3)
    assert "ZeroDivisionError" in call_of(client, run).outputs[0].logs
    assert call_of(client, run, 1).outputs[0].logs == "0.5\n"


def test_a_table_is_grouped_plotted_and_downloaded_without_any_provider(client):
    csv = b"region,amount\n" + b"".join(f"{region},{n}\n".encode() for n in range(40) for region in ("north", "south"))
    file = client.files.create(file=("sales.csv", csv), purpose="assistants")
    actor = client.beta.assistants.create(model="rehearsal", tools=[CODE])
    asked = "Group the amounts of sales.csv by region and plot them"
    thread = client.beta.threads.create(messages=[user(asked, attachments=[{"file_id": file.id, "tools": [CODE]}])])
    run = run_of(client, thread, actor)
    assert run.status == "completed"
    message = newest(client, thread)
    figure = message.content[0].image_file.file_id
    width, height, drawn = pixels(client.files.content(figure).read())
    assert 600 < width < 900
    assert 350 < height < 600
    assert len(set(drawn)) > 10, "it is blank"
    assert client.files.retrieve(figure).purpose == "assistants_output"


def test_a_large_number_is_computed_without_any_provider(client):
    actor = client.beta.assistants.create(model="rehearsal", tools=[CODE])
    thread = new_thread(client, "Compute 2**100")
    run = run_of(client, thread, actor)
    assert str(2**100) in call_of(client, run).outputs[0].logs
    assert str(2**100) in newest(client, thread).content[0].text.value


def test_code_in_backticks_is_run_without_any_provider(client):
    actor = client.beta.assistants.create(model="rehearsal", tools=[CODE])
    thread = new_thread(client, "Run `print('-'.join(str(n * n) for n in range(5)))`")
    run = run_of(client, thread, actor)
    assert run.status == "completed"
    called = call_of(client, run)
    assert "'-'.join" in called.input
    assert called.outputs[0].logs == "0-1-4-9-16\n"
    assert "0-1-4-9-16" in newest(client, thread).content[0].text.value


def test_a_named_file_is_plotted_without_any_provider(client):
    csv = b"day,visitors\n" + b"".join(f"{day},{day * day}\n".encode() for day in range(1, 20))
    file = client.files.create(file=("visitors.csv", csv), purpose="assistants")
    container = {"type": "auto", "file_ids": [file.id]}
    response = client.responses.create(
        model="rehearsal", input="Plot visitors.csv", tools=[{**CODE, "container": container}]
    )
    assert response.status == "completed"
    (called,) = [item for item in response.output if item.type == "code_interpreter_call"]
    assert "visitors.csv" in called.code
    (cited, *_) = response.output[-1].content[0].annotations
    assert cited.type == "container_file_citation"
    assert len(set(pixels(client.files.content(cited.file_id).read())[2])) > 10, "it is blank"


def test_code_and_a_function_in_one_turn(client, upstream):
    both = client.beta.assistants.create(model="gpt-4o", tools=[CODE, WEATHER])
    thread = new_thread(client, "Both")
    first = call("code_interpreter", call_id="call_c", code="print(1)")
    upstream.answer(calls(first, call("get_weather", call_id="call_w", city="Paris")), text("Done."))
    run = run_of(client, thread, both)
    assert run.status == "requires_action"
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=POLL
    )
    assert run.status == "completed"
    assert call_of(client, run).outputs[0].logs == "1\n"


@pytest.mark.proves("code_interpreter.cancel")
def test_cancelling_a_run_stops_its_code_and_leaves_the_thread_usable(client, upstream, coder):
    thread = new_thread(client, "Loop")
    upstream.answer(runs("y = 1\nprint('begun', flush=True)\nwhile True: pass"))
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=coder.id)
    eventually(lambda: steps_of(client, run) and upstream.requests)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert reached(client, run).status == "cancelled"
    upstream.answer(runs("print('again')"), text("Fine."))
    client.beta.threads.messages.create(thread.id, **user("Again"))
    assert run_of(client, thread, coder).status == "completed"


@pytest.mark.proves("code_interpreter.refused")
def test_where_no_code_can_run_the_run_is_refused_with_the_reason(new_server):
    server = new_server(sandbox__python="/nowhere/bin/python").start()
    coder = server.client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(server.client, "Compute")
    with pytest.raises(openai.BadRequestError) as refusal:
        run_of(server.client, thread, coder)
    assert refusal.value.code == "unsupported_tool"
    assert "code_interpreter" in refusal.value.message
    assert_error(refusal.value, 400, refusal.value.body["message"], "tools[0]", "unsupported_tool")
