"""The tool `image_generation` of responses: the provider's images, previews, changes of images, failures and cost."""

import base64
import json

import pytest

from e2e.test_relayed import IMAGES, PNG
from e2e.test_responses import respond
from serving import Server, serve
from upstream import call, calls, fault, reply, text

ENCODED = base64.b64encode(PNG).decode()
TOOL = {"type": "image_generation", "size": "1024x1024", "quality": "low"}
DRAW = calls(call("image_generation", prompt="A cat", edit=False))
CHANGE = calls(call("image_generation", prompt="Add a hat", edit=True))
IMAGE = {
    "created": 7,
    "data": [{"b64_json": ENCODED, "revised_prompt": "A grey cat"}],
    "usage": IMAGES["usage"],
    "size": "1024x1024",
    "quality": "low",
    "output_format": "png",
    "background": "opaque",
}


@pytest.fixture(scope="module")
def image_server(session_upstream, tmp_path_factory):
    """Its provider has images; the model `gpt-4o` stands for one that makes them."""
    directory = tmp_path_factory.mktemp("images")
    config = '[models."gpt-4o"]\ninput_price = 0\noutput_price = 0\nunit_price = 0.04\n'
    yield from serve(Server(directory, session_upstream.url, config, responses__image_model="gpt-4o"))


@pytest.fixture
def client(image_server):
    return image_server.client


def image_requests(upstream):
    return [one for one in upstream.requests if "/images/" in one.path]


def tool_output(upstream):
    return next(one["content"] for one in reversed(upstream.requests[-1].body["messages"]) if one["role"] == "tool")


def test_an_image_is_made_by_the_provider_and_returned_in_the_item(client, upstream):
    upstream.answer(DRAW, reply(IMAGE), text("Here it is."))
    made = respond(client, tools=[TOOL])
    image, message = made.output
    assert (image.type, image.status, image.result) == ("image_generation_call", "completed", ENCODED)
    assert image.id.startswith("ig_")
    assert image.to_dict()["revised_prompt"] == "A grey cat"
    assert message.content[0].text == "Here it is."
    (request,) = image_requests(upstream)
    assert request.path == "/v1/images/generations"
    sent = {"model": "gpt-4o", "prompt": "A cat", "n": 1, "size": "1024x1024", "quality": "low"}
    assert request.body == {**sent, "response_format": "b64_json"}
    assert ENCODED not in json.dumps(upstream.requests[-1].body)
    assert "A grey cat" in tool_output(upstream)
    assert made.to_dict()["tool_usage"]["image_gen"] == {
        "input_tokens": 10,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 30,
    }


@pytest.mark.proves("responses.image_generation")
def test_previews_are_streamed(client, upstream):
    events = [
        ("image_generation.partial_image", {"b64_json": "aGk=", "partial_image_index": 0, "size": "1024x1024"}),
        ("image_generation.completed", {"b64_json": ENCODED, "usage": IMAGES["usage"], "size": "1024x1024"}),
    ]
    frames = b"".join(
        f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode() for name, members in events
    )
    upstream.answer(DRAW, reply(frames, content_type="text/event-stream"), text("Here."))
    with client.responses.stream(model="gpt-4o", input="Draw", tools=[{**TOOL, "partial_images": 1}]) as stream:
        received = list(stream)
        final = stream.get_final_response()
    kinds = [one.type for one in received]
    place = kinds.index("response.image_generation_call.in_progress")
    assert kinds[place : place + 5] == [
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.partial_image",
        "response.image_generation_call.completed",
        "response.output_item.done",
    ]
    partial = received[place + 2]
    assert (partial.partial_image_b64, partial.partial_image_index, partial.to_dict()["size"]) == (
        "aGk=",
        0,
        "1024x1024",
    )
    assert final.output[0].result == ENCODED
    assert image_requests(upstream)[0].body["stream"] is True


@pytest.mark.parametrize("source", ["conversation", "previous", "item", "id", "message"])
def test_the_newest_image_is_changed(client, upstream, source):
    upstream.answer(DRAW, reply(IMAGE), text("Here."))
    conversation = client.conversations.create()
    first = respond(client, tools=[TOOL], **({"conversation": conversation.id} if source == "conversation" else {}))
    given, options = "Add a hat", {}
    if source == "conversation":
        options = {"conversation": conversation.id}
    elif source == "previous":
        options = {"previous_response_id": first.id}
    elif source == "message":
        image = {"type": "input_image", "image_url": f"data:image/png;base64,{ENCODED}"}
        given = [{"role": "user", "content": [{"type": "input_text", "text": given}, image]}]
    else:
        item = (
            first.output[0].to_dict()
            if source == "item"
            else {"type": "image_generation_call", "id": first.output[0].id}
        )
        given = [item, {"role": "user", "content": given}]
    upstream.answer(CHANGE, reply(IMAGE), text("Done."))
    made = respond(client, given, tools=[TOOL], **options)
    assert next(one for one in made.output if one.type == "image_generation_call").status == "completed"
    edit = image_requests(upstream)[-1]
    assert edit.path == "/v1/images/edits"
    fields = dict(edit.body["fields"])
    assert fields["image[]"] == ("image0.png", "image/png", PNG)
    assert (fields["prompt"], fields["model"], fields["n"], fields["size"]) == ("Add a hat", "gpt-4o", "1", "1024x1024")


def test_a_mask_and_the_action_of_the_request_apply(client, upstream):
    file = client.files.create(file=("m.png", PNG), purpose="vision")
    tool = {**TOOL, "action": "edit", "input_image_mask": {"file_id": file.id}, "input_fidelity": "high"}
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{ENCODED}"}
    upstream.answer(calls(call("image_generation", prompt="A hat")), reply(IMAGE), text("Done."))
    respond(client, [{"role": "user", "content": [image]}], tools=[tool])
    fields = dict(image_requests(upstream)[0].body["fields"])
    assert fields["mask"] == ("mask.png", "image/png", PNG)
    assert fields["input_fidelity"] == "high"
    offered = upstream.requests[0].body["tools"][0]["function"]
    assert list(offered["parameters"]["properties"]) == ["prompt"]


@pytest.mark.parametrize(
    ("mask", "status", "param"),
    [
        ({"file_id": "file-none"}, 404, "file_id"),
        ({"file_id": 5}, 400, "file_id"),
        ({"file_id": "none"}, 400, "file_id"),
        ({"image_url": "https://example.com/a.png"}, 400, "image_url"),
        ({"image_url": "data:image/png;base64,bm8gaW1hZ2U="}, 400, "image_url"),
        ({"image_url": f"data:image/png\r\nContent-Disposition: form-data;base64,{ENCODED}"}, 400, "image_url"),
        ({"image_url": ENCODED, "more": 1}, 400, "more"),
        ({"image_url": ENCODED}, 200, None),
    ],
)
def test_a_mask_is_checked_before_the_model_is_called(image_server, upstream, mask, status, param):
    if status == 200:
        upstream.answer(text("Hi"))
    body = {"model": "gpt-4o", "input": "Hi", "tools": [{**TOOL, "input_image_mask": mask}]}
    answered = image_server.ask("POST", "/v1/responses", body)
    assert answered.status == status
    if status == 200:
        assert answered.json["tools"][0]["input_image_mask"] == mask
        return
    assert answered.json["error"]["param"] == f"tools[0].input_image_mask.{param}"
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("called", "answer", "reason"),
    [
        (DRAW, fault(400, "Bad prompt"), "Bad prompt"),
        (DRAW, reply({"created": 7, "data": [{"url": "https://example.com/a.png"}]}), "no image as base64"),
        (DRAW, reply(b"data: {nope\n\n", content_type="text/event-stream"), "malformed JSON"),
        (CHANGE, None, "no image to change"),
        (calls(call("image_generation", prompt="")), None, "no prompt"),
    ],
)
def test_an_image_that_cannot_be_made_fails_its_call_alone(client, upstream, called, answer, reason):
    upstream.answer(called, *([] if answer is None else [answer]), text("Sorry."))
    made = respond(client, tools=[TOOL])
    assert (made.output[0].status, made.output[0].result) == ("failed", None)
    assert (made.status, made.output_text) == ("completed", "Sorry.")
    assert reason in tool_output(upstream)


def test_an_error_in_a_stream_of_images_has_no_secrets(client, upstream):
    event = {"type": "error", "error": {"message": "upstream-key has no credit at http://10.1.2.3/v1"}}
    frames = f"event: error\ndata: {json.dumps(event)}\n\n".encode()
    upstream.answer(DRAW, reply(frames, content_type="text/event-stream"), text("It failed."))
    assert respond(client, tools=[{**TOOL, "partial_images": 1}]).output[0].status == "failed"
    assert tool_output(upstream) == "Error: *** has no credit at [address]"


def test_images_are_charged_and_stay_in_the_conversation(client, upstream, image_server):
    upstream.answer(DRAW, reply(IMAGE), text("Here."))
    conversation = client.conversations.create()
    before = image_server.ask("GET", "/v2/usage/detail").json["data"]
    made = respond(client, tools=[TOOL], conversation=conversation.id)
    after = image_server.ask("GET", "/v2/usage/detail").json["data"]
    spent = sum(one["credits_used"] for one in after) - sum(one["credits_used"] for one in before)
    assert spent == 80_000
    listed = client.conversations.items.list(conversation.id, order="asc").to_dict()["data"]
    assert listed[1]["id"] == made.output[0].id
    assert (listed[1]["type"], listed[1]["result"]) == ("image_generation_call", ENCODED)
    again = client.responses.retrieve(made.id)
    assert again.output[0].to_dict() == made.output[0].to_dict()


def test_a_tool_choice_forces_an_image(client, upstream):
    upstream.answer(DRAW, reply(IMAGE), text("Here."))
    function = {"type": "function", "name": "get_weather"}
    respond(client, tools=[function, TOOL], tool_choice={"type": "image_generation"})
    first = upstream.requests[0].body
    assert [one["function"]["name"] for one in first["tools"]] == ["image_generation"]
    assert first["tool_choice"] == "required"


def test_a_model_without_a_provider_of_images_is_refused_by_the_setting(image_server):
    body = {"model": "gpt-4o", "input": "Hello", "tools": [{**TOOL, "model": "nothing"}]}
    error = image_server.ask("POST", "/responses", body).json["error"]
    assert (error["param"], error["code"]) == ("tools[0].type", "unsupported_tool")
    assert "responses.image_model" in error["message"]


def test_the_media_type_of_an_image_adds_no_header_to_a_form(client, upstream):
    kind = 'png\r\nContent-Disposition: form-data; name="n'
    made = {"type": "image_generation_call", "id": "ig_1", "result": ENCODED, "output_format": kind}
    upstream.answer(CHANGE, reply(IMAGE), text("Done."))
    respond(client, [made, {"role": "user", "content": "Add a hat"}], tools=[TOOL])
    assert dict(image_requests(upstream)[-1].body["fields"])["image[]"] == ("image0.png", "image/png", PNG)
