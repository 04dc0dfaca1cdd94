"""Azure's dialect over bare HTTP: other paths and another header, the same answers."""

import pytest

from serving import KEY

AZURE = {"api-key": KEY}


@pytest.mark.proves("azure.paths")
@pytest.mark.parametrize("base", ["/openai", "/openai/v1", "/api/projects/main"])
def test_objects_created_below_azure_paths_are_read_below_the_others(server, base):
    made = server.ask("POST", f"{base}/threads?api-version=2024-05-01-preview", {}, AZURE, key=None)
    assert made.status == 200
    read = server.ask("GET", f"/v1/threads/{made.json['id']}")
    assert read.json["id"] == made.json["id"]


def test_a_deployments_path_names_the_model(server, upstream):
    asked = {"messages": [{"role": "user", "content": "Hello"}], "model": "ignored"}
    path = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-05-01-preview"
    assert server.ask("POST", path, asked, AZURE, key=None).status == 200
    assert upstream.requests[0].body["model"] == "gpt-4o-mini"
