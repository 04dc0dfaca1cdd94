"""The providers of the settings, and tests of their connections."""

import pytest

from envelope import assert_error
from serving import Server, serve

SETTINGS = """
[providers.down]
base_url = "http://127.0.0.1:9/v1"
api_key = "sk-down-0123456789"
models = ["small"]

[providers.cloud]
kind = "azure"
base_url = "UPSTREAM/openai/v1"
api_key = "azure-key-0123456789"
aliases = { "gpt-x" = "deployment" }
fallbacks = ["down"]
"""


@pytest.fixture(scope="module")
def server(session_upstream, tmp_path_factory):
    settings = SETTINGS.replace("UPSTREAM", session_upstream.url.removesuffix("/v1"))
    yield from serve(Server(tmp_path_factory.mktemp("providers"), session_upstream.url, settings))


@pytest.fixture(scope="module")
def admin_key(server):
    return server.create_admin_key("providers")


def test_a_list_names_the_providers_of_the_settings_and_no_key(server, admin_key):
    listed = server.ask("GET", "/v1/organization/providers", key=admin_key)
    assert b"sk-down" not in listed.body
    by_name = {one["name"]: one for one in listed.json["data"]}
    assert by_name["down"] == {
        "object": "provider",
        "name": "down",
        "kind": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "fallbacks": [],
        "models": 1,
        "calls": None,
    }
    assert (by_name["cloud"]["kind"], by_name["cloud"]["fallbacks"]) == ("azure", ["down"])
    for_projects = server.ask("GET", "/v1/organization/providers").json["data"]
    assert for_projects == [{**one, "base_url": None} for one in listed.json["data"]]


def test_a_test_lists_the_models_of_a_provider(server, session_upstream):
    name = server.ask("GET", "/v1/organization/providers").json["data"][0]["name"]
    tested = server.ask("POST", f"/v1/organization/providers/{name}/test").json
    assert tested["latency_ms"] > 0
    assert tested["checked_at"] > 0
    expected = {"object": "provider.test", "name": name, "status": "ok", "models": 2, "error": None}
    assert tested | expected == tested


def test_the_list_of_azure_says_only_whether_the_key_is_right(server):
    tested = server.ask("POST", "/v1/organization/providers/cloud/test").json
    assert (tested["status"], tested["models"], tested["error"]) == ("ok", None, None)


def test_a_provider_that_fails_is_a_result(server):
    tested = server.ask("POST", "/v1/organization/providers/down/test")
    assert tested.status == 200
    assert (tested.json["status"], tested.json["models"], tested.json["error"]["type"]) == (
        "failed",
        None,
        "unreachable",
    )
    assert "Provider 'down' is unreachable" in tested.json["error"]["message"]


def test_an_unknown_provider_is_not_found(server):
    assert_error(server.ask("POST", "/v1/organization/providers/none/test"), 404, "No provider found with id 'none'.")
