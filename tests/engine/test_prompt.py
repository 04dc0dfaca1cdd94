"""The prompt of a model turn: what of the thread goes into it, and what there is no room for."""

import itertools
import json
import threading

import msgspec
import pytest

from engine import histories
from store import samples
from store.samples import OURS
from understudy.engine.prompt_messages import MessageBuilder
from understudy.engine.run.prompt import build_request
from understudy.engine.run.truncation import BudgetExceeded, PromptBudget
from understudy.engine.run_specs import build_spec
from understudy.engine.tools.code_interpreter import offer_code_interpreter
from understudy.engine.tools.file_search import offer_file_search
from understudy.llm import tokens
from understudy.store import open_store
from understudy.wire.items import FileSearchCallItem, FileSearchResult
from understudy.wire.messages import (
    FileCitation,
    FileCitationAnnotation,
    ImageFile,
    ImageUrl,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentTextObject,
    TextContent,
)
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    FunctionObject,
    ToolChoiceFileSearch,
    TruncationObject,
)

WIDE = PromptBudget(window=128_000)
_numbers = itertools.count(1)


@pytest.fixture
async def store(tmp_path):
    store = await open_store(tmp_path)
    yield store
    await store.close()


class Conversation:
    """A thread that is filled word by word."""

    def __init__(self, store):
        self.store = store
        self.run, self._thread = histories.run()
        self.run.instructions = None

    async def begin(self):
        await self.store.threads.create(OURS, self._thread, [])
        return self

    async def says(self, role, text, **members):
        await self.store.messages.create(OURS, samples.message(self._thread.id, text, role=role, **members))

    async def calls(self, *ids, run_id="run_earlier", answered=True):
        """A turn that called, and what came back."""
        items = [_item("function_call", one, name="f", arguments="{}") for one in ids]
        items += [_item("function_call_output", one, output=f"output of {one}") for one in ids] if answered else []
        for kind, body in items:
            await self.store.database.write(_insert, self._thread.id, run_id, kind, body)

    async def prompt(self, room=WIDE, turn=1, **members):
        for name, value in members.items():
            setattr(self.run, name, value)
        spec = self.spec()
        return (await build_request(self.store.messages, spec, turn, room, offered=_offered(spec))).body

    def spec(self):
        return build_spec(self.run, None)

    async def told(self, room=WIDE, **members):
        return (await self.prompt(room, **members))["messages"]


def _offered(spec):
    return [*offer_code_interpreter(spec), *offer_file_search(spec)]


def _item(kind, call_id, **members):
    return kind, json.dumps({"type": kind, "call_id": call_id, **members})


def _insert(thread_id, run_id, kind, body):
    sql = "INSERT INTO items (id, thread_id, run_id, kind, body) VALUES ($1, $2, $3, $4, $5)"
    yield sql, (f"item_{next(_numbers)}", thread_id, run_id, kind, body)


@pytest.fixture
async def conversation(store):
    return await Conversation(store).begin()


def user(content):
    return {"role": "user", "content": content}


def assistant(content, *ids):
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
    return {"role": "assistant", "content": content} | ({"tool_calls": calls} if calls else {})


def tool(call_id):
    return {"role": "tool", "tool_call_id": call_id, "content": f"output of {call_id}"}


async def test_instructions_stand_before_everything(conversation):
    await conversation.says("user", "one")
    assert await conversation.told(instructions="Be brief.") == [
        {"role": "system", "content": "Be brief."},
        user("one"),
    ]


async def test_the_calls_of_a_turn_are_one_message_followed_by_each_output(conversation):
    await conversation.says("user", "one")
    await conversation.calls("a", "b")
    await conversation.says("assistant", "two", run_id="run_earlier")
    assert await conversation.told() == [user("one"), assistant("", "a", "b"), tool("a"), tool("b"), assistant("two")]


async def test_text_before_a_call_in_the_same_run_is_sent_in_one_message_with_it(conversation):
    await conversation.says("user", "one")
    await conversation.says("assistant", "Let me look.", run_id="run_earlier")
    await conversation.calls("a")
    assert await conversation.told() == [user("one"), assistant("Let me look.", "a"), tool("a")]


async def test_the_calls_of_a_run_are_not_put_into_the_answer_of_another(conversation):
    await conversation.says("user", "one")
    await conversation.says("assistant", "two", run_id="run_first")
    await conversation.calls("a", run_id="run_second")
    assert await conversation.told() == [user("one"), assistant("two"), assistant("", "a"), tool("a")]


async def test_calls_without_outputs_and_outputs_without_calls_are_left_out(conversation):
    await conversation.says("user", "one")
    await conversation.calls("never", answered=False)
    await conversation.store.database.write(
        _insert, conversation.run.thread_id, "run_x", *_item("function_call_output", "orphan", output="?")
    )
    await conversation.calls("a")
    assert await conversation.told() == [user("one"), assistant("", "a"), tool("a")]


async def test_messages_without_content_or_under_way_are_left_out(conversation):
    await conversation.says("user", "one")
    await conversation.says("assistant", None)
    await conversation.says("assistant", "half", status="in_progress")
    await conversation.says("assistant", "cut", status="incomplete")
    assert await conversation.told() == [user("one"), assistant("cut")]


async def test_images_are_content_parts_and_a_missing_image_becomes_a_text_note(conversation):
    image = MessageContentImageUrlObject(ImageUrl("https://example.com/a.png", "low"))
    file = MessageContentImageFileObject(ImageFile("file-1"))
    await conversation.says("user", None, content=[*samples.content("look"), image, file])
    shown = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    gone = {"type": "text", "text": "[The image file-1 is not available.]"}
    assert await conversation.told() == [user([{"type": "text", "text": "look"}, shown, gone])]


async def test_an_image_file_is_sent_as_a_data_url(conversation):
    async def load(file_id):
        return f"data:image/png;base64,{file_id}"

    file = MessageContentImageFileObject(ImageFile("file-1", "high"))
    await conversation.says("user", None, content=[file])
    prompt = await build_request(conversation.store.messages, conversation.spec(), 1, WIDE, load)
    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,file-1", "detail": "high"}}
    assert prompt.body["messages"] == [user([shown])]


async def test_files_are_loaded_once_and_left_out_beyond_the_limit_the_oldest_first(conversation):
    loaded = []

    async def load(file_id):
        loaded.append(file_id)
        return "data:image/png;base64," + "a" * (10 << 20)

    for name in ("old", "new", "new", "new", "new"):
        await conversation.says("user", None, content=[MessageContentImageFileObject(ImageFile(f"file-{name}"))])
    prompt = await build_request(conversation.store.messages, conversation.spec(), 1, WIDE, load)
    first, *others = [message["content"][0] for message in prompt.body["messages"]]
    assert first["text"].startswith("[The file file-old is left out")
    assert [part["type"] for part in others] == ["image_url"] * 4
    assert loaded == ["file-new", "file-old"]


@pytest.mark.parametrize("keep", [1, 2, 3, 10])
async def test_last_messages_truncation_sends_the_newest_messages_with_their_calls(conversation, keep):
    await conversation.says("user", "one")
    await conversation.calls("a")
    await conversation.says("assistant", "two", run_id="run_earlier")
    await conversation.says("user", "three")
    whole = [user("one"), assistant("", "a"), tool("a"), assistant("two"), user("three")]
    wanted = {1: whole[4:], 2: whole[3:], 3: whole, 10: whole}[keep]
    strategy = TruncationObject("last_messages", keep)
    assert await conversation.told(truncation_strategy=strategy) == wanted


async def test_messages_of_the_run_itself_do_not_count_for_truncation(conversation):
    await conversation.says("user", "one")
    await conversation.says("user", "two")
    own = conversation.run.id
    for number in range(3):
        await conversation.says("assistant", f"round {number}", run_id=own)
        await conversation.calls(f"call_{number}", run_id=own)
    told = await conversation.told(truncation_strategy=TruncationObject("last_messages", 1))
    assert [message["content"] for message in told if message["role"] == "user"] == ["two"]
    assert [message["content"] for message in told if message["role"] == "assistant"] == [
        f"round {number}" for number in range(3)
    ]


# -- room --------------------------------------------------------------------------------------------------------

LONG = "word " * 100


async def test_the_oldest_go_where_the_window_ends(conversation):
    for number in range(200):
        await conversation.says("user", f"{number} {LONG}")
    told = await conversation.told(PromptBudget(window=2000))
    numbers = [int(message["content"].split(" ")[0]) for message in told]
    assert numbers == list(range(200 - len(numbers), 200))
    assert 2000 * 0.5 < sum(tokens.count(message["content"]) for message in told) <= 2000 * 7 / 8


async def test_a_larger_context_window_never_sends_fewer_messages(conversation):
    for number in range(30):
        await conversation.says("user", f"{number} {LONG}")
    lengths = [len(await conversation.told(PromptBudget(window=window))) for window in (256, 1000, 2000, 4000, 128_000)]
    assert lengths == sorted(lengths)
    assert lengths[-1] == 30


async def test_truncation_never_separates_a_tool_call_from_its_output(conversation):
    for number in range(40):
        await conversation.says("user", f"{number} {LONG}")
        await conversation.calls(f"a{number}", f"b{number}")
    for window in range(300, 4000, 137):
        told = await conversation.told(PromptBudget(window=window))
        asked = [call["id"] for message in told for call in message.get("tool_calls", ())]
        assert asked == [message["tool_call_id"] for message in told if message["role"] == "tool"]


async def test_the_last_user_message_is_sent_even_if_it_exceeds_the_window(conversation):
    await conversation.says("user", "old")
    await conversation.says("user", LONG * 10)
    await conversation.calls("a", run_id=conversation.run.id)
    assert await conversation.told(PromptBudget(window=256)) == [user(LONG * 10), assistant("", "a"), tool("a")]


async def test_a_prompt_budget_that_the_last_question_does_not_fit_is_spent(conversation):
    await conversation.says("user", LONG * 10)
    with pytest.raises(BudgetExceeded) as caught:
        await conversation.prompt(PromptBudget(window=128_000, prompt_left=256))
    assert caught.value.reason == "max_prompt_tokens"
    assert await conversation.told(PromptBudget(window=128_000, prompt_left=10_000))


async def test_instructions_and_tools_take_their_part_of_the_room(conversation):
    for number in range(20):
        await conversation.says("user", f"{number} {LONG}")
    bare = await conversation.told(PromptBudget(window=1500))
    function = FunctionObject("f", description=LONG * 3)
    with_tools = await conversation.told(PromptBudget(window=1500), tools=[AssistantToolsFunction(function)])
    with_both = await conversation.told(PromptBudget(window=1500), instructions=LONG * 3)
    assert len(bare) > len(with_tools) > len(with_both) - 1


# -- the rest of the request -------------------------------------------------------------------------------------


async def test_a_run_with_defaults_sends_only_model_messages_and_stream(conversation):
    await conversation.says("user", "one")
    assert await conversation.prompt() == {"model": "gpt-4o", "messages": [user("one")], "stream": True}


async def test_a_tool_choice_binds_the_first_turn_alone_unless_it_forbids(conversation):
    tools = [AssistantToolsFunction(FunctionObject("f"))]
    for choice, later in (("required", None), ("none", "none"), ("auto", None)):
        first = await conversation.prompt(turn=0, tools=tools, tool_choice=choice)
        assert first.get("tool_choice") == (None if choice == "auto" else choice)
        assert (await conversation.prompt(turn=1)).get("tool_choice") == later


async def test_a_request_without_tools_has_no_tool_parameters(conversation):
    body = await conversation.prompt(turn=0, tools=[], tool_choice="required", parallel_tool_calls=False)
    assert set(body) == {"model", "messages", "stream"}


async def test_a_built_in_tool_is_renamed_if_a_function_has_the_same_name(conversation):
    own = AssistantToolsFunction(FunctionObject("file_search"))
    body = await conversation.prompt(turn=0, tools=[AssistantToolsFileSearch(), AssistantToolsCode(), own])
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == ["built_in_file_search", "code_interpreter", "file_search"]


async def test_the_choice_of_a_built_in_tool_names_its_function(conversation):
    body = await conversation.prompt(turn=0, tools=[AssistantToolsFileSearch()], tool_choice=ToolChoiceFileSearch())
    assert body["tool_choice"] == {"type": "function", "function": {"name": "file_search"}}


def searched(turn=0, first=0):
    result = FileSearchResult(file_id="file-a", filename="a.txt", score=0.9, attributes={}, text="Cake.")
    item = FileSearchCallItem(id="fs_1", call_id="call_1", queries=["food"], results=[result], turn=turn, first=first)
    return "file_search_call", msgspec.json.encode(item).decode()


async def test_search_results_of_this_run_are_sent_with_marks_and_those_of_others_are_not(conversation):
    store, run = conversation.store, conversation.run
    await conversation.says("user", "What does Filip like?")
    for number, run_id in enumerate(("run_earlier", run.id)):
        kind, body = searched(turn=number, first=3)
        await store.database.write(_insert, run.thread_id, run_id, kind, body)
    spec = conversation.spec()
    prompt = await build_request(store.messages, spec, 1, WIDE, offered=_offered(spec))
    _asked, called, answered = prompt.body["messages"]
    assert called["tool_calls"][0]["function"] == {"name": "file_search", "arguments": '{"queries":["food"]}'}
    assert answered["role"] == "tool"
    assert "\u30101:3\u2020a.txt\u3011\nCake." in answered["content"]
    assert [(key, one.file_id) for key, one in prompt.sources.passages.items()] == [((1, 3), "file-a")]


async def test_citation_marks_of_earlier_runs_are_removed_from_the_prompt(conversation):
    text = TextContent("Cake\u30100:0\u2020a.txt\u3011.", [])
    text.annotations.append(FileCitationAnnotation(text.value[4:15], 4, 15, FileCitation("file-a")))
    content = [MessageContentTextObject(text)]
    await conversation.says("assistant", None, content=content, run_id="run_earlier")
    await conversation.says("assistant", None, content=content, run_id=conversation.run.id)
    assert await conversation.told() == [assistant("Cake."), assistant(text.value)]


async def test_function_definitions_are_sent_without_empty_members(conversation):
    tools = [AssistantToolsFunction(FunctionObject("f", strict=True)), AssistantToolsFunction(FunctionObject("g", "G"))]
    body = await conversation.prompt(tools=tools)
    empty = {"type": "object", "properties": {}}
    assert [one["function"] for one in body["tools"]] == [
        {"name": "f", "parameters": empty, "strict": True},
        {"name": "g", "description": "G", "parameters": empty},
    ]


async def test_the_messages_of_many_parts_are_made_in_a_thread(conversation, monkeypatch):
    threads = set()
    build = MessageBuilder.messages

    def note(builder, items):
        threads.add(threading.current_thread())
        return build(builder, items)

    monkeypatch.setattr(MessageBuilder, "messages", note)
    await conversation.says("user", "Hello")
    assert await conversation.told() == [user("Hello")]
    assert threads == {threading.main_thread()}
    threads.clear()
    image = MessageContentImageUrlObject(ImageUrl("https://example.com/a.png", "low"))
    await conversation.says("user", None, content=[image] * 5000)
    assert len((await conversation.told())[-1]["content"]) == 5000
    assert threads
    assert threading.main_thread() not in threads
