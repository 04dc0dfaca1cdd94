"""Who may call what: every operation of the document with no key, several kinds of keys, and people of each role.

The requests name objects that do not exist, so a key that may call the operation gets any error but 401 and 403.
"""

import json
import re

import pytest

from understudy.api.access import RESOURCES
from understudy.api.routes import OPERATIONS
from user_sign_ins import open_session, sign_in

OPEN = {"getCurrentKey", "getSession"}
PUBLIC = {"downloadLinkedFile", "downloadVideo", "downloadThumbnail"} | {  # the secret is in the address
    *("getHealth", "getLiveness", "getReadiness"),
    *("getSignInOptions", "signOut"),
}
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


def test_every_operation_of_the_served_document_is_guarded_or_known_to_be_public(sqlite_server):
    document = sqlite_server.ask("GET", "/openapi.json", key=None).json
    documented = {
        one["operationId"] for item in document["paths"].values() for method, one in item.items() if method != "servers"
    }
    assert {one.id for one in OPERATIONS} >= documented
    assert documented - {one.id for one in GUARDED} <= PUBLIC
    assert {one.id for one in OPERATIONS} - {one.id for one in GUARDED} == PUBLIC


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


ENDLESS = {"streamProjectEvents"}


@pytest.fixture(scope="module")
def project(sqlite_server, keys):
    body = {"name": "of people"}
    return sqlite_server.ask("POST", "/v1/organization/projects", body, key=keys["admin"]).json["id"]


@pytest.fixture(scope="module")
def call_as(sqlite_server, keys, project):
    """Calls an operation with the session of a person of that role: its status and code."""
    sessions = {}
    for role in ("owner", "project owner", "project member", "nobody"):
        user = sign_in(sqlite_server, f"{role.replace(' ', '.')}@example.com")
        users = f"/v1/organization/projects/{project}/users"
        if role == "owner":
            path = f"/v1/organization/users/{user.id}"
            assert sqlite_server.ask("POST", path, {"role": "owner"}, key=keys["admin"]).status == 200
        elif role != "nobody":
            body = {"user_id": user.id, "role": role.removeprefix("project ")}
            assert sqlite_server.ask("POST", users, body, key=keys["admin"]).status == 200
        sessions[role] = open_session(sqlite_server, user)

    def call(role, operation):
        method, path = target_of(operation)
        path = path.replace("/projects/unknown", f"/projects/{project}") if role == "project owner" else path
        reply = sqlite_server.ask(method, path, {} if method == "POST" else None, sessions[role], key=None)
        return reply.status, reply.json["error"].get("code") if reply.status in {401, 403} else None

    return call


GUARDED_AND_ENDING = [one for one in GUARDED if one.id not in ENDLESS]


def test_an_owner_of_the_organization_may_call_everything(call_as):
    refused = {one.id for one in GUARDED_AND_ENDING if call_as("owner", one)[0] in {401, 403}}
    assert refused == set()


@pytest.mark.parametrize("role", ["project member", "project owner"])
def test_people_of_a_project_may_call_what_is_of_projects(call_as, role):
    refused = {one.id for one in GUARDED_AND_ENDING if call_as(role, one) == (403, "missing_scope")}
    delegated = {one.id for one in ADMIN if one.requirement.for_project_owners} if role == "project owner" else set()
    assert refused == {one.id for one in ADMIN} - delegated
    assert all("{project_id}" in one.path for one in ADMIN if one.id in delegated)
    assert not delegated & {
        "archive-project",
        "modify-project",
        "create-project",
        "list-users",
        "Updateprojectspendlimit",
    }


def test_people_without_a_project_may_call_nothing(call_as):
    allowed = {one.id for one in GUARDED_AND_ENDING if call_as("nobody", one)[0] not in {401, 403}}
    assert allowed == OPEN
