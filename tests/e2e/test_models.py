"""The models that can be used."""

import openai
import pytest

from e2e.assistants_client import new_thread, run_of, user
from envelope import assert_aimlapi_error, assert_error
from serving import Server, serve
from upstream import fault, text


def test_all_models_of_all_providers_are_listed(client):
    listed = client.models.list()
    assert [model.id for model in listed.data] == [
        *("gpt-4o", "gpt-4o-mini", "org/with/slashes", "rehearsal", "rehearsal-embedding", "slow")
    ]
    assert all(model.object == "model" and isinstance(model.created, int) for model in listed.data)


@pytest.mark.parametrize("model", ["gpt-4o", "org/with/slashes", "rehearsal"])
def test_a_model_is_retrieved_by_its_id(server, client, model):
    found = client.models.retrieve(model)
    listed = {one.id: one for one in client.models.list().data}[model]
    assert (found.created, found.owned_by) == (listed.created, listed.owned_by)
    for spelling in (model, model.replace("/", "%2F")):
        for base in ("/v1/models", "/models"):
            assert server.ask("GET", f"{base}/{spelling}").json == found.to_dict()


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-9")
    assert_error(caught.value, 404, "The model 'gpt-9' does not exist", "model", "model_not_found")


def test_an_id_with_slashes_works_everywhere(client, upstream):
    completion = client.chat.completions.create(model="org/with/slashes", messages=[user("Hi")])
    assert completion.model == "org/with/slashes"
    assistant = client.beta.assistants.create(model="org/with/slashes")
    assert run_of(client, new_thread(client, "Hi"), assistant).model == "org/with/slashes"
    assert {request.body["model"] for request in upstream.requests} == {"org/with/slashes"}


# -- as the AI/ML API lists them -----------------------------------------------------------------------------------

OWN = """
[models."gpt-4o"]
name = "Our own"
developer = "Us"
description = "Tuned."
url = "https://example.com/model"
context_length = 1000
max_output = 500
tags = ["Tuned"]
input_price = 1.5
cached_input_price = 0.5
output_price = 3.0
request_price = 0.01

[models."rehearsal"]
features = ["openai/chat-completion"]

[providers.vendors]
base_url = "http://127.0.0.1:9/v1"
models = ["claude-sonnet-4-5", "meta/llama-x", "text-embedding-3-small", "gpt-4.1-mini"]
aliases = { "sonnet" = "claude-sonnet-4-5" }
"""
PATHS = ["/models", "/v1/models", "/api/v1/models"]


@pytest.fixture(scope="module")
def stocked(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("stocked"), session_upstream.url, OWN))


def listed(server, query="", path="/models"):
    return {one["id"]: one for one in server.ask("GET", f"{path}{query}").json["data"]}


@pytest.mark.proves("aimlapi_models.list", "aimlapi.paths")
@pytest.mark.parametrize("path", PATHS)
def test_the_list_describes_each_model(stocked, path):
    answered = stocked.ask("GET", path).json
    assert answered["object"] == "list"
    models = {one["id"]: one for one in answered["data"]}
    ours = models["gpt-4o"]
    assert list(ours) == [
        *("id", "object", "created", "owned_by", "aliases", "type", "info", "features", "endpoints", "tags")
    ]
    assert ours["info"] == {
        "name": "Our own",
        "developer": "Us",
        "description": "Tuned.",
        "contextLength": 1000,
        "maxTokens": 500,
        "outputMax": 500,
        "url": "https://example.com/model",
        "docsUrl": "https://example.com/model",
    }
    assert (ours["type"], ours["tags"]) == ("chat-completion", ["Tuned"])
    assert {"openai/chat-completion", "openai/chat-assistant", "openai/chat-completion.function"} < set(
        ours["features"]
    )
    assert ours["endpoints"][0] == "/v1/chat/completions"
    sonnet = models["claude-sonnet-4-5"]
    assert (sonnet["info"]["name"], sonnet["info"]["developer"]) == ("Claude Sonnet 4.5", "Anthropic")
    assert (sonnet["info"]["contextLength"], sonnet["aliases"]) == (200_000, ["sonnet"])
    assert models["text-embedding-3-small"]["type"] == "embedding"
    assert models["text-embedding-3-small"]["features"] == []
    unknown = models["meta/llama-x"]
    assert (unknown["info"]["name"], unknown["info"]["developer"]) == ("meta/llama-x", "meta")
    assert "openai/chat-completion.function" not in unknown["features"]
    assert models["rehearsal"]["features"] == ["openai/chat-completion"]


@pytest.mark.parametrize(
    ("query", "added"),
    [
        ("", set()),
        ("?include=pricing", {"pricing"}),
        ("?include=pricing,modalities&include=nonsense", {"pricing", "modalities"}),
        ("?include=all", {"pricing", "modalities", "capabilities"}),
        ("?details=true", {"pricing", "modalities", "capabilities"}),
        ("?details=1", {"pricing", "modalities", "capabilities"}),
        ("?details=false", set()),
    ],
)
def test_optional_members_of_models_are_returned_if_requested(stocked, query, added):
    for one in listed(stocked, query).values():
        assert {"pricing", "modalities", "capabilities"} & set(one) == added


def test_prices_are_those_of_the_settings_and_else_the_public_ones(stocked):
    models = listed(stocked, "?include=all")
    units = {one["name"]: (one["measure"], one["price"], one["per"]) for one in models["gpt-4o"]["pricing"]["units"]}
    assert models["gpt-4o"]["pricing"]["kind"] == "fixed"
    assert units == {
        "input": ("token", 1.5, 1_000_000),
        "cached_input": ("token", 0.5, 1_000_000),
        "output": ("token", 3.0, 1_000_000),
        "request": ("request", 0.01, 1),
    }
    mini = {one["name"]: one["price"] for one in models["gpt-4.1-mini"]["pricing"]["units"]}
    assert mini == {"input": 0.4, "cached_input": 0.1, "output": 1.6}
    tiered = models["claude-sonnet-4-5"]["pricing"]
    assert (tiered["kind"], tiered["dimensions"]) == ("variants", ["input_tokens"])
    assert tiered["variants"][0]["when"] == {"input_tokens": 200_001}
    assert tiered["variants"][0]["units"][0]["price"] > tiered["units"][0]["price"]
    assert models["meta/llama-x"]["pricing"] is None
    assert models["gpt-4o"]["modalities"] == {"input": ["text", "image"], "output": ["text"]}
    assert models["gpt-4o"]["capabilities"] == ["streaming", "function-calling", "structured-outputs"]


@pytest.mark.proves("aimlapi_models.details")
def test_the_health_of_a_model_is_that_of_its_latest_calls(server, client, upstream):
    def health():
        model = server.ask("GET", "/v1/model/gpt-4o-mini?include[]=health").json["data"]
        listed = server.ask("GET", "/v1/models?include=health").json["data"]
        assert [one["health"] for one in listed if one["id"] == model["id"]] == [model["health"]]
        return model["health"] or {"calls": 0, "errors": 0, "last_error": None}

    before = health()
    assert "health" not in server.ask("GET", "/v1/model/gpt-4o-mini").json["data"]
    upstream.answer(text("Hello"))
    list(client.chat.completions.create(model="gpt-4o-mini", messages=[user("Hi")], stream=True))
    worked = health()
    assert (worked["calls"], worked["errors"]) == (before["calls"] + 1, before["errors"])
    assert worked["last_success_at"] > 0
    assert worked["p50_first_delta_ms"] > 0
    upstream.answer(fault(401, "wrong key"))
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="gpt-4o-mini", messages=[user("Hi")])
    failed = health()
    assert failed["errors"] > worked["errors"]
    assert failed["last_error_at"] >= worked["last_success_at"]
    assert failed["last_error"]


@pytest.mark.parametrize("path", ["/models/with-details", "/v1/models/with-details"])
def test_models_with_details_are_an_array(stocked, path):
    models = {one["name"]: one for one in stocked.ask("GET", path).json}
    assert models.keys() == listed(stocked).keys()
    ours = models["gpt-4o"]
    assert (ours["id"], ours["provider"], ours["isPremium"], ours["isFree"]) == ("gpt-4o", "scripted", True, False)
    assert ours["pricing"] == listed(stocked, "?include=pricing")["gpt-4o"]["pricing"]
    assert (models["rehearsal"]["isPremium"], models["rehearsal"]["isFree"]) == (False, True)
    assert (models["meta/llama-x"]["isPremium"], models["meta/llama-x"]["isFree"]) == (False, False)


@pytest.mark.proves("aimlapi_models.one")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gpt-4o", "gpt-4o"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("org/with/slashes", "org/with/slashes"),
        ("org%2Fwith%2Fslashes", "org/with/slashes"),
        ("sonnet", "sonnet"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("llama-x", "llama-x"),
        ("meta/llama-x", "meta/llama-x"),
    ],
)
def test_one_model_is_found_by_any_of_its_names(stocked, asked, found):
    for base in ("/model", "/v1/model"):
        answered = stocked.ask("GET", f"{base}/{asked}").json
        assert (answered["object"], answered["data"]["id"]) == ("model", found)
        assert "pricing" in answered["data"]


def test_the_single_model_operation_refuses_an_unknown_model(stocked):
    reply = stocked.ask("GET", "/model/nobody/has-this")
    assert_aimlapi_error(reply, 404, "The model 'nobody/has-this' does not exist", "model", "model_not_found")


def test_a_vendor_in_front_or_not_is_the_same_model(stocked, upstream):
    for asked, own in [("openai/gpt-4o", "gpt-4o"), ("with/slashes", "org/with/slashes")]:
        answered = stocked.ask("POST", "/v1/chat/completions", {"model": asked, "messages": [user("Hi")]})
        assert answered.status == 200, answered.body
        assert upstream.requests[-1].body["model"] == own


@pytest.mark.proves("aimlapi_models.filters")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?type=embedding", {"text-embedding-3-small", "rehearsal-embedding"}),
        ("?type=EMBEDDING&id=rehearsal-embedding,gpt-4o", {"rehearsal-embedding"}),
        ("?id=gpt-4o&id=SONNET", {"gpt-4o", "claude-sonnet-4-5", "sonnet"}),
        ("?tags=tuned", {"gpt-4o"}),
        ("?output_modalities=embedding", {"text-embedding-3-small", "rehearsal-embedding"}),
        ("?modalities=image", {"gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "sonnet", "gpt-4.1-mini"}),
        ("?input_modalities=image&capabilities=function-calling&id=gpt-4o,meta/llama-x", {"gpt-4o"}),
        ("?type=nonsense", set()),
    ],
)
def test_the_list_is_filtered(stocked, query, found):
    assert listed(stocked, query).keys() == found
    assert {one["id"] for one in stocked.ask("GET", f"/models/with-details{query}").json} == found


@pytest.mark.proves("aimlapi_models.cached")
@pytest.mark.parametrize("path", ["/models", "/v1/models?include=all", "/models/with-details", "/model/gpt-4o"])
def test_a_model_list_with_a_known_etag_is_not_modified(stocked, path):
    first = stocked.ask("GET", path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    assert first.headers["cache-control"] == "max-age=60"
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = stocked.ask("GET", path, headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert stocked.ask("GET", path, headers={"If-None-Match": 'W/"other"'}).body == first.body


def test_model_lists_need_no_key_if_public_models_is_set(new_server, upstream):
    server = new_server(public_models=True).start()
    for path in (*PATHS, "/models/with-details", "/model/gpt-4o", "/v1/models/gpt-4o"):
        assert server.ask("GET", path, key=None).status == 200, path
    assert server.ask("GET", "/v1/models", key="sk-wrong-0123456789").status == 401
    assert server.ask("DELETE", "/v1/models/gpt-4o", key=None).status == 401
    assert server.ask("GET", "/v1/assistants", key=None).status == 401


def test_a_context_length_of_the_settings_limits_prompts(stocked, upstream):
    client = stocked.client
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "word " * 900, "Hello", "word " * 500)
    run_of(client, thread, assistant)
    assert len(upstream.requests[-1].body["messages"]) == 2
