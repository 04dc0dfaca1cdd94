"""The table of a run's states: what each request answers in each of them."""

import pytest

from conformance import shapes
from conformance.conftest import asker
from serving import Server, serve
from upstream import HANG, call, calls, fault, text
from waiting import eventually

ACTIVE = ("queued", "in_progress", "requires_action")
ENDED = ("completed", "incomplete", "failed", "cancelled", "expired")
OVER = {
    "completed": {"completed_at": int},
    "incomplete": {"incomplete_details": {"reason": "max_completion_tokens"}},
    "failed": {"failed_at": int, "last_error": {"code": "server_error", "message": str}},
    "cancelled": {"cancelled_at": int},
    "expired": {},
}


class Case:
    """A run that is in the state a test asks for."""

    def __init__(self, server, ask, assistant, run):
        self.server = server
        self.ask = ask
        self.assistant = assistant
        self.run = run
        self.thread = f"/threads/{run['thread_id']}"
        self.path = f"{self.thread}/runs/{run['id']}"

    def read(self):
        return self.ask("GET", self.path)

    def end(self):
        """Frees the run's place for the next test; its thread may have been deleted by this one."""
        for run in self._runs():
            self.server.ask("POST", f"/v1{self.thread}/runs/{run['id']}/cancel")
        eventually(lambda: all(run["status"] in ENDED for run in self._runs()))

    def _runs(self):
        return self.server.ask("GET", f"/v1{self.thread}/runs").json.get("data", [])

    def reach(self, state):
        eventually(lambda: self.read()["status"] == state)
        return self


@pytest.fixture(scope="module")
def single_run_server(session_upstream, tmp_path_factory):
    """A server that executes one run at a time, so that a second one stays queued."""
    directory = tmp_path_factory.mktemp("single")
    yield from serve(Server(directory, session_upstream.url, limits__concurrent_runs=1))


@pytest.fixture(scope="module")
def expiring_server(session_upstream, tmp_path_factory):
    """A server whose runs expire after a second."""
    yield from serve(Server(tmp_path_factory.mktemp("expiring"), session_upstream.url, limits__run_seconds=1))


@pytest.fixture
def case(request, state, upstream):
    """A run in the state of the test's parameter `state`; what still runs after the test is cancelled."""
    answers = {
        "requires_action": calls(call("f", a=1)),
        "failed": fault(500),
        "incomplete": text("cut", finish="length"),
    }
    answer = (
        text(HANG) if state in {"queued", "in_progress", "cancelled", "expired"} else answers.get(state, text("Fine."))
    )
    upstream.always(lambda _: answer)
    server = request.getfixturevalue("expiring_server" if state == "expired" else "single_run_server")
    ask = asker(server)
    tools = [{"type": "function", "function": {"name": "f"}}]
    assistant = ask("POST", "/assistants", {"model": "gpt-4o", "tools": tools})

    cases = []

    def start():
        body = {"assistant_id": assistant["id"], "thread": {"messages": [{"role": "user", "content": "Hello"}]}}
        cases.append(Case(server, ask, assistant, ask("POST", "/threads/runs", body)))
        return cases[-1]

    if state == "queued":
        start().reach("in_progress")
    case = start()
    if state == "cancelled":
        ask("POST", f"{case.path}/cancel")
    yield case.reach(state)
    for one in cases:
        one.end()


in_each = pytest.mark.parametrize("state", [*ACTIVE, *ENDED])
while_active = pytest.mark.parametrize("state", ACTIVE)
once_ended = pytest.mark.parametrize("state", ENDED)


@while_active
@pytest.mark.proves("runs.lock.message", "runs.lock.run", "runs.lock.never_conflict")
def test_the_thread_of_an_active_run_is_locked(case, state):
    busy = shapes.error(f"Can't add messages to {case.run['thread_id']} while a run {case.run['id']} is active.")
    case.ask("POST", f"{case.thread}/messages", {"role": "user", "content": "Late"}, busy, status=400)
    busy = shapes.error(f"Thread {case.run['thread_id']} already has an active run {case.run['id']}.")
    case.ask("POST", f"{case.thread}/runs", {"assistant_id": case.assistant["id"]}, busy, status=400)


@once_ended
@pytest.mark.proves("runs.lock.released")
def test_the_thread_of_an_ended_run_is_free(case, state):
    case.ask("POST", f"{case.thread}/messages", {"role": "user", "content": "More"}, shapes.message("More"))
    run = case.ask("POST", f"{case.thread}/runs", {"assistant_id": case.assistant["id"]})
    assert run["status"] == "queued"


@in_each
@pytest.mark.proves("runs.lock.the_rest")
def test_everything_else_is_allowed_in_each_state(case, state):
    case.ask("POST", case.thread, {"metadata": {"a": "b"}}, shapes.thread(metadata={"a": "b"}))
    (*_, question) = case.ask("GET", f"{case.thread}/messages")["data"]
    case.ask("POST", f"{case.thread}/messages/{question['id']}", {"metadata": {"a": "b"}})
    assert case.ask("POST", case.path, {"metadata": {"a": "b"}})["metadata"] == {"a": "b"}
    assert case.read()["status"] == state
    message = f"{case.thread}/messages/{question['id']}"
    case.ask("DELETE", message, None, shapes.deleted("msg", "thread.message"))
    case.ask("GET", message, None, shapes.error(f"No message found with id '{question['id']}'."), status=404)
    case.ask("DELETE", case.thread, None, shapes.deleted("thread", "thread"))
    case.ask("GET", case.path, None, shapes.error(f"No thread found with id '{case.run['thread_id']}'."), status=404)


@while_active
@pytest.mark.proves("runs.cancel", "runs.cancel.twice", "requests.no_body")
def test_an_active_run_is_cancelled(case, state):
    before = case.read()
    headers = {"Content-Type": "application/json"}
    cancelling = case.ask("POST", f"{case.path}/cancel", headers=headers)
    assert cancelling == {**before, "status": "cancelling", "required_action": None}
    again = case.server.ask("POST", f"/v1{case.path}/cancel", headers=headers)
    assert again.status == 400
    texts = [f"Cannot cancel run with status '{status}'." for status in ("cancelling", "cancelled")]
    assert again.json["error"]["message"] in texts
    case.reach("cancelled")
    over = case.read()
    assert (over["expires_at"], over["required_action"]) == (None, None)
    assert over["cancelled_at"] >= over["created_at"]


@once_ended
@pytest.mark.proves("runs.cancel.ended")
def test_an_ended_run_is_not_cancelled(case, state):
    refusal = shapes.error(f"Cannot cancel run with status '{state}'.")
    case.ask("POST", f"{case.path}/cancel", None, refusal, status=400)
    assert case.read()["status"] == state


@pytest.mark.parametrize("state", ["queued", "in_progress", *ENDED])
@pytest.mark.proves("runs.submit.state")
def test_outputs_are_refused_unless_the_run_waits_for_them(case, state):
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}]}
    refusal = shapes.error(f'Runs in status "{state}" do not accept tool outputs.')
    case.ask("POST", f"{case.path}/submit_tool_outputs", body, refusal, status=400)
    case.ask("POST", f"{case.path}/submit_tool_outputs", {**body, "stream": True}, refusal, status=400)


@once_ended
@pytest.mark.proves("runs.timestamps", "runs.ends", "runs.usage")
def test_an_ended_run_has_the_timestamp_of_its_status_only(case, state):
    over = case.read()
    changes = shapes.ended(state, **OVER[state])
    tools = [{"type": "function", "function": {"name": "f", "description": None, "parameters": dict, "strict": False}}]
    shapes.assert_shape(over, shapes.run(**changes, tools=tools))
    assert over["started_at"] >= over["created_at"]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([], id="none"),
        pytest.param(["call_a"], id="too few"),
        pytest.param(["call_a", "call_a"], id="one twice"),
        pytest.param(["call_a", "call_b", "call_b"], id="one doubled"),
        pytest.param(["call_a", "call_c"], id="a wrong one"),
    ],
)
@pytest.mark.proves("runs.submit.all_at_once")
def test_exactly_one_output_for_each_call_is_taken(ask, upstream, caller, thread, given):
    upstream.answer(calls(call("f", call_id="call_a"), call("f", call_id="call_b")), text("Fine."))
    path = f"/threads/{thread['id']}/runs"
    run = ask("POST", path, {"assistant_id": caller["id"]})
    path = f"{path}/{run['id']}"
    eventually(lambda: ask("GET", path)["status"] == "requires_action")
    body = {"tool_outputs": [{"tool_call_id": call_id, "output": ""} for call_id in given]}
    refusal = shapes.error(f"Expected tool outputs for call_ids ['call_a', 'call_b'], got {given}")
    ask("POST", f"{path}/submit_tool_outputs", body, refusal, status=400)
    assert ask("GET", path)["status"] == "requires_action"
    whole = {"tool_outputs": [{"tool_call_id": call_id, "output": ""} for call_id in ("call_b", "call_a")]}
    assert ask("POST", f"{path}/submit_tool_outputs", whole)["status"] == "queued"
    eventually(lambda: ask("GET", path)["status"] == "completed")
