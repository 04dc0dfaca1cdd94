"""Administration over HTTP, with the official client: projects, keys, service accounts, limits and the audit log."""

import itertools
import json

import openai
import pytest

from e2e.assistants_client import on_both
from serving import KEY
from waiting import eventually

pytestmark = on_both
NUMBERS = itertools.count()


@pytest.fixture
def project(organization):
    return organization.projects.create(name=f"project {next(NUMBERS)} of {id(organization)}")


def create_key(server, admin_key, project, **members):
    path = f"/v1/organization/projects/{project.id}/api_keys"
    reply = server.ask("POST", path, {"name": "program", **members}, key=admin_key)
    assert reply.status == 200, reply.json
    return reply.json


def status(server, key, method="GET", path="/v1/assistants", body=None):
    return server.ask(method, path, body, key=key).status


def test_a_project_is_created_renamed_and_archived(server, organization, project):
    assert (project.object, project.status, project.archived_at) == ("organization.project", "active", None)
    name = f"{project.name}, renamed"
    assert organization.projects.update(project.id, name=name).name == name
    assert organization.projects.retrieve(project.id).name == name
    assert project.id in {one.id for one in organization.projects.list(limit=2)}
    archived = organization.projects.archive(project.id)
    assert (archived.status, archived.archived_at is not None) == ("archived", True)
    assert project.id not in {one.id for one in organization.projects.list()}
    assert project.id in {one.id for one in organization.projects.list(include_archived=True, limit=1)}
    with pytest.raises(openai.BadRequestError, match="is archived"):
        organization.projects.update(project.id, name="again")
    with pytest.raises(openai.NotFoundError):
        organization.projects.retrieve("proj_unknown")


def test_the_names_of_projects_are_unique_and_the_default_one_stays(server, organization, project):
    with pytest.raises(openai.ConflictError):
        organization.projects.create(name=project.name)
    default = next(one for one in organization.projects.list(limit=100) if one.name == "default")
    for change in (
        lambda: organization.projects.archive(default.id),
        lambda: organization.projects.update(default.id, name="x"),
    ):
        with pytest.raises(openai.BadRequestError, match="default project"):
            change()
    with pytest.raises(openai.BadRequestError, match="external_key_id"):
        organization.projects.create(name="with a key", external_key_id="key_1")


def test_the_keys_of_an_archived_project_are_refused(server, organization, admin_key, project):
    key = create_key(server, admin_key, project)["value"]
    assert status(server, key) == 200
    organization.projects.archive(project.id)
    eventually(lambda: status(server, key) == 401, within=5)


def test_a_key_of_a_project_opens_only_that_project(server, organization, admin_key, project):
    created = create_key(server, admin_key, project)
    made = server.ask("POST", "/v1/assistants", {"model": "gpt-4o"}, key=created["value"]).json
    assert server.ask("GET", f"/v1/assistants/{made['id']}").status == 404
    path = f"/v1/organization/projects/{project.id}/api_keys?order=asc"
    assert [one["id"] for one in server.ask("GET", path, key=admin_key).json["data"]] == [created["id"]]
    listed = organization.projects.api_keys.list(project.id)
    assert [(one.id, one.name, one.owner.type) for one in listed] == [(created["id"], "program", "user")]
    assert created["value"] not in str(listed)
    retrieved = organization.projects.api_keys.retrieve(created["id"], project_id=project.id)
    assert retrieved.redacted_value.endswith(created["value"][-4:])
    deleted = organization.projects.api_keys.delete(created["id"], project_id=project.id)
    assert (deleted.id, deleted.deleted) == (created["id"], True)
    eventually(lambda: status(server, created["value"]) == 401, within=5)
    with pytest.raises(openai.NotFoundError):
        organization.projects.api_keys.retrieve(created["id"], project_id=project.id)


def test_a_restricted_key_may_do_what_its_scopes_name(server, admin_key, project):
    def ask(key, method, path, body=None):
        reply = server.ask(method, path, body, key=key)
        return reply.status, reply.json.get("error", {}).get("code")

    refused = (403, "missing_scope")
    reader = create_key(server, admin_key, project, scopes=["api.all.read"])["value"]
    assert ask(reader, "GET", "/v1/assistants") == (200, None)
    assert ask(reader, "POST", "/v1/assistants", {"model": "gpt-4o"}) == refused
    assert ask(reader, "DELETE", "/v1/assistants/asst_unknown") == refused
    threads = create_key(server, admin_key, project, scopes=["api.threads.write"])["value"]
    assert ask(threads, "POST", "/v1/threads", {})[0] == 200
    assert ask(threads, "GET", "/v1/threads")[0] == 200
    assert ask(threads, "GET", "/v1/files") == refused
    models = create_key(server, admin_key, project, scopes=["model.request"])["value"]
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    assert ask(models, "POST", "/v1/chat/completions", chat)[0] == 200
    assert ask(models, "POST", "/openai/deployments/gpt-4o/chat/completions", chat)[0] == 200
    assert ask(threads, "POST", "/openai/deployments/gpt-4o/chat/completions", chat) == refused
    assert ask(models, "GET", "/v1/assistants") == refused
    for key, scope in ((reader, "api.all.read"), (threads, "api.threads.write"), (models, "model.request")):
        assert server.ask("GET", "/v1/key", key=key).json["data"]["scopes"] == [scope]
        assert ask(key, "GET", "/v1/organization/projects") == (401, "missing_scope")


def test_an_unknown_scope_is_refused_with_the_known_ones(server, admin_key, project):
    path = f"/v1/organization/projects/{project.id}/api_keys"
    reply = server.ask("POST", path, {"name": "program", "scopes": ["api.threads.own"]}, key=admin_key)
    assert (reply.status, reply.json["error"]["param"]) == (400, "scopes[0]")
    assert "api.threads.write" in reply.json["error"]["message"]


def test_scopes_and_the_end_of_a_key_are_changed(server, admin_key, project):
    created = create_key(server, admin_key, project)
    path = f"/v1/organization/projects/{project.id}/api_keys/{created['id']}"
    changed = server.ask("POST", path, {"scopes": ["api.files.read"], "expires_in_seconds": 60}, key=admin_key).json
    assert changed["scopes"] == ["api.files.read"]
    assert changed["expires_at"] >= changed["created_at"] + 60
    eventually(lambda: status(server, created["value"]) == 403, within=5)
    assert status(server, created["value"], path="/v1/files") == 200
    again = server.ask("POST", path, {"scopes": [], "expires_in_seconds": None}, key=admin_key).json
    assert (again["scopes"], again["expires_at"]) == ([], None)


def test_a_key_ends_at_its_time(server, admin_key, project):
    created = create_key(server, admin_key, project, expires_in_seconds=1)
    eventually(lambda: status(server, created["value"]) == 401, within=5)
    reply = server.ask("GET", "/v1/assistants", key=created["value"])
    assert "has expired" in reply.json["error"]["message"]
    path = f"/v1/organization/projects/{project.id}/api_keys/{created['id']}"
    reply = server.ask("POST", path, {"expires_in_seconds": 60}, key=admin_key)
    assert (reply.status, reply.json["error"]["code"]) == (400, "key_expired")


def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(server, admin_key, project):
    created = create_key(server, admin_key, project)
    path = f"/v1/organization/projects/{project.id}/api_keys/{created['id']}"
    rotated = server.ask("POST", f"{path}/rotate", {"overlap_seconds": 3600}, key=admin_key).json
    assert rotated["id"] == created["id"]
    assert rotated["old_secret_expires_at"] > rotated["created_at"]
    assert [status(server, key) for key in (created["value"], rotated["value"])] == [200, 200]
    last = server.ask("POST", f"{path}/rotate", {"overlap_seconds": 0}, key=admin_key).json
    eventually(lambda: [status(server, one["value"]) for one in (created, rotated, last)] == [401, 401, 200], within=5)
    assert "old_secret_expires_at" not in server.ask("GET", path, key=admin_key).json


def test_a_service_account_owns_keys_that_end_with_it(server, organization, project):
    accounts = organization.projects.service_accounts
    made = accounts.create(project.id, name="deployer")
    assert (made.role, made.api_key.object) == ("member", "organization.project.service_account.api_key")
    assert status(server, made.api_key.value) == 200
    (key,) = organization.projects.api_keys.list(project.id)
    assert (key.owner.type, key.owner.service_account.id) == ("service_account", made.id)
    assert accounts.retrieve(made.id, project_id=project.id).name == "deployer"
    assert [one.id for one in accounts.list(project.id)] == [made.id]
    assert accounts.delete(made.id, project_id=project.id).deleted
    eventually(lambda: status(server, made.api_key.value) == 401, within=5)
    assert [one.id for one in accounts.list(project.id)] == []
    without_key = accounts.create(project.id, name="none", create_service_account_only=True)
    assert without_key.api_key is None


def test_an_admin_key_is_listed_and_deleted_and_opens_no_project(server, organization, admin_key):
    made = organization.admin_api_keys.create(name="second")
    assert made.value.startswith("sk-understudy-admin-")
    assert made.id in {one.id for one in organization.admin_api_keys.list(limit=1)}
    assert organization.admin_api_keys.retrieve(made.id).name == "second"
    for method, path in (("GET", "/v1/assistants"), ("GET", "/v1/key"), ("GET", "/v1/nothing")):
        reply = server.ask(method, path, None, key=made.value)
        assert (reply.status, reply.json["error"]["code"]) == (401, "missing_scope")
    assert organization.admin_api_keys.delete(made.id).deleted
    eventually(lambda: status(server, made.value, path="/v1/organization/projects") == 401, within=5)
    with pytest.raises(openai.NotFoundError):
        organization.admin_api_keys.delete(made.id)


def test_keys_of_projects_never_administer(server, organization):
    for path in ("projects", "admin_api_keys", "audit_logs"):
        reply = server.ask("GET", f"/v1/organization/{path}", key=KEY)
        assert (reply.status, reply.json["error"]["code"]) == (401, "missing_scope")
        assert "api.management.read" in reply.json["error"]["message"]


def test_the_spend_limit_of_a_project_is_set_and_removed(server, organization, project):
    limits = organization.projects.spend_limit
    with pytest.raises(openai.NotFoundError, match="no spend limit"):
        limits.retrieve(project.id)
    limit = limits.update(project.id, threshold_amount=2_50, currency="USD", interval="month")
    assert (limit.threshold_amount, limit.enforcement.status) == (250, "inactive")
    assert (
        limits.update(project.id, threshold_amount=0, currency="USD", interval="month").enforcement.status
        == "enforcing"
    )
    assert limits.delete(project.id).deleted
    with pytest.raises(openai.NotFoundError):
        limits.delete(project.id)


def test_every_change_is_in_the_audit_log_without_a_secret(server, organization, admin_key, project):
    created = create_key(server, admin_key, project)
    organization.projects.api_keys.delete(created["id"], project_id=project.id)
    organization.projects.archive(project.id)
    entries = organization.audit_logs.list(project_ids=[project.id], limit=2)
    kinds = [(one.type, one.project.id, one.actor.type) for one in entries]
    types = ["project.archived", "api_key.deleted", "api_key.created", "project.created"]
    assert kinds == [(type_, project.id, "api_key") for type_ in types]
    assert created["value"] not in json.dumps([one.to_dict() for one in entries])
    (one,) = organization.audit_logs.list(resource_ids=[created["id"]], event_types=["api_key.created"])
    assert one.effective_at >= project.created_at
    later = {"effective_at": {"gt": one.effective_at + 3600}, "project_ids": [project.id]}
    assert list(organization.audit_logs.list(**later)) == []
    reply = server.ask("GET", "/v1/organization/audit_logs?effective_at[gt]=now", key=admin_key)
    assert (reply.status, reply.json["error"]["param"]) == (400, "effective_at[gt]")


def test_commands_administer_a_server_over_http(server, organization, admin_key, project):
    def run(*arguments):
        output = server.run(*arguments, "--base-url", server.url, "--key", admin_key, "--json")
        return json.loads(output)

    made = run("projects", "create", f"{project.name} by command", "--spend-limit", "5USD")
    here = ("--project", made["id"])
    key = run("keys", "create", *here, "--name", "web", "--scope", "api.files.read", "--expires", "1d")
    assert (key["project_id"], key["scopes"]) == (made["id"], ["api.files.read"])
    assert key["expires_at"] > key["created_at"]
    assert status(server, key["key"], path="/v1/files") == 200
    rotated = run("keys", "rotate", key["id"], "--overlap", "1h")
    assert status(server, rotated["key"], path="/v1/files") == 200
    assert key["id"] in {one["id"] for one in run("keys", "list")}
    funds = run("credits", "grant", "5USD", *here)
    assert (funds["balance"], funds["budgeted"], funds["limit"]["credits"]) == (10_000_000, True, 10_000_000)
    assert run("credits", "withdraw", "1USD", *here)["balance"] == 8_000_000
    assert [one["credits"] for one in run("credits", "history", *here)] == [-2_000_000, 10_000_000]
    assert made["id"] in {one["project_id"] for one in run("credits", "show")}
    remote = ("--base-url", server.url, "--key", admin_key)
    assert "may spend 1.00 USD" in server.run("credits", "limit", "1USD", "--api-key", key["id"], *remote)
    path = f"/v1/organization/projects/{made['id']}/credits?api_key_id="
    assert server.ask("GET", path + key["id"], key=admin_key).json["spend_limit"]["credits"] == 2_000_000
    assert server.ask("GET", f"{path}key_unknown", key=admin_key).status == 404
    assert "no limit" in server.run("credits", "limit", "--none", *here, *remote)
    assert "no budget" in server.run("credits", "unlimit", *here, *remote)
    assert key["id"] in server.run("keys", "revoke", key["id"], *remote)
    assert "Archived" in server.run("projects", "archive", made["id"], "--yes", *remote)
    (archived,) = [one for one in run("projects", "list") if one["id"] == made["id"]]
    assert archived["archived_at"] is not None
    types = [one.type for one in organization.audit_logs.list(project_ids=[made["id"]], limit=100)]
    assert {"understudy.credits.granted", "project.updated", "api_key.updated", "project.archived"} <= {*types}
    assert status(server, run("keys", "create", "--admin")["key"], path="/v1/organization/projects") == 200


def test_an_admin_key_sees_the_usage_of_all_projects(server, organization, admin_key, project):
    key = create_key(server, admin_key, project)
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    for used in (KEY, key["value"]):
        assert server.ask("POST", "/v1/chat/completions", chat, key=used).status == 200

    def charged_projects():
        page = organization.usage.completions(start_time=project.created_at - 60, group_by=["project_id"])
        return {result.project_id for bucket in page.data for result in bucket.results}

    # Another node sees the usage of one within 100 ms.
    eventually(lambda: project.id in charged_projects() and len(charged_projects()) >= 2)
    (only,) = [
        result
        for bucket in organization.usage.completions(
            start_time=project.created_at - 60, project_ids=[project.id], group_by=["project_id"]
        ).data
        for result in bucket.results
    ]
    assert (only.project_id, only.num_model_requests) == (project.id, 1)
    assert organization.usage.costs(start_time=project.created_at - 60, project_ids=[project.id]).data
