"""What the embedded model makes of the less common parameters of chat completions, as the official package sees it."""

import json

import openai
import pytest

from e2e.assistants_client import user

HELLO = [user("Say hello")]
COLOR = {
    "name": "favorite_color",
    "description": "The favorite color in a month.",
    "parameters": {"type": "object", "properties": {"month": {"type": "string"}}, "required": ["month"]},
}


def asked(client, messages=HELLO, **members):
    return client.chat.completions.create(**{"model": "rehearsal", "messages": messages, **members})


@pytest.mark.proves("chat.logprobs")
def test_log_probabilities_are_returned_for_each_token(client):
    choice = asked(client, logprobs=True, top_logprobs=2).choices[0]
    assert "".join(one.token for one in choice.logprobs.content) == choice.message.content
    for one in choice.logprobs.content:
        assert (one.logprob, bytes(one.bytes).decode()) == (0.0, one.token)
        assert [top.token for top in one.top_logprobs] == [one.token]
    with asked(client, logprobs=True, stream=True) as stream:
        parts = [chunk.choices[0] for chunk in stream]
    assert [one.token for part in parts if part.logprobs for one in part.logprobs.content] == [
        one.token for one in choice.logprobs.content
    ]
    assert asked(client).choices[0].logprobs is None


@pytest.mark.proves("chat.functions")
def test_functions_are_called_as_before_there_were_tools(client):
    question = [user("What is my favorite color in February?")]
    choice = asked(client, question, functions=[COLOR]).choices[0]
    assert (choice.finish_reason, choice.message.tool_calls) == ("function_call", None)
    assert choice.message.function_call.name == "favorite_color"
    assert "February" in json.loads(choice.message.function_call.arguments)["month"]
    with asked(client, question, functions=[COLOR], stream=True) as stream:
        chunks = list(stream)
    calls = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
    assert "".join(one.arguments for one in calls) == choice.message.function_call.arguments
    assert chunks[-1].choices[0].finish_reason == "function_call"
    told = [
        *question,
        {"role": "assistant", "content": None, "function_call": choice.message.function_call.to_dict()},
        {"role": "function", "name": "favorite_color", "content": "chartreuse"},
    ]
    assert "chartreuse" in asked(client, told, functions=[COLOR]).choices[0].message.content
    assert asked(client, question, functions=[COLOR], function_call="none").choices[0].finish_reason == "stop"


@pytest.mark.proves("chat.strict")
def test_a_strict_function_without_a_schema_is_refused(client):
    with pytest.raises(openai.BadRequestError) as error:
        asked(client, tools=[{"type": "function", "function": {"name": "favorite_color", "strict": True}}])
    assert error.value.body == {
        "message": "Invalid schema for function 'favorite_color': In context=(), 'additionalProperties' is required to"
        " be supplied and to be false.",
        "type": "invalid_request_error",
        "param": "tools[0].function.parameters",
        "code": "invalid_function_parameters",
    }


@pytest.mark.proves("chat.audio")
def test_audio_is_refused_clearly(client):
    with pytest.raises(openai.BadRequestError) as error:
        asked(client, modalities=["text", "audio"], audio={"voice": "ash", "format": "pcm16"})
    assert (error.value.param, error.value.code) == ("modalities", "unsupported_value")


def test_a_moderation_is_refused_instead_of_ignored(client):
    with pytest.raises(openai.BadRequestError) as error:
        asked(client, extra_body={"moderation": {"model": "omni-moderation-latest"}})
    assert (error.value.param, error.value.code) == ("moderation", "unsupported_parameter")


def test_several_choices_and_a_predicted_output_are_accepted(client):
    completion = asked(client, n=2, prediction={"type": "content", "content": "hello"})
    assert [choice.index for choice in completion.choices] == [0, 1]


TOOL = {"type": "function", "function": COLOR}


@pytest.mark.parametrize(
    ("members", "param", "said"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice", "'other' not found"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "other"}}}, "tool_choice", "'other' not found"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "other"}}]},
                }
            },
            "tool_choice",
            "'other' not found",
        ),
        ({"tools": None, "tool_choice": "required"}, "tool_choice", "only allowed when 'tools'"),
        ({"tools": None, "function_call": {"name": "other"}}, "function_call", "only allowed when 'functions'"),
        (
            {"tools": None, "functions": [COLOR], "function_call": {"name": "other"}},
            "tool_choice",
            "'other' not found",
        ),
    ],
)
def test_a_choice_of_a_function_that_is_not_offered_is_refused(client, members, param, said):
    with pytest.raises(openai.BadRequestError) as error:
        asked(client, **{"tools": [TOOL], **members})
    assert error.value.param == param
    assert said in error.value.message
