"""Vectors for texts, from providers and built in, through the official client and over bare HTTP."""

import base64
import re
import struct

import openai
import pytest

from envelope import assert_error
from upstream import reply

TEXT = "The quick brown fox"
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}],
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}


def length(vector):
    return sum(value * value for value in vector) ** 0.5


def cosine(one, two):
    return sum(a * b for a, b in zip(one, two, strict=True))


def test_the_built_in_model_returns_vectors_of_unit_length(client):
    made = client.embeddings.create(model="rehearsal-embedding", input=[TEXT, "Ünïcödé 漢字 🚀", "…"])
    assert [one.index for one in made.data] == [0, 1, 2]
    assert all(len(one.embedding) == 512 and abs(length(one.embedding) - 1) < 1e-5 for one in made.data)
    assert made.model == "rehearsal-embedding"
    assert made.usage.prompt_tokens == made.usage.total_tokens > 0


def test_near_texts_have_near_vectors(client):
    texts = ["How do I reset my password?", "Resetting passwords", "The soup needs more salt"]
    reset, resetting, soup = [
        one.embedding for one in client.embeddings.create(model="rehearsal-embedding", input=texts).data
    ]
    assert cosine(reset, resetting) > cosine(reset, soup) + 0.3


def test_float_and_base64_encodings_return_the_same_vector(server):
    asked = {"model": "rehearsal-embedding", "input": TEXT}
    plain = server.ask("POST", "/embeddings", asked).json["data"][0]["embedding"]
    coded = server.ask("POST", "/embeddings", asked | {"encoding_format": "base64"}).json["data"][0]["embedding"]
    assert list(struct.unpack(f"<{len(plain)}f", base64.b64decode(coded))) == plain


@pytest.mark.parametrize("dimensions", [1, 256, 1536, 4096])
def test_the_number_of_dimensions_can_be_chosen(client, dimensions):
    made = client.embeddings.create(model="rehearsal-embedding", input=TEXT, dimensions=dimensions)
    assert len(made.data[0].embedding) == dimensions


def test_many_texts_are_embedded_beside_everything_else(client):
    made = client.embeddings.create(model="rehearsal-embedding", input=[f"{TEXT} {number}" for number in range(2048)])
    assert [one.index for one in made.data] == list(range(2048))
    assert (
        made.data[7].embedding
        == client.embeddings.create(model="rehearsal-embedding", input=f"{TEXT} 7").data[0].embedding
    )


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"model": "rehearsal-embedding"}, "Missing required parameter: 'input'.", "input"),
        ({"input": TEXT}, "Missing required parameter: 'model'.", "model"),
        ({"model": "rehearsal-embedding", "input": ""}, "Invalid 'input'", "input"),
        ({"model": "rehearsal-embedding", "input": []}, "Invalid 'input'", "input"),
        ({"model": "rehearsal-embedding", "input": [TEXT, ""]}, "Invalid 'input[1]'", "input[1]"),
        ({"model": "rehearsal-embedding", "input": ["x"] * 2049}, "maximum length 2048", "input"),
        ({"model": "rehearsal-embedding", "input": [TEXT, 5]}, "but got a mixture", None),
        ({"model": "rehearsal-embedding", "input": [1, 2]}, "takes texts, not tokens", "input"),
        ({"model": "rehearsal-embedding", "input": [[1, 2]]}, "takes texts, not tokens", "input"),
        ({"model": "rehearsal-embedding", "input": "word " * 9000}, "maximum context length is 8192 tokens", "input"),
        ({"model": "rehearsal-embedding", "input": ["a " * 8000] * 40}, "maximum request size is 300000", "input"),
        ({"model": "rehearsal-embedding", "input": TEXT, "dimensions": 0}, "Invalid 'dimensions'", "dimensions"),
        ({"model": "rehearsal-embedding", "input": TEXT, "dimensions": 5000}, "not between 1 and 4096", "dimensions"),
        (
            {"model": "rehearsal-embedding", "input": TEXT, "encoding_format": "int8"},
            "Invalid value: 'int8'.",
            "encoding_format",
        ),
    ],
)
def test_an_invalid_embeddings_request_is_refused(server, body, message, param):
    answered = server.ask("POST", "/embeddings", body)
    assert answered.status == 400
    error = answered.json["error"]
    assert message in error["message"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


def test_every_parameter_is_sent_to_the_provider_and_its_reply_returned_unchanged(server, upstream):
    upstream.answer(reply(VECTORS))
    body = {
        "model": "gpt-4o",
        "input": [[1, 2]],
        "encoding_format": "float",
        "dimensions": 2,
        "input_type": "query",
    }
    answered = server.ask("POST", "/embeddings", body)
    assert answered.json == VECTORS
    assert upstream.requests[-1].path.endswith("/embeddings")
    assert upstream.requests[-1].body == body


def test_a_provider_that_answers_with_something_else_is_a_bad_gateway(server, upstream):
    upstream.answer(reply({"object": "list"}))
    answered = server.ask("POST", "/v1/embeddings", {"model": "gpt-4o", "input": TEXT})
    said = "The upstream returned a body that is not a list of embeddings."
    assert_error(answered, 502, said, code="upstream_malformed", type="server_error")


def test_azure_names_the_model_in_the_path(server, upstream):
    upstream.answer(reply(VECTORS))
    path = "/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21"
    assert server.ask("POST", path, {"input": TEXT}).json == VECTORS
    assert upstream.requests[-1].body["model"] == "gpt-4o"


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-9", input=TEXT)
    assert_error(
        caught.value,
        404,
        re.compile(r"The model 'text-embedding-9' does not exist or you do not have access to it\. Models of .+"),
        "model",
        "model_not_found",
    )


def listed(*vectors, indexes=None, **members):
    """What a provider answers: vectors as lists of numbers, or as they are given."""
    places = range(len(vectors)) if indexes is None else indexes
    data = [
        {"object": "embedding", "index": place, "embedding": one} for place, one in zip(places, vectors, strict=True)
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return reply({"object": "list", "data": data, "model": "gpt-4o", "usage": usage, **members})


def coded(*numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.proves("chat.embeddings_checked")
@pytest.mark.parametrize("given", [[0.5, -0.25], coded(0.5, -0.25)])
@pytest.mark.parametrize("wanted", ["float", "base64", None])
def test_vectors_have_the_requested_encoding_in_any_encoding_of_the_provider(server, upstream, given, wanted):
    upstream.answer(listed(given, given))
    body = {"model": "gpt-4o", "input": [TEXT, TEXT], "encoding_format": wanted}
    answered = server.ask("POST", "/embeddings", body).json
    expected = coded(0.5, -0.25) if wanted == "base64" else [0.5, -0.25]
    assert [one["embedding"] for one in answered["data"]] == [expected, expected]
    assert [one["index"] for one in answered["data"]] == [0, 1]
    assert (answered["object"], answered["usage"]["total_tokens"]) == ("list", 4)


def test_the_official_client_decodes_the_base64_vectors_it_requests(client, upstream):
    upstream.answer(listed([0.5, -0.25]))
    assert client.embeddings.create(model="gpt-4o", input=TEXT).data[0].embedding == [0.5, -0.25]
    assert upstream.requests[-1].body["encoding_format"] == "base64"


@pytest.mark.parametrize("indexes", [(1, 0), (0, 0), (None, None), ("1", "0"), (1.0, 0.0)])
def test_vectors_come_in_the_order_of_the_inputs(client, upstream, indexes):
    swapped = str(indexes[0]).startswith("1")
    vectors = [[0.5], [0.25]]
    upstream.answer(listed(*(reversed(vectors) if swapped else vectors), indexes=indexes))
    made = client.embeddings.create(model="gpt-4o", input=[TEXT, TEXT]).data
    assert [(one.index, one.embedding) for one in made] == [(0, [0.5]), (1, [0.25])]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (listed([1.0]), "1 vectors for 2 inputs"),
        (listed([1.0], [1.0], [1.0]), "3 vectors for 2 inputs"),
        (listed([1.0], [1.0, 2.0]), "different dimensions"),
        (listed([], []), "0 dimensions"),
        (listed([1.0], [1.0], indexes=(0, 5)), "indexes"),
        (listed([1.0], ["x"]), "not a list of embeddings"),
        (listed([1.0], [None]), "not a list of embeddings"),
        (listed([1.0], [True]), "not a list of embeddings"),
        (listed([1.0], [float("nan")]), "not a list of embeddings"),
        (listed([1.0], [1e300]), "32-bit floats"),
        (listed(coded(1.0), coded(float("nan"))), "not finite"),
        (listed(coded(1.0), "!!"), "not base64"),
        (listed(coded(1.0), "AAA="), "not base64"),
        (listed([1.0], {}), "not a list of embeddings"),
        (reply({"data": [[1.0], [2.0]]}), "not a list of embeddings"),
        (reply({"data": "x", "model": "m"}), "not a list of embeddings"),
        (reply(b"\xff\xfe"), "not JSON"),
    ],
)
def test_vectors_that_are_missing_or_none_are_an_error_and_no_zeros(client, upstream, answer, reason):
    upstream.answer(answer)
    with pytest.raises(openai.InternalServerError, match=reason) as caught:
        client.embeddings.create(model="gpt-4o", input=[TEXT, TEXT])
    assert caught.value.status_code == 502


def test_another_dimension_than_the_requested_one_is_an_error(client, upstream):
    upstream.answer(listed([1.0, 0.0, 0.0]), listed([1.0, 0.0]))
    with pytest.raises(openai.InternalServerError, match="3 dimensions where 'dimensions' is 2"):
        client.embeddings.create(model="gpt-4o", input=TEXT, dimensions=2)
    assert client.embeddings.create(model="gpt-4o", input=TEXT, dimensions=2).data[0].embedding == [1.0, 0.0]


def test_unusual_counts_of_embeddings_are_whole_numbers(client, upstream):
    upstream.answer(listed([1.0], usage={"prompt_tokens": 10**23, "total_tokens": -1}))
    usage = client.embeddings.create(model="gpt-4o", input=TEXT).usage
    assert (usage.prompt_tokens, usage.total_tokens) == (2**31 - 1, 0)
