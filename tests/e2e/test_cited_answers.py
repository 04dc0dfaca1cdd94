"""An assistant that searches files cites the passage that answers, in six languages, code and tables."""

import random

import openai
import pytest
from benchmarks import cited_answers, labelled

from waiting import eventually

SEED = 0
"""Of a sample of the questions, whose share of citations varies by 4 %. All of them are in the slow test, and in
`scripts/bench search_quality`."""


@pytest.mark.parametrize(("number", "share"), [(40, 0.9), pytest.param(300, 0.95, marks=pytest.mark.slow)])
async def test_answers_cite_the_passages_that_their_searches_have_found(new_server, number, share):
    client = new_server(rehearsal__tokens_per_second=0, embeddings__model="builtin").start().client
    own = labelled.read_own()
    chunking = {
        "type": "static",
        "static": {"max_chunk_size_tokens": own.chunk_tokens, "chunk_overlap_tokens": own.overlap_tokens},
    }
    store = client.vector_stores.create()
    documents = {}
    for document in own.documents:
        file = client.files.create(file=(document.filename, document.text.encode()), purpose="assistants")
        documents[file.id] = document.id
    client.vector_stores.file_batches.create(store.id, file_ids=list(documents), chunking_strategy=chunking)
    eventually(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == len(documents), within=60)

    async with openai.AsyncOpenAI(base_url=client.base_url, api_key=client.api_key) as driver:
        questions = random.Random(SEED).sample(list(own.questions), number)
        answers = await cited_answers.answer_questions(driver, store.id, questions, documents)
    found = [answer for answer in answers if answer.found]
    assert len(found) >= 0.9 * len(answers)
    assert sum(answer.cited for answer in found) >= share * len(found), [one.text for one in found if not one.cited]
