"""Which keys may call what: every operation of the document with no key, an expired, a restricted and an admin key.

The requests name objects that do not exist, so a key that may call the operation gets any error but 401 and 403.
"""

import json
import re

import pytest

from understudy.api.access import RESOURCES
from understudy.api.routes import OPERATIONS

OPEN = {"getCurrentKey", "getSession"}
BY_ADDRESS = ("/video.mp4", "/thumbnail.jpg")
GUARDED = [one for one in OPERATIONS if one.authenticated and not one.path.endswith(BY_ADDRESS)]
PROJECT = [one for one in GUARDED if one.audience == "project"]
ADMIN = [one for one in GUARDED if one.audience == "admin"]


def target_of(operation):
    prefix = "/v1" if operation.base == "/v1" else ""
    return operation.method, prefix + re.sub(r"{[^}]+}", "unknown", operation.path)


@pytest.fixture(scope="module")
def keys(sqlite_server):
    run = sqlite_server.run
    created = {
        "admin": run("keys", "create", "--admin", "--json"),
        "reading": run("keys", "create", "--scope", "api.all.read", "--json"),
        "events": run("keys", "create", "--scope", "api.events.read", "--json"),
        "expired": run("keys", "create", "--expires", "0s", "--json"),
    }
    return {name: json.loads(output)["key"] for name, output in created.items()}


def ask(server, operation, key):
    reply = server.ask(*target_of(operation), {} if operation.method == "POST" else None, key=key)
    return reply.status


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.id)
def test_an_operation_needs_a_valid_key(sqlite_server, keys, operation):
    assert ask(sqlite_server, operation, None) == 401
    assert ask(sqlite_server, operation, "sk-understudy-unknown") == 401
    assert ask(sqlite_server, operation, keys["expired"]) == 401


@pytest.mark.parametrize("operation", PROJECT, ids=lambda one: one.id)
def test_an_operation_of_a_project_is_not_for_admin_keys(sqlite_server, keys, operation):
    assert ask(sqlite_server, operation, keys["admin"]) == 401


@pytest.mark.parametrize("operation", ADMIN, ids=lambda one: one.id)
def test_administration_is_only_for_admin_keys(sqlite_server, keys, operation):
    assert ask(sqlite_server, operation, keys["admin"]) not in {401, 403}
    assert ask(sqlite_server, operation, keys["reading"]) == 401


@pytest.mark.parametrize("operation", [one for one in PROJECT if one.id not in OPEN], ids=lambda one: one.id)
def test_a_key_that_reads_may_call_what_changes_nothing(sqlite_server, keys, operation):
    reads = operation.requirement.scopes[0].endswith(".read")
    if operation.id == "streamProjectEvents":
        return  # has no end
    status = ask(sqlite_server, operation, keys["reading"])
    assert (status == 403) != reads
    if "api.events.read" not in operation.requirement.scopes:
        assert ask(sqlite_server, operation, keys["events"]) == 403


@pytest.mark.parametrize("operation", PROJECT, ids=lambda one: one.id)
def test_the_scopes_of_an_operation_can_be_granted(operation):
    names = {scope.split(".")[1] for scope in operation.requirement.scopes if scope.startswith("api.")}
    assert names <= {*RESOURCES, "all"}
