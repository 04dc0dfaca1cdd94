"""Assertions on the error envelope, of an exception of the SDK or a reply over bare HTTP."""

import json
import re
from typing import Any

import openai

from serving import Reply


def assert_error(
    failure: openai.OpenAIError | Reply,
    status: int,
    message: str | re.Pattern[str],
    param: str | None = None,
    code: str | None = None,
    type: str = "invalid_request_error",  # noqa: A002 - the envelope's own word
    *,
    detail: bool = False,
) -> None:
    """Asserts the whole envelope of an error. `message` is the text, or a compiled pattern for it.

    `detail`: the oldest operations repeat the error beside the envelope.
    """
    headers: Any
    if isinstance(failure, openai.APIStatusError):
        headers, body, received = failure.response.headers, json.loads(failure.response.content), failure.status_code
    else:
        assert isinstance(failure, Reply), failure
        headers, body, received = failure.headers, failure.json, failure.status
    assert received == status, body
    assert headers["content-type"] == "application/json"
    assert re.fullmatch("req_[0-9a-f]{32}", headers["x-request-id"])
    if detail:
        error = body["error"]
        assert body.pop("detail") == {"message": error["message"], "code": error["code"]}
    assert_envelope(body, message, param, code, type)


def assert_envelope(
    body: Any,
    message: str | re.Pattern[str],
    param: str | None = None,
    code: str | None = None,
    type: str = "invalid_request_error",  # noqa: A002 - the envelope's own word
) -> None:
    """The four members and nothing else, in their order."""
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    text = body["error"]["message"]
    if isinstance(message, re.Pattern):
        assert message.fullmatch(text), text
    else:
        assert text == message
    assert "Traceback" not in text
    assert {**body["error"], "message": text} == {"message": text, "type": type, "param": param, "code": code}


def assert_aimlapi_error(
    reply: Reply,
    status: int,
    message: str | re.Pattern[str],
    param: str | None = None,
    code: str | None = None,
    type: str = "invalid_request_error",  # noqa: A002 - the envelope's own word
) -> None:
    """Asserts both shapes of the AI/ML API's errors, around the envelope that other clients read."""
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
