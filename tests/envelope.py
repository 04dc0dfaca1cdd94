"""The error envelope, in whatever way a test has met it."""

import json
import re

import openai


def assert_error(found, status, message, param=None, code=None, type="invalid_request_error", *, detail=False):  # noqa: A002 - the envelope's own word
    """Every error looks the same. `found` is an SDK exception or a `Reply`; `message` a text or a compiled pattern.

    `detail`: the oldest operations say it a second time beside the envelope.
    """
    if isinstance(found, openai.APIStatusError):
        headers, body, got = found.response.headers, json.loads(found.response.content), found.status_code
    else:
        headers, body, got = found.headers, found.json, found.status
    assert got == status, body
    assert headers["content-type"] == "application/json"
    assert re.fullmatch("req_[0-9a-f]{32}", headers["x-request-id"])
    if detail:
        said = body["error"]
        assert body.pop("detail") == {"message": said["message"], "code": said["code"]}
    assert_envelope(body, message, param, code, type)


def assert_envelope(body, message, param=None, code=None, type="invalid_request_error"):  # noqa: A002 - the envelope's own word
    """The four members and nothing else, in their order."""
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    said = body["error"]["message"]
    if isinstance(message, re.Pattern):
        assert message.fullmatch(said), said
    else:
        assert said == message
    assert "Traceback" not in said
    assert {**body["error"], "message": said} == {"message": said, "type": type, "param": param, "code": code}


def assert_aimlapi_error(reply, status, message, param=None, code=None, type="invalid_request_error"):  # noqa: A002 - the envelope's own word
    """The AI/ML API's two shapes in one, around the envelope that the other clients read."""
    body = reply.json
    assert reply.status == status, body
    assert reply.headers["content-type"] == "application/json"
    error = body.pop("error")
    assert error.pop("name").endswith("Exception")
    assert_envelope({"error": error}, message, param, code, type)
    assert (body["status"], body["statusCode"], body["message"]) == (status, status, error["message"])
    assert body["requestId"] == reply.headers["x-request-id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert body["instance"] == body["path"]
    assert list(body) == [*("title", "status", "statusCode", "message", "instance", "path", "requestId", "timestamp")]
