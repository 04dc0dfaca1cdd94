"""The models that can be used."""

import openai
import pytest

from e2e.talk import new_thread, run_of, user
from envelope import assert_error


def test_all_models_of_all_providers_are_listed(client):
    listed = client.models.list()
    assert [model.id for model in listed.data] == [
        *("gpt-4o", "gpt-4o-mini", "org/with/slashes", "rehearsal", "rehearsal-embedding", "slow")
    ]
    assert all(model.object == "model" and isinstance(model.created, int) for model in listed.data)


@pytest.mark.parametrize("model", ["gpt-4o", "org/with/slashes", "rehearsal"])
def test_one_is_found_by_its_id(server, client, model):
    found = client.models.retrieve(model)
    assert found in client.models.list().data
    for spelling in (model, model.replace("/", "%2F")):
        for base in ("/v1/models", "/models"):
            assert server.ask("GET", f"{base}/{spelling}").json == found.to_dict()


def test_an_unknown_one_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-9")
    assert_error(caught.value, 404, "The model 'gpt-9' does not exist", "model", "model_not_found")


def test_an_id_with_slashes_works_everywhere(client, upstream):
    completion = client.chat.completions.create(model="org/with/slashes", messages=[user("Hi")])
    assert completion.model == "org/with/slashes"
    assistant = client.beta.assistants.create(model="org/with/slashes")
    assert run_of(client, new_thread(client, "Hi"), assistant).model == "org/with/slashes"
    assert {request.body["model"] for request in upstream.requests} == {"org/with/slashes"}
