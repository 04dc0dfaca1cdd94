"""Models of providers that index, search and rank passages: their usage is the project's, once, and that of the key."""

import openai
import pytest

from e2e.assistants_client import new_thread, run_of
from e2e.billing import check_sums, new_key
from e2e.test_file_search import searcher
from e2e.test_reindex import PROVIDER, configure, vectors
from upstream import call, calls, fault, reply, text

PRICES = """
[models."gone/embedder"]
input_price = 1000.0

[models."gone/ranker"]
request_price = 0.01
"""
RANKED = {"ranking_options": {"ranker": "gone/ranker", "score_threshold": 0.0}}
FAULTS = []


def respond(request):
    """A provider that embeds, ranks and searches."""
    if request.path.endswith("/embeddings"):
        return FAULTS.pop() if FAULTS else vectors(request)
    if request.path.endswith("/rerank"):
        scores = [{"index": index, "relevance_score": 0.5} for index in range(len(request.body["documents"]))]
        return reply({"results": scores, "usage": {"total_tokens": 7}})
    if any(message["role"] == "tool" for message in request.body["messages"]):
        return text("It is old.")
    return calls(call("file_search", call_id="call_s", queries=["harbour"]))


def test_indexing_searches_and_ranking_are_charged_once_to_the_key(new_server, upstream):
    upstream.always(respond)
    server = new_server()
    configure(server, PROVIDER.format(url=upstream.url).replace('"embedder"]', '"embedder", "ranker"]') + PRICES)
    server.start()
    key = new_key(server, "--name", "indexer")
    client = server.new_client(api_key=key["key"])
    FAULTS.append(fault(503))
    file = client.files.create(file=("a.txt", b"The harbour is old."), purpose="assistants")
    store = client.vector_stores.create()
    indexed = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
    assert indexed.status == "completed"

    def used():
        rows = server.ask("GET", "/v2/usage/detail", key=key["key"]).json["data"]
        return {(one["kind"], one["model"]): (one["requests"], one["input_tokens"], one["key_id"]) for one in rows}

    assert used() == {("embedding", "gone/embedder"): (1, 1, key["id"])}
    client.vector_stores.search(store.id, query="harbour", ranking_options=RANKED["ranking_options"])
    embedded, ranked = ("embedding", "gone/embedder"), ("reranking", "gone/ranker")
    assert used() == {embedded: (2, 2, key["id"]), ranked: (1, 7, key["id"])}
    run = run_of(client, new_thread(client, "What?"), searcher(client, store, file_search=RANKED))
    assert run.status == "completed"
    assert {name: used()[name] for name in (embedded, ranked)} == {
        embedded: (3, 3, key["id"]),
        ranked: (2, 14, key["id"]),
    }
    assert check_sums(server, key=key["key"]) >= (3 * 0.001 + 2 * 0.01) * 2_000_000


def test_a_budget_that_is_used_up_stops_indexing_and_searches_with_a_providers_model(new_server, upstream):
    upstream.always(respond)
    server = new_server()
    configure(server, PROVIDER.format(url=upstream.url) + PRICES)
    server.start()
    key = new_key(server, "--name", "indexer", "--spend-limit", "0.002USD", "--period", "day")
    client = server.new_client(api_key=key["key"]).with_options(max_retries=0)
    file = client.files.create(file=("a.txt", b"The harbour is old."), purpose="assistants")
    store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
    client.vector_stores.search(store.id, query="harbour")
    new_files = {"file_ids": [file.id]}
    search = {"file_search": {"vector_stores": [new_files]}}
    attached = [{"file_id": file.id, "tools": [{"type": "file_search"}]}]
    thread = client.beta.threads.create()
    message = {"role": "user", "content": "Hi", "attachments": attached}
    for refused in (
        lambda: client.vector_stores.search(store.id, query="harbour"),
        lambda: client.vector_stores.create(**new_files),
        lambda: client.vector_stores.files.create(store.id, file_id=file.id),
        lambda: client.vector_stores.file_batches.create(store.id, **new_files),
        lambda: client.beta.threads.create(tool_resources=search),
        lambda: client.beta.threads.create(messages=[message]),
        lambda: client.beta.threads.messages.create(thread.id, **message),
        lambda: client.beta.assistants.create(model="gpt-4o", tools=[{"type": "file_search"}], tool_resources=search),
    ):
        with pytest.raises(openai.RateLimitError, match="The spend limit of this API key is reached") as error:
            refused()
        assert error.value.code == "insufficient_quota"
    # What costs nothing is not refused.
    assert client.vector_stores.create().file_counts.total == 0
    assert client.beta.threads.create().id
    assert len(client.vector_stores.list().data) == 2
