"""Everything that goes wrong at the edge leaves in the envelope: keys, paths, methods, bodies, ids."""

import base64
import json
import re

import openai
import pytest

from envelope import assert_error
from serving import KEY

NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). Create one with `understudy keys create`."
)
NOT_JSON = re.compile(r"We could not parse the JSON body of your request\..*")


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/threads", "/v1/models", "/v1/nowhere"])
def test_a_request_without_a_key_is_unauthorized(server, path):
    assert_error(server.ask("GET", path, key=None), 401, NO_KEY)


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic", "Basic !!", "Digest x", ""])
def test_a_header_without_a_key_counts_as_missing(server, header):
    assert_error(server.ask("GET", "/v1/models", headers={"Authorization": header}, key=None), 401, NO_KEY)


def test_a_wrong_key_is_named_by_its_ends_alone(server):
    with (
        server.new_client(api_key="sk-wrong-0123456789-tail") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    message = "Incorrect API key provided: sk-wrong************tail. You can list the keys with `understudy keys list`."
    assert_error(caught.value, 401, message, None, "invalid_api_key")


@pytest.mark.parametrize("key", ["short", "x" * 5000, "ünïcödé", "a' OR '1'='1"])
def test_an_odd_key_is_a_wrong_key(server, key):
    reply = server.ask("GET", "/v1/models", headers={"Authorization": b"Bearer " + key.encode()}, key=None)
    message = re.compile(r"Incorrect API key provided: .*")
    assert_error(reply, 401, message, None, "invalid_api_key")
    assert key not in reply.json["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"bearer {KEY}"},
        {"Authorization": "Basic " + base64.b64encode(f":{KEY}".encode()).decode()},
        {"api-key": KEY},
        {"x-api-key": KEY},
    ],
)
def test_a_key_is_accepted_in_every_usual_header(server, headers):
    assert server.ask("GET", "/v1/models", headers=headers, key=None).status == 200


@pytest.mark.parametrize("path", ["/v1/nowhere", "/", "/v1", "/v1/threads/thread_1/nowhere"])
def test_an_unknown_path_is_named(server, path):
    assert_error(server.ask("GET", path), 404, f"Invalid URL (GET {path})")
    assert_error(server.ask("POST", path, {}), 404, f"Invalid URL (POST {path})")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_method_that_a_path_does_not_have_is_named(server, method):
    reply = server.ask(method, "/v1/assistants")
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    assert_error(reply, 405, f"Not allowed to {method} on /v1/assistants {hint}")
    assert set(reply.headers["allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


def test_a_path_of_another_method_is_read_as_an_id(server):
    message = "Invalid 'response_id': 'compact'. Expected an ID that begins with 'resp'."
    assert_error(server.ask("GET", "/v1/responses/compact"), 400, message, "response_id", "invalid_value")


def test_an_id_of_a_model_may_contain_slashes(server):
    assert_error(
        server.ask("GET", "/v1/models/maker/family/model"),
        404,
        re.compile(r".*'maker/family/model'.*"),
        "model",
        "model_not_found",
    )


def test_a_head_request_has_the_headers_of_get(server):
    reply = server.ask("HEAD", "/v1/models")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"", "application/json")


@pytest.mark.parametrize(
    ("path", "spelling"),
    [("/v1/models", "/models"), ("/v1/models", "/v1/models/"), ("/v1/threads?limit=1", "/threads/?limit=1")],
)
def test_the_version_and_a_closing_slash_may_be_left_out_or_added(server, path, spelling):
    assert server.ask("GET", spelling).body == server.ask("GET", path).body


def test_each_reply_has_a_request_id_and_version_headers(server):
    reply = server.ask("GET", "/v1/models")
    assert re.fullmatch("req_[0-9a-f]{32}", reply.headers["x-request-id"])
    assert reply.headers["x-request-id"] != server.ask("GET", "/v1/models").headers["x-request-id"]
    assert int(reply.headers["openai-processing-ms"]) >= 0
    assert reply.headers["openai-version"] == "2020-10-01"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"not json", b'{"model": "gpt-4o",}', b'{"model": "gpt-4o"} x', b'"\xff"', b"\xef\xbb\xbf{}"]
)
@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/chat/completions"])
def test_invalid_json_is_refused(server, path, body):
    assert_error(server.ask("POST", path, body, {"Content-Type": "application/json"}), 400, NOT_JSON)


@pytest.mark.parametrize(
    ("body", "received"), [([], "an array"), ("x", "a string"), (1, "an integer"), (True, "a boolean")]
)
def test_json_that_is_not_an_object_is_refused(server, body, received):
    reply = server.ask("POST", "/v1/assistants", json.dumps(body).encode())
    message = f"Invalid type for the request body: expected an object, but got {received} instead."
    assert_error(reply, 400, message, None, "invalid_type")


def test_json_that_nests_too_deeply_is_refused(server):
    deep = b'{"model": "gpt-4o", "metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    message = "Invalid request body: nested too deeply. Expected JSON with at most 100 levels of objects and arrays."
    assert_error(server.ask("POST", "/v1/assistants", deep), 400, message)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_an_unsupported_content_type_is_refused(server, content_type):
    reply = server.ask("POST", "/v1/assistants", b'{"model": "gpt-4o"}', {"Content-Type": content_type})
    message = f"Unsupported content type: '{content_type}'. This API method only accepts 'application/json' requests."
    assert_error(reply, 415, message, None, "unsupported_content_type")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json; charset=utf-8"}])
def test_json_is_accepted_with_any_json_content_type_and_without_one(server, headers):
    assert server.ask("POST", "/v1/assistants", b'{"model": "gpt-4o"}', headers).status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(server, chunked):
    body = b'{"model": "gpt-4o", "name": "' + b"x" * (1 << 20) + b'"}'
    reply = server.ask("POST", "/v1/assistants", iter([body[:1000], body[1000:]]) if chunked else body)
    assert_error(reply, 413, "The request body is too large. The limit is 1048576 bytes.")


@pytest.mark.parametrize(
    ("path", "body", "message", "param", "code"),
    [
        ("/v1/assistants", {}, "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "temprature": 1},
            "Unknown parameter: 'temprature'. Did you mean 'temperature'?",
            "temprature",
            "unknown_parameter",
        ),
        (
            "/v1/assistants",
            {"model": 4},
            "Invalid type for 'model': expected a string, but got an integer instead.",
            "model",
            "invalid_type",
        ),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "temperature": 3},
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "metadata": {str(number): "" for number in range(17)}},
            (
                "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an "
                "object with 17 properties instead."
            ),
            "metadata",
            "object_above_max_properties",
        ),
        (
            "/v1/assistants",
            {"model": "gpt-4o", "metadata": {"modified": True}},
            "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
            "metadata.modified",
            "invalid_type",
        ),
        ("/v1/threads", {"foo": 1}, "Unknown parameter: 'foo'.", "foo", "unknown_parameter"),
        ("/v1/threads/runs", {}, "Missing required parameter: 'assistant_id'.", "assistant_id", None),
    ],
)
def test_a_body_with_missing_or_invalid_parameters_is_refused(server, path, body, message, param, code):
    assert_error(server.ask("POST", path, body), 400, message, param, code or "missing_required_parameter")


@pytest.mark.parametrize(
    ("path", "param", "prefix"),
    [
        ("/v1/assistants/undefined", "assistant_id", "asst"),
        ("/v1/threads/undefined", "thread_id", "thread"),
        ("/v1/threads/thread_1/messages/undefined", "message_id", "msg"),
        ("/v1/threads/thread_1/runs/undefined", "run_id", "run"),
        ("/v1/threads/thread_1/runs/run_1/steps/undefined", "step_id", "step"),
    ],
)
def test_a_malformed_id_is_refused(server, path, param, prefix):
    message = f"Invalid '{param}': 'undefined'. Expected an ID that begins with '{prefix}'."
    assert_error(server.ask("GET", path), 400, message, param, "invalid_value")


def test_health_and_documents_need_no_key(server):
    for path in ("/health/live", "/health/ready"):
        assert server.ask("GET", path, key=None).json == {"status": "ok"}
    assert server.ask("GET", "/openapi.json", key=None).json["openapi"].startswith("3.")
    assert b"createThreadAndRun" in server.ask("GET", "/openapi.json", key=None).body
    assert server.ask("GET", "/docs/", key=None).status == 200
