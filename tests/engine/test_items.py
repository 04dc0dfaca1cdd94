"""Items as clients send them and as they are returned: every kind of item round-trips without loss."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.histories import AT, TEXTS
from understudy.engine.input_items import to_stored
from understudy.engine.run.reasoning import seal_reasoning, unseal_reasoning
from understudy.engine.views.items import code_outputs, parse_code_output, render_item, strip_citation_marks
from understudy.store.messages import Item
from understudy.wire.input_parsing import whole
from understudy.wire.items import CodeOutput
from understudy.wire.messages import FileCitation, FileCitationAnnotation, TextContent
from understudy.wire.parsing import InvalidBody

IDS = {"id"}
INCLUDED = frozenset(
    {
        "message.input_image.image_url",
        "file_search_call.results",
        "code_interpreter_call.outputs",
        "web_search_call.action.sources",
    }
)


def again(*given_items, included=INCLUDED):
    """The items as a conversation shows them that was given these."""
    made = to_stored(whole(list(given_items)), "thread_a", AT)
    for number, one in enumerate(made):
        body = one.body or msgspec.json.encode(one.message).decode()
        item = render_item(Item(number, one.kind, None, None, body), included)
        assert item["id"] == one.id
        yield item


def plain(item):
    return {key: value for key, value in item.items() if key not in IDS}


ROLES = st.sampled_from(["user", "assistant", "system", "developer"])


@given(ROLES, st.lists(TEXTS, min_size=1, max_size=3))
def test_message_items_round_trip_unchanged(role, texts):
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    (item,) = again({"role": role, "content": content})
    assert list(item) == ["id", "type", "status", "content", "role"]
    assert (item["type"], item["status"], item["role"]) == ("message", "completed", role)
    assert [(part["type"], part["text"]) for part in item["content"]] == [(kind, text) for text in texts]


def test_a_message_may_be_one_text():
    (asked, said) = again({"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"})
    assert asked["content"] == [{"type": "input_text", "text": "Hello"}]
    assert said["content"] == [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Hi"}]


def test_images_and_files_keep_their_places_and_not_their_bytes():
    content = [
        {"type": "input_text", "text": "What is that?"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_image", "image_url": "https://images.example/cat.png"},
        {"type": "input_image", "file_id": "file-1", "detail": "low"},
    ]
    (item,) = again({"role": "user", "content": content}, included=frozenset())
    assert item["content"] == [
        {"type": "input_text", "text": "What is that?"},
        {"type": "input_file", "file_id": None, "filename": "a.pdf"},
        {"type": "input_image", "detail": "auto", "file_id": None, "image_url": None},
        {"type": "input_image", "detail": "low", "file_id": "file-1", "image_url": None},
    ]
    (item,) = again({"role": "user", "content": content})
    assert item["content"][2]["image_url"] == "https://images.example/cat.png"


@pytest.mark.parametrize(
    ("given_item", "prefix"),
    [
        (
            {"type": "function_call", "status": "completed", "arguments": "{}", "call_id": "call_a", "name": "f"},
            "fc_",
        ),
        ({"type": "function_call_output", "status": "completed", "call_id": "call_a", "output": "18"}, "fc_"),
        ({"type": "custom_tool_call", "status": "completed", "call_id": "call_a", "input": "x", "name": "f"}, "ctc_"),
        ({"type": "custom_tool_call_output", "status": "completed", "call_id": "call_a", "output": "18"}, "ctco_"),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}, "rs_"),
        (
            {
                "type": "file_search_call",
                "status": "completed",
                "queries": ["q"],
                "results": [
                    {"attributes": {}, "file_id": "file-1", "filename": "a.txt", "score": 0.5, "text": "words"},
                ],
            },
            "fs_",
        ),
        (
            {
                "type": "code_interpreter_call",
                "status": "completed",
                "code": "1",
                "container_id": "cntr_1",
                "outputs": [{"type": "logs", "logs": "1"}],
            },
            "ci_",
        ),
        (
            {
                "type": "code_interpreter_call",
                "status": "completed",
                "code": "plot()",
                "container_id": "cntr_1",
                "outputs": [
                    {"type": "image", "url": "/v1/files/file-1/content"},
                    {"type": "image", "url": "https://elsewhere.example/files/1"},
                ],
            },
            "ci_",
        ),
        ({"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}, "ws_"),
        (
            {
                "type": "web_search_call",
                "status": "completed",
                "action": {
                    "type": "search",
                    "query": "q",
                    "queries": ["q"],
                    "sources": [{"type": "url", "url": "https://a.example/"}],
                },
            },
            "ws_",
        ),
        (
            {
                "type": "web_search_call",
                "status": "failed",
                "action": {"type": "find_in_page", "url": "https://a.example/", "pattern": "p"},
            },
            "ws_",
        ),
        (
            {
                "type": "image_generation_call",
                "status": "completed",
                "result": "AAAA",
                "size": "auto",
                "revised_prompt": "A cat",
            },
            "ig_",
        ),
        ({"type": "image_generation_call", "status": "failed", "result": None}, "ig_"),
    ],
)
def test_tool_call_items_round_trip_unchanged(given_item, prefix):
    (item,) = again({"id": "fc_their_own", **given_item})
    assert plain(item) == given_item
    assert list(item)[:2] == ["id", "type"]
    assert item["id"].startswith(prefix)
    assert item["id"] != "fc_their_own"


@pytest.mark.parametrize(
    ("given_item", "param"),
    [
        ({"type": "nothing"}, "input[0].type"),
        ({"role": "nobody", "content": "x"}, "input[0].role"),
        ({"role": "user"}, "input[0].content"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/"}]}, ...),
        ({"type": "function_call", "call_id": "call_a"}, ...),
        ({"type": "function_call_output", "call_id": "call_a"}, "input[0].output"),
    ],
)
def test_an_invalid_item_is_refused_with_its_path(given_item, param):
    with pytest.raises(InvalidBody) as refused:
        whole([given_item])
    assert param in {..., refused.value.problem.param}
    assert refused.value.problem.param.startswith("input[0]")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_in_an_item_is_accepted_or_refused(odd):
    for item in ({"type": odd}, {"role": "user", "content": odd}, {"type": "message", "role": odd, "content": "x"}):
        with suppress(InvalidBody):
            to_stored(whole([item]), "thread_a", AT)


MARKED = st.lists(st.tuples(st.text(max_size=5), st.text(min_size=1, max_size=5)), max_size=5)


@given(MARKED, st.text(max_size=5))
def test_citation_marks_are_removed_and_their_annotations_have_the_right_index(pieces, tail):
    value, annotations, places, bare = "", [], [], ""
    for before, mark in pieces:
        start = len(value) + len(before)
        citation = FileCitation("file-1")
        annotations.append(
            FileCitationAnnotation(text=mark, start_index=start, end_index=start + len(mark), file_citation=citation)
        )
        value += before + mark
        bare += before
        places.append(len(bare))
    text, found = strip_citation_marks(TextContent(value + tail, annotations), {"file-1": "a.txt"})
    assert text == bare + tail
    assert [one["index"] for one in found] == places
    assert all(one["filename"] == "a.txt" for one in found)


@given(st.lists(st.text(min_size=1).map(lambda logs: CodeOutput(type="logs", logs=logs)) | st.just(None), max_size=5))
def test_outputs_of_code_can_be_read_back(outputs):
    given_outputs = [one or CodeOutput(type="image", file_id="file-9") for one in outputs]
    once = code_outputs(given_outputs)
    assert code_outputs([parse_code_output(one) for one in once]) == once
    assert "".join(one.get("logs", "") for one in once) == "".join(one.logs for one in outputs if one)


@given(st.text())
def test_sealed_reasoning_is_unsealed_unchanged(text):
    assert unseal_reasoning(seal_reasoning(text)) == text


@pytest.mark.parametrize("content", [None, "", "gAAAAABp", "us1.", "us1.####", "us1.AAAA"])
def test_reasoning_sealed_by_another_server_is_ignored(content):
    assert not unseal_reasoning(content)
