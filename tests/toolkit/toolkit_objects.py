"""What the tools are tried on: objects of a server, and for each tool its arguments, a look at what it gives, a slip."""

from collections.abc import Callable
from dataclasses import dataclass, field

from e2e.assistants_client import WEATHER, new_thread, outputs_for, reached, run_of
from waiting import eventually


class World:
    """Makes what a tool needs, through the official client."""

    def __init__(self, server):
        self.server = server
        self.client = server.client

    def assistant(self, **members):
        return self.client.beta.assistants.create(model="rehearsal", **members)

    def thread(self):
        return new_thread(self.client, "Hello")

    def message(self):
        thread = self.thread()
        return self.client.beta.threads.messages.list(thread.id).data[0]

    def run(self):
        """One that is completed."""
        return run_of(self.client, self.thread(), self.assistant())

    def waiting_run(self):
        """One that waits for the output of a function."""
        forecaster = self.assistant(tools=[WEATHER])
        choice = {"type": "function", "function": {"name": "get_weather"}}
        run = run_of(self.client, new_thread(self.client, "Weather in Paris?"), forecaster, tool_choice=choice)
        return reached(self.client, run, "requires_action")

    def step(self):
        run = self.run()
        return self.client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data[0]

    def video(self):
        """One that was asked for; nobody waits for it."""
        asked = {"user_prompt": "A red ball. Static", "aspect_ratio": "1:1"}
        return self.server.ask("POST", "/luma-ai/generations", asked).json["id"]

    def outputs(self, run):
        return {**at(run), "tool_outputs": outputs_for(run)}


def at(run):
    return {"run_id": run.id, "thread_id": run.thread_id}


def of(message):
    return {"message_id": message.id, "thread_id": message.thread_id}


def has(**members):
    """A look at what was given: these members have these values."""

    def check(data):
        assert {name: data[name] for name in members} == members

    return check


def deleted(identifier, kind):
    def check(data):
        assert data == {"id": identifier, "object": f"{kind}.deleted", "deleted": True}

    return check


def lists(*identifiers, more=False):
    def check(data):
        assert (data["object"], [one["id"] for one in data["data"]]) == ("list", [*identifiers])
        assert data["has_more"] is more

    return check


@dataclass(frozen=True)
class Case:
    """`use` makes the arguments and the look; `refused` are arguments that make of them a slip, which is named so."""

    use: Callable
    complaint: str
    refused: dict = field(default_factory=dict)


CASES = {}


def case(name, complaint, **refused):
    def decorate(use):
        CASES[name] = Case(use, complaint, refused)
        return use

    return decorate


@case("CREATE_ASSISTANT", "Invalid 'model': '' is not one of", model="")
def create_assistant(world):
    made = {"model": "rehearsal", "name": "Ada", "tools": [WEATHER], "temperature": 0.5, "metadata": {"k": "v"}}
    return {**made, "response_format": "text"}, has(object="assistant", **made, response_format={"type": "text"})


@case("LIST_ASSISTANTS", "Invalid 'limit': 0 is not between 1 and 100.", limit=0)
def list_assistants(world):
    made = [world.assistant().id for _ in range(2)]
    return {"limit": 1, "after": made[1]}, lists(made[0], more=has_older(world, made[0]))


def has_older(world, assistant_id):
    return bool(world.client.beta.assistants.list(after=assistant_id, limit=1).data)


@case("GET_ASSISTANT", "Invalid 'assistant_id': expected a string, but got 7.", assistant_id=7)
def get_assistant(world):
    made = world.assistant(name="Ada")
    return {"assistant_id": made.id}, has(id=made.id, name="Ada", model="rehearsal")


@case("UPDATE_ASSISTANT", "Invalid 'reasoning_effort': 'most' is not one of", reasoning_effort="most")
def update_assistant(world):
    made = world.assistant(name="Ada", instructions="Be brief.")
    changes = {"name": "Eve", "metadata": {"k": "v"}, "response_format": {"type": "json_object"}}
    return {"assistant_id": made.id, **changes}, has(id=made.id, instructions="Be brief.", **changes)


@case("DELETE_ASSISTANT", "Invalid 'assistant_id': it must not be empty.", assistant_id="")
def delete_assistant(world):
    made = world.assistant()
    return {"assistant_id": made.id}, deleted(made.id, "assistant")


@case("CREATE_THREAD", "Invalid 'metadata.k': expected a string, but got 1.", metadata={"k": 1})
def create_thread(world):
    def check(data):
        has(object="thread", metadata={"k": "v"})(data)
        (message,) = world.client.beta.threads.messages.list(data["id"]).data
        assert message.content[0].text.value == "Hello"

    return {"messages": [{"role": "user", "content": "Hello"}], "metadata": {"k": "v"}}, check


@case("GET_THREAD", "Invalid 'thread_id': '../assistants' does not match", thread_id="../assistants")
def get_thread(world):
    made = world.thread()
    return {"thread_id": made.id}, has(id=made.id, object="thread", created_at=made.created_at)


@case("UPDATE_THREAD", "Invalid 'metadata': expected an object, but got 'k'.", metadata="k")
def update_thread(world):
    made = world.thread()
    return {"thread_id": made.id, "metadata": {"k": "v"}}, has(id=made.id, metadata={"k": "v"})


@case("DELETE_THREAD", "Unknown parameter: 'force'. AI_ML_API_DELETE_THREAD takes 'thread_id'.", force=True)
def delete_thread(world):
    made = world.thread()
    return {"thread_id": made.id}, deleted(made.id, "thread")


@case("CREATE_MESSAGE", "Invalid 'role': 'system' is not one of 'user', 'assistant'.", role="system")
def create_message(world):
    thread = world.thread()

    def check(data):
        has(object="thread.message", role="user", thread_id=thread.id)(data)
        assert data["content"][0]["text"]["value"] == "Well?"

    return {"thread_id": thread.id, "role": "user", "content": "Well?"}, check


@case("LIST_MESSAGES", "Invalid 'order': 'newest' is not one of 'asc', 'desc'.", order="newest")
def list_messages(world):
    run = world.run()
    written = world.client.beta.threads.messages.list(run.thread_id, run_id=run.id).data
    query = {"thread_id": run.thread_id, "run_id": run.id, "order": "asc", "limit": 5}
    return query, lists(*(message.id for message in written))


@case("GET_MESSAGE", "Invalid 'message_id': '%' does not match", message_id="%")
def get_message(world):
    made = world.message()
    return of(made), has(id=made.id, role="user")


@case("UPDATE_MESSAGE", "Unknown parameter: 'content'.", content="Other")
def update_message(world):
    made = world.message()
    return {**of(made), "metadata": {"k": "v"}}, has(id=made.id, metadata={"k": "v"})


@case("DELETE_MESSAGE", "Invalid 'thread_id': expected a string, but got ['a'].", thread_id=["a"])
def delete_message(world):
    made = world.message()
    return of(made), deleted(made.id, "thread.message")


@case("CREATE_RUN", "Invalid 'max_completion_tokens': 0 is not at least 1.", max_completion_tokens=0)
def create_run(world):
    thread, assistant = world.thread(), world.assistant()
    given = {"thread_id": thread.id, "assistant_id": assistant.id, "instructions": "Be kind.", "tool_choice": "none"}
    more = {"additional_messages": [{"role": "user", "content": "And?"}], "truncation_strategy": {"type": "auto"}}
    return {**given, **more}, has(object="thread.run", **given)


@case("LIST_RUNS", "Invalid 'limit': 101 is not between 1 and 100.", limit=101)
def list_runs(world):
    run = world.run()
    return {"thread_id": run.thread_id, "limit": 5}, lists(run.id)


@case("GET_RUN", "Unknown parameter: 'wait'.", wait=True)
def get_run(world):
    run = world.run()
    return at(run), has(id=run.id, status="completed")


@case("UPDATE_RUN", "Invalid key '", metadata={"k" * 65: "v"})
def update_run(world):
    run = world.run()
    return {**at(run), "metadata": {"k": "v"}}, has(id=run.id, metadata={"k": "v"})


@case("CANCEL_RUN", "Invalid 'run_id': 'a b' does not match", run_id="a b")
def cancel_run(world):
    run = world.waiting_run()

    def check(data):
        assert data["status"] in {"cancelling", "cancelled"}
        assert reached(world.client, run, "cancelled")

    return at(run), check


@case("SUBMIT_TOOL_OUTPUTS", "Invalid 'tool_outputs': it must not be empty.", tool_outputs=[])
def submit_tool_outputs(world):
    run = world.waiting_run()

    def check(data):
        has(id=run.id, required_action=None)(data)
        assert reached(world.client, run, "completed")

    return world.outputs(run), check


@case("LIST_RUN_STEPS", "Invalid 'before': expected a string, but got 3.", before=3)
def list_run_steps(world):
    step = world.step()
    return {"run_id": step.run_id, "thread_id": step.thread_id}, lists(step.id)


@case("GET_RUN_STEP", "Invalid 'step_id': it must not be empty.", step_id="")
def get_run_step(world):
    step = world.step()
    return {"run_id": step.run_id, "thread_id": step.thread_id, "step_id": step.id}, has(
        id=step.id, type="message_creation", status="completed"
    )


@case("TEXT_CHAT_COMPLETION", "Invalid 'messages': it must not be empty.", messages=[])
def text_chat_completion(world):
    def check(data):
        has(object="chat.completion")(data)
        assert data["choices"][0]["message"]["content"]

    return {"model": "rehearsal", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50}, check


@case("LIST_MODELS", "Unknown parameter: 'other'. AI_ML_API_LIST_MODELS takes none.")
def list_models(world):
    def check(data):
        assert {"rehearsal", "rehearsal-embedding"} <= {model["id"] for model in data["data"]}

    return {}, check


@case("LIST_BATCHES", "Invalid 'batch_id': 'batch_1' does not match", batch_id="batch_1")
def list_batches(world):
    params = {"model": "rehearsal", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
    body = {"requests": [{"custom_id": "first", "params": params}]}
    batch_id = world.server.ask("POST", "/v1/batches", body).json["id"]
    path = f"/v1/batches?batch_id={batch_id}"
    assert eventually(lambda: "jsonl" in world.server.ask("GET", path).headers["content-type"])

    def check(data):
        (line,) = data["data"]
        assert (line["custom_id"], line["result"]["type"]) == ("first", "succeeded")

    return {"batch_id": batch_id}, check


@case("GET_BILLING_BALANCE", "Unknown parameter: 'other'. AI_ML_API_GET_BILLING_BALANCE takes none.")
def get_billing_balance(world):
    def check(data):
        members = ["balance", "lowBalance", "lowBalanceThreshold", "lastUpdated", "autoDebitStatus", "status"]
        assert list(data) == [*members, "statusExplanation"]
        assert data["status"] == "current"
        assert isinstance(data["balance"], int)

    return {}, check


@case("LIST_MODELS_WITH_DETAILS", "Unknown parameter: 'other'. AI_ML_API_LIST_MODELS_WITH_DETAILS takes none.")
def list_models_with_details(world):
    def check(data):
        models = {model["name"]: model for model in data["data"]}
        assert {"rehearsal", "rehearsal-embedding"} <= set(models)
        assert {"provider", "type", "info", "features"} <= set(models["rehearsal"])

    return {}, check


@case("GET_RESPONSE", "Invalid 'starting_after': -1 is not at least 0.", starting_after=-1)
def get_response(world):
    made = world.client.responses.create(model="rehearsal", input="Hello")

    def check(data):
        has(id=made.id, object="response", status="completed")(data)
        assert data["output"][-1]["content"][0]["text"] == made.output_text

    return {"response_id": made.id, "include": ["message.output_text.logprobs"]}, check


@case("GET_LUMA_GENERATION", "Invalid 'ids': it must not be empty.", ids="")
def get_luma_generation(world):
    made = [world.video(), world.video()]

    def check(data):
        found = {one["id"]: one for one in data["data"]}
        assert set(found) == set(made)
        assert all(one["state"] in {"pending", "processing", "completed"} for one in found.values())

    return {"ids": ",".join(made)}, check


@case("LIST_LUMA_GENERATIONS", "Unknown parameter: 'other'. AI_ML_API_LIST_LUMA_GENERATIONS takes none.")
def list_luma_generations(world):
    made = world.video()

    def check(data):
        assert made in [one["luma_generation_id"] for one in data["data"]]

    return {}, check
