"""The table of the hosted API's operations says what a server does with each of them."""

import re

import pytest

from docs.blocks import ROOT

ROW = re.compile(r"^\| `(\w+) (/[^`]+)` \| (served|relayed|404|405) \|", re.MULTILINE)
OPERATIONS = ROW.findall((ROOT / "docs/reference/operations.md").read_text("utf-8"))


@pytest.fixture
def admin_key(sqlite_server):
    return sqlite_server.create_admin_key("table")


def test_each_operation_of_the_hosted_api_gets_what_its_row_says(sqlite_server, admin_key):
    assert len(OPERATIONS) == 288
    for method, path, state in OPERATIONS:
        operation = f"{method} {path}"
        filled = re.sub("{[^}]+}", "none", path)
        body = {} if method == "POST" else None
        key = {"key": admin_key} if path.startswith(("/organization", "/projects")) else {}
        reply = sqlite_server.ask(method, f"/v1{filled}", body, **key)
        assert reply.status < 500, operation
        if state in {"404", "405"}:
            assert (reply.status, reply.json["error"]["type"]) == (int(state), "invalid_request_error"), operation
        else:
            assert reply.status != 405, operation
            assert b"Invalid URL" not in reply.body, operation
        if reply.status >= 400:
            assert set(reply.json["error"]) >= {"message", "type", "param", "code"}, operation
