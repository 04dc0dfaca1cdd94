"""Vector stores through the official client: filled, waited for, searched, described, emptied. On both databases."""

import io
import json
import lzma
from pathlib import Path

import openai
import pytest

from e2e.assistants_client import on_both
from envelope import assert_error
from retrieval import documents
from understudy.retrieval import recognition
from waiting import eventually

SAMPLES = Path(__file__).parent.parent / "retrieval" / "samples"
RECIPES = {
    "pancakes.md": "# Pancakes\n\nMix flour, eggs and milk. Rest the batter for half an hour.",
    "bread.txt": "Bread: knead flour, water, salt and yeast. Bake it at 230 degrees.",
    "salad.html": "<html><body><h1>Salad</h1><p>Tomatoes, cucumber and olives, never any flour.</p></body></html>",
}


def upload(client, name, text):
    return client.files.create(file=(name, text.encode()), purpose="assistants")


@pytest.fixture
def recipes(client):
    return {name: upload(client, name, text).id for name, text in RECIPES.items()}


def settled(client, vector_store):
    def look():
        found = client.vector_stores.retrieve(vector_store.id)
        return found if found.status != "in_progress" else None

    return eventually(look)


def names(found):
    return [one.filename for one in found]


@on_both
@pytest.mark.proves("vector_stores.search", "vector_stores.shape")
def test_a_store_is_made_filled_and_searched(client, recipes):
    made = client.vector_stores.create(name="Recipes", file_ids=list(recipes.values()), metadata={"kind": "food"})
    assert (made.status, made.file_counts.in_progress, made.file_counts.total) == ("in_progress", 3, 3)
    found = settled(client, made)
    assert (found.status, found.file_counts.completed, found.file_counts.total) == ("completed", 3, 3)
    assert found.usage_bytes == sum(one.usage_bytes for one in client.vector_stores.files.list(made.id))
    page = client.vector_stores.search(made.id, query="How hot is the oven for bread?")
    assert page.object == "vector_store.search_results.page"
    assert page.search_query == ["How hot is the oven for bread?"]
    assert names(page.data)[0] == "bread.txt"
    best = page.data[0]
    assert (best.file_id, best.attributes) == (recipes["bread.txt"], {})
    assert 0 < best.score <= 1
    assert "230 degrees" in best.content[0].text
    assert client.vector_stores.retrieve(made.id).last_active_at >= made.last_active_at


@on_both
@pytest.mark.proves("vector_stores.upload_and_poll", "vector_stores.files")
def test_a_file_is_uploaded_and_waited_for(client, tmp_path):
    path = tmp_path / "bread.txt"
    path.write_text(RECIPES["bread.txt"])
    store = client.vector_stores.create()
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=path, attributes={"year": 2024, "draft": False}
    )
    assert (file.status, file.last_error, file.attributes) == ("completed", None, {"year": 2024, "draft": False})
    assert file.chunking_strategy.static.max_chunk_size_tokens == 800
    assert client.vector_stores.search(store.id, query="yeast").data[0].attributes == {"year": 2024, "draft": False}


@on_both
@pytest.mark.proves("vector_stores.batches")
def test_a_batch_is_uploaded_and_waited_for(client, tmp_path):
    paths = []
    for name, text in RECIPES.items():
        paths.append(tmp_path / name)
        paths[-1].write_text(text)
    store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=paths)
    assert (batch.status, batch.file_counts.completed, batch.file_counts.total) == ("completed", 3, 3)
    first = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, limit=2)
    assert first.has_more
    assert len(list(first)) == 3
    assert client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id) == batch


@on_both
@pytest.mark.proves("vector_stores.filters")
def test_filters_on_attributes_narrow_a_search(client, recipes):
    store = client.vector_stores.create()
    described = [
        {"file_id": recipes["pancakes.md"], "attributes": {"year": 2020, "author": "Ada", "vegan": False}},
        {"file_id": recipes["bread.txt"], "attributes": {"year": 2022, "author": "Bob", "vegan": True}},
        {"file_id": recipes["salad.html"], "attributes": {"year": 2024.5, "vegan": True}},
    ]
    client.vector_stores.file_batches.create_and_poll(store.id, files=described, poll_interval_ms=20)
    expected = [
        ({"type": "eq", "key": "author", "value": "Ada"}, {"pancakes.md"}),
        ({"type": "ne", "key": "author", "value": "Ada"}, {"bread.txt", "salad.html"}),
        ({"type": "gt", "key": "year", "value": 2022}, {"salad.html"}),
        ({"type": "gte", "key": "year", "value": 2022}, {"bread.txt", "salad.html"}),
        ({"type": "lt", "key": "year", "value": 2022}, {"pancakes.md"}),
        ({"type": "lte", "key": "year", "value": 2022}, {"pancakes.md", "bread.txt"}),
        ({"type": "in", "key": "author", "value": ["Ada", "Bob"]}, {"pancakes.md", "bread.txt"}),
        ({"type": "nin", "key": "author", "value": ["Ada"]}, {"bread.txt", "salad.html"}),
        ({"type": "eq", "key": "vegan", "value": True}, {"bread.txt", "salad.html"}),
        ({"type": "eq", "key": "vegan", "value": 1}, set()),
        ({"type": "eq", "key": "year", "value": "2020"}, set()),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "vegan", "value": True},
                    {"type": "or", "filters": [{"type": "lt", "key": "year", "value": 2023}]},
                ],
            },
            {"bread.txt"},
        ),
    ]
    for filters, passing in expected:
        found = client.vector_stores.search(store.id, query="flour", filters=filters)
        assert set(names(found.data)) == passing, filters


@on_both
@pytest.mark.proves("vector_stores.attributes")
def test_attributes_are_replaced(client, recipes):
    store = client.vector_stores.create()
    files = client.vector_stores.files
    file = files.create_and_poll(recipes["bread.txt"], vector_store_id=store.id, attributes={"a": 1, "b": "x"})
    changed = files.update(file.id, vector_store_id=store.id, attributes={"b": "y"})
    assert changed.attributes == {"b": "y"} == files.retrieve(file.id, vector_store_id=store.id).attributes
    found = client.vector_stores.search(store.id, query="bread", filters={"type": "eq", "key": "a", "value": 1})
    assert found.data == []
    assert files.update(file.id, vector_store_id=store.id, attributes=None).attributes == {}


@on_both
@pytest.mark.proves("vector_stores.content")
def test_the_text_of_a_file_is_read_back(client):
    words = [f"Sentence number {number} is about nothing in particular." for number in range(400)]
    text = " ".join(words)
    store = client.vector_stores.create()
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}
    file = client.vector_stores.files.create_and_poll(
        upload(client, "long.txt", text).id, vector_store_id=store.id, chunking_strategy=chunking
    )
    page = client.vector_stores.files.content(file.id, vector_store_id=store.id)
    assert len(page.data) > 10
    assert {part.type for part in page.data} == {"text"}
    assert " ".join("".join(part.text for part in page.data).split()) == text


@on_both
@pytest.mark.proves("vector_stores.warnings")
def test_a_part_that_cannot_be_read_is_a_warning_on_the_file(client):
    store = client.vector_stores.create()
    damaged = client.files.create(
        file=("notes.txt", "Größe der Bücher \n".encode() + b"bad \xff byte"), purpose="assistants"
    )
    whole = upload(client, "whole.txt", "nothing is odd here")
    file = client.vector_stores.files.create_and_poll(damaged.id, vector_store_id=store.id)
    assert (file.status, file.last_error) == ("completed", None)
    assert file.to_dict()["warnings"] == ["1 byte is not valid UTF-8 and became U+FFFD."]
    assert (
        client.vector_stores.files.content(damaged.id, vector_store_id=store.id)
        .data[0]
        .text.endswith("bad \ufffd byte")
    )
    other = client.vector_stores.files.create_and_poll(whole.id, vector_store_id=store.id)
    assert "warnings" not in other.to_dict()
    listed = {one.id: one.to_dict().get("warnings") for one in client.vector_stores.files.list(store.id)}
    assert listed == {damaged.id: file.to_dict()["warnings"], whole.id: None}


@on_both
@pytest.mark.parametrize("name", ["old.doc", "old.xls", "old.ppt"])
def test_documents_of_before_2007_can_be_searched(client, name):
    data = lzma.decompress((SAMPLES / f"{name}.xz").read_bytes())
    store = client.vector_stores.create()
    uploaded = client.files.create(file=(name, data), purpose="assistants")
    file = client.vector_stores.files.create_and_poll(uploaded.id, vector_store_id=store.id)
    assert (file.status, file.last_error) == ("completed", None)
    assert names(client.vector_stores.search(store.id, query="harbour master Kormoran Möwe").data) == [name]


@pytest.mark.proves("vector_stores.unsupported_file", "vector_stores.invalid_file")
def test_an_unreadable_file_fails_with_an_error_code(client):
    store = client.vector_stores.create()
    for name, data, code in (
        ("music.mp3", b"ID3\x04\x00\x00", "unsupported_file"),
        ("broken.pdf", b"%PDF-1.7 and then nothing of the kind", "invalid_file"),
    ):
        given = client.files.create(file=(name, data), purpose="assistants")
        file = client.vector_stores.files.create_and_poll(given.id, vector_store_id=store.id, poll_interval_ms=20)
        assert (file.status, file.last_error.code) == ("failed", code)
        assert file.last_error.message
    found = client.vector_stores.retrieve(store.id)
    assert (found.status, found.file_counts.failed, found.usage_bytes) == ("completed", 2, 0)
    failed = client.vector_stores.files.list(store.id, filter="failed")
    assert len(failed.data) == 2
    assert client.vector_stores.files.list(store.id, filter="completed").data == []


@on_both
@pytest.mark.proves("vector_stores.file_delete", "vector_stores.deleted_files")
def test_a_detached_or_deleted_file_is_not_in_search_results(client, recipes):
    store = client.vector_stores.create(file_ids=list(recipes.values()))
    settled(client, store)
    gone = client.vector_stores.files.delete(recipes["bread.txt"], vector_store_id=store.id)
    assert (gone.id, gone.object, gone.deleted) == (recipes["bread.txt"], "vector_store.file.deleted", True)
    assert "bread.txt" not in names(client.vector_stores.search(store.id, query="bread").data)
    assert client.files.retrieve(recipes["bread.txt"]).filename == "bread.txt"
    client.files.delete(recipes["pancakes.md"])
    assert names(client.vector_stores.search(store.id, query="pancakes batter").data) == ["salad.html"]
    found = client.vector_stores.retrieve(store.id)
    assert found.file_counts.total == 1
    with pytest.raises(openai.NotFoundError) as refusal:
        client.vector_stores.files.content(recipes["bread.txt"], vector_store_id=store.id)
    assert_error(refusal.value, 404, f"No file found with id '{recipes['bread.txt']}' in vector store '{store.id}'.")


@on_both
@pytest.mark.proves("vector_stores.delete")
def test_a_deleted_store_is_unknown_and_its_files_stay(client, recipes):
    store = client.vector_stores.create(file_ids=list(recipes.values()))
    deleted = client.vector_stores.delete(store.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (store.id, "vector_store.deleted", True)
    for ask in (
        lambda: client.vector_stores.retrieve(store.id),
        lambda: client.vector_stores.search(store.id, query="flour"),
        lambda: client.vector_stores.files.list(store.id),
        lambda: client.vector_stores.delete(store.id),
    ):
        with pytest.raises(openai.NotFoundError) as refusal:
            ask()
        assert_error(refusal.value, 404, f"No vector store found with id '{store.id}'.")
    assert client.files.retrieve(recipes["bread.txt"]).id == recipes["bread.txt"]


@on_both
@pytest.mark.proves("vector_stores.modify", "vector_stores.expiry")
def test_a_vector_store_is_updated_with_a_name_and_an_expiry(client):
    store = client.vector_stores.create(name="Old", expires_after={"anchor": "last_active_at", "days": 3})
    assert store.expires_at == store.last_active_at + 3 * 86_400
    changed = client.vector_stores.update(store.id, name="New", metadata={"a": "b"})
    assert (changed.name, changed.metadata, changed.expires_at) == ("New", {"a": "b"}, store.expires_at)
    longer = client.vector_stores.update(store.id, expires_after={"anchor": "last_active_at", "days": 5})
    assert longer.expires_at == store.last_active_at + 5 * 86_400
    forever = client.vector_stores.update(store.id, expires_after=None, name=None)
    assert (forever.expires_at, forever.expires_after, forever.name) == (None, None, None)


@on_both
@pytest.mark.proves("vector_stores.pages")
def test_stores_and_files_are_listed_in_pages(client):
    made = [client.vector_stores.create(name=f"paged {number}").id for number in range(3)]
    page = client.vector_stores.list(limit=2)
    assert [one.id for one in page.data] == made[:0:-1]
    assert page.has_more
    assert [one.id for one in client.vector_stores.list(limit=1, before=made[0])] == [made[1]]
    files = [upload(client, f"{number}.txt", "text").id for number in range(5)]
    client.vector_stores.file_batches.create(made[0], file_ids=files)
    assert [one.id for one in client.vector_stores.files.list(made[0], limit=2)] == files[::-1]
    back = client.vector_stores.files.list(made[0], order="asc", limit=2, before=files[3])
    assert [one.id for one in back.data] == files[1:3]


def test_several_questions_are_searched_as_one(client, recipes):
    store = client.vector_stores.create(file_ids=list(recipes.values()))
    settled(client, store)
    found = client.vector_stores.search(store.id, query=["bake bread", "rest the batter"], max_num_results=2)
    assert found.search_query == ["bake bread", "rest the batter"]
    assert set(names(found.data)) == {"bread.txt", "pancakes.md"}
    rewritten = client.vector_stores.search(
        store.id, query="Could you please tell me about olives?", rewrite_query=True
    )
    assert rewritten.search_query != ["Could you please tell me about olives?"]
    assert names(rewritten.data)[0] == "salad.html"
    strict = client.vector_stores.search(store.id, query="zebra", ranking_options={"score_threshold": 0.99})
    assert strict.data == []


def test_an_empty_store_has_nothing_to_find(client):
    store = client.vector_stores.create()
    assert client.vector_stores.search(store.id, query="anything").data == []


@pytest.mark.proves("vector_stores.batch_cancel")
def test_a_batch_is_cancelled(client):
    store = client.vector_stores.create()
    given = [upload(client, f"{number}.txt", "words " * 50_000).id for number in range(30)]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=given)
    assert batch.object == "vector_store.files_batch"
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert (cancelled.status, cancelled.file_counts.in_progress) == ("cancelled", 0)
    assert cancelled.file_counts.cancelled > 0
    found = client.vector_stores.retrieve(store.id)
    assert (found.status, found.file_counts.cancelled) == ("completed", cancelled.file_counts.cancelled)
    again = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert again.file_counts == cancelled.file_counts


@pytest.mark.proves("vector_stores.unknown")
def test_unknown_vector_stores_and_files_are_not_found(server, client):
    store = client.vector_stores.create()
    unknown = f"No vector store found with id 'vs_{'0' * 32}'."
    assert_error(server.ask("GET", f"/v1/vector_stores/vs_{'0' * 32}"), 404, unknown)
    missing = server.ask("POST", f"/v1/vector_stores/{store.id}/files", {"file_id": "file-unknown"})
    assert_error(missing, 404, "No such File object: file-unknown", "file_id")


HANDBOOK = "# Handbook\n\n## Engines\n\nThe port engine is red.\n\n## Crew\n\n" + "The crew is on board. " * 60
BERTHS = "boat;berths;harbour\n" + "".join(f"Boat {number};{number};Ostrand\n" for number in range(80))


@on_both
def test_a_result_has_the_page_and_the_headings_above_it_and_the_header_of_its_table(client):
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}
    store = client.vector_stores.create()
    scan = documents.pdf(["Harbour rules", "Anchors are checked in May"])
    for name, data in (("handbook.md", HANDBOOK.encode()), ("berths.csv", BERTHS.encode()), ("rules.pdf", scan)):
        client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id, file=(name, data), chunking_strategy=chunking, poll_interval_ms=20
        )

    def search(query):
        return client.vector_stores.search(store.id, query=query, max_num_results=1).data[0]

    crew, berths, anchors = search("crew on board"), search("boat 77"), search("When are anchors checked?")
    assert (crew.filename, crew.heading_path) == ("handbook.md", ["Handbook", "Crew"])
    assert not hasattr(crew, "page")
    assert berths.content[0].text.startswith("boat;berths;harbour\nBoat ")
    assert "Boat 77;77;Ostrand" in berths.content[0].text
    assert not hasattr(berths, "heading_path")
    assert (anchors.filename, anchors.page) == ("rules.pdf", 1)
    content = client.vector_stores.files.content(berths.file_id, vector_store_id=store.id).data
    assert "".join(f"{part.text}\n" for part in content).count("boat;berths;harbour") == 1


def test_the_weights_of_words_and_vectors_are_options_of_a_search(client):
    """One document has the word itself, the other a misspelling that only the vectors match."""
    word = upload(client, "word.txt", "The lighthouse keeper. " + "Tides, ropes and weather fill the days. " * 30)
    typo = upload(client, "typo.txt", "lighthouze keepers")
    store = client.vector_stores.create(file_ids=[word.id, typo.id])
    settled(client, store)

    def search(words, vectors):
        options = {"hybrid_search": {"text_weight": words, "embedding_weight": vectors}}
        return names(client.vector_stores.search(store.id, query="lighthouse", ranking_options=options).data)

    assert search(1, 0) == ["word.txt"]
    assert search(0, 1)[0] == "typo.txt"


@on_both
def test_a_search_explains_its_results(client):
    file = upload(
        client, "harbour rules.md", "# Crew\n\nEvery boat has a crew. Boats without one stay in the harbour.\n"
    )
    store = client.vector_stores.create(file_ids=[file.id])
    settled(client, store)

    def search(**more):
        options = {"query": ["the crew of a boat", "tides"], "max_num_results": 1, **more}
        return client.vector_stores.search(store.id, **options).data[0].to_dict()

    assert "explanation" not in search()
    found = search(extra_query={"include[]": "explanation"})
    why = found["explanation"]
    words, vectors = why["words"], why["vectors"]
    assert (why["query"], why["chunk_index"], why["start"]) == ("the crew of a boat", 0, 0)
    assert (words["rank"], vectors["rank"]) == (1, 1)
    assert words["weight"] + vectors["weight"] == pytest.approx(1)
    assert why["fused"] == found["score"]
    assert words["weight"] * words["score"] + vectors["weight"] * vectors["score"] == pytest.approx(found["score"])
    assert {one["term"]: (one["words"], one["count"], one["filename_count"]) for one in words["terms"]} == {
        "boat": (["boat", "boats"], 2, 0),
        "crew": (["crew"], 3, 0),  # once in its heading
    }
    assert why["merged_chunks"] == [{"chunk_index": 0, "score": found["score"]}]
    weights = {"hybrid_search": {"text_weight": 0, "embedding_weight": 1}}
    vectors_only = search(extra_query={"include[]": "explanation"}, ranking_options=weights)
    assert vectors_only["explanation"]["words"] is None


@on_both
def test_the_chunks_of_a_file_are_listed_around_one(server, client):
    text = "\n\n".join(f"# Part {number}\n\n" + f"Sentence of part {number}. " * 25 for number in range(12))
    file = upload(client, "parts.md", text)
    store = client.vector_stores.create()
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 150, "chunk_overlap_tokens": 20}}
    client.vector_stores.files.create_and_poll(
        vector_store_id=store.id, file_id=file.id, chunking_strategy=chunking, poll_interval_ms=20
    )
    path = f"/v1/vector_stores/{store.id}/files/{file.id}/chunks"

    def get(query):
        return server.ask("GET", f"{path}?{query}").json

    def read(query):
        page = get(query)
        assert [page["first_index"], page["last_index"]] == [page["data"][0]["index"], page["data"][-1]["index"]]
        return [one["index"] for one in page["data"]], page["has_more"]

    whole = get("limit=100")
    total = whole["total"]
    assert [one["index"] for one in whole["data"]] == list(range(total))
    assert total > 5
    assert not whole["has_more"]
    for chunk in whole["data"]:
        assert text[chunk["start"] : chunk["end"]] == chunk["text"]
    assert whole["data"][1]["heading_path"] == ["Part 1"]
    assert read("limit=2") == ([0, 1], True)
    assert read("limit=2&after=1") == ([2, 3], True)
    assert read(f"limit=2&after={total - 2}") == ([total - 1], False)
    assert read("limit=2&before=3") == ([1, 2], True)
    assert read("limit=2&before=1") == ([0], False)
    assert read("limit=3&around=4") == ([3, 4, 5], True)
    assert read("limit=3&around=0") == ([0, 1, 2], True)
    assert read("limit=3&around=999999") == ([total - 3, total - 2, total - 1], False)
    assert get(f"after={total}")["data"] == []
    found = client.vector_stores.search(
        store.id, query="Sentence of part 7", max_num_results=1, extra_query={"include": "explanation"}
    )
    index = found.data[0].to_dict()["explanation"]["chunk_index"]
    (chunk,) = get(f"limit=1&around={index}")["data"]
    assert chunk["text"] in found.data[0].content[0].text
    refusal = "`around` cannot be combined with `after` and `before`."
    assert_error(server.ask("GET", f"{path}?around=1&after=2"), 400, refusal, "around")
    assert server.ask("GET", path.replace(file.id, "file-none")).status == 404


REFUSED = [
    (
        {"query": "a", "ranking_options": {"hybrid_search": {"text_weight": 1}}},
        "ranking_options.hybrid_search.embedding_weight",
        "missing_required_parameter",
    ),
    ({"query": "a", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters.type", "invalid_value"),
    ({"query": "a", "filters": {"type": "eq", "key": "a"}}, "filters.value", "missing_required_parameter"),
    ({"query": "a", "max_num_results": 51}, "max_num_results", "integer_above_max_value"),
    ({"query": "a", "max_num_results": 0}, "max_num_results", "integer_below_min_value"),
    ({"query": []}, "query", "empty_array"),
    ({"query": ""}, "query", "empty_string"),
    ({}, "query", "missing_required_parameter"),
    ({"query": "a", "limit": 3}, "limit", "unknown_parameter"),
    ({"query": "a", "ranking_options": {"ranker": "best"}}, "ranking_options.ranker", "invalid_value"),
]


@pytest.mark.proves("vector_stores.limits")
@pytest.mark.parametrize(("body", "param", "code"), REFUSED)
def test_searches_are_checked(server, client, body, param, code):
    store = client.vector_stores.create()
    reply = server.ask("POST", f"/v1/vector_stores/{store.id}/search", body)
    assert reply.status == 400
    assert (reply.json["error"]["param"], reply.json["error"]["code"]) == (param, code)


STATIC = "chunking_strategy.static"
WRONG = [
    ({"file_ids": [f"file-{number}" for number in range(501)]}, "file_ids", "array_above_max_length"),
    ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor", "invalid_value"),
    ({"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days", "integer_above_max_value"),
    (
        {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}},
        f"{STATIC}.max_chunk_size_tokens",
        "integer_below_min_value",
    ),
    (
        {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51}}},
        STATIC,
        "invalid_value",
    ),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"files": []}, "files", "unknown_parameter"),
]


@pytest.mark.proves("vector_stores.limits")
@pytest.mark.parametrize(("body", "param", "code"), WRONG)
def test_new_stores_are_checked(server, body, param, code):
    reply = server.ask("POST", "/v1/vector_stores", body)
    assert reply.status == 400, reply.body
    assert (reply.json["error"]["param"], reply.json["error"]["code"]) == (param, code)


BATCHES = [
    ({}, "file_ids", "missing_required_parameter"),
    ({"file_ids": []}, "file_ids", "empty_array"),
    ({"file_ids": ["file-a"], "files": [{"file_id": "file-a"}]}, "files", "invalid_value"),
    ({"files": [{"attributes": {}}]}, "files[0].file_id", "missing_required_parameter"),
    ({"file_ids": ["file-a"], "attributes": {"a": None}}, "attributes.a", "invalid_type"),
    ({"file_ids": ["file-a"], "attributes": {"a": "x" * 513}}, "attributes.a", "string_above_max_length"),
    (
        {"file_ids": ["file-a"], "attributes": {str(number): 1 for number in range(17)}},
        "attributes",
        "object_above_max_properties",
    ),
    ({"file_ids": [f"file-{number}" for number in range(2001)]}, "file_ids", "array_above_max_length"),
]


@pytest.mark.proves("vector_stores.limits")
@pytest.mark.parametrize(("body", "param", "code"), BATCHES)
def test_new_batches_are_checked(server, client, body, param, code):
    store = client.vector_stores.create()
    reply = server.ask("POST", f"/v1/vector_stores/{store.id}/file_batches", body)
    assert reply.status == 400, reply.body
    assert (reply.json["error"]["param"], reply.json["error"]["code"]) == (param, code)


def test_an_indexing_file_returns_a_poll_after_header(server, client):
    store = client.vector_stores.create()
    given = upload(client, "long.txt", "words " * 50_000)
    path = f"/v1/vector_stores/{store.id}/files"
    made = server.ask("POST", path, {"file_id": given.id})
    assert (made.json["status"], made.headers["openai-poll-after-ms"]) == ("in_progress", "300")
    done = eventually(lambda: _ended(server.ask("GET", f"{path}/{given.id}")))
    assert "openai-poll-after-ms" not in done.headers


def _ended(reply):
    return reply if json.loads(reply.body)["status"] != "in_progress" else None


@pytest.mark.skipif(not recognition.is_installed(), reason="the extra `ocr` is not installed")
def test_the_text_in_images_and_scanned_pages_is_found(client):
    store = client.vector_stores.create()
    for name, data in (
        ("gate.png", picture("PNG", "The lock gate opens")),
        ("scan.pdf", picture("PDF", "Tolls double")),
    ):
        file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=(name, data))
        assert (file.status, file.last_error) == ("completed", None)
    gate, tolls = (
        client.vector_stores.search(store.id, query=query, max_num_results=1).data[0]
        for query in ("When does the gate open?", "tolls")
    )
    assert (gate.filename, gate.page) == ("gate.png", 1)
    assert "The lock gate opens" in gate.content[0].text
    assert (tolls.filename, tolls.page) == ("scan.pdf", 1)


def picture(kind, words):
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (760, 740), "white")
    ImageDraw.Draw(image).text((40, 60), words, font=ImageFont.load_default(36), fill="black")
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()
