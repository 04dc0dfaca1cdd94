"""How well file search ranks: words alone, vectors alone and both, over labelled questions, on each database.

Documents are uploaded as files, attached to a vector store, and searched with `POST /vector_stores/{id}/search`, as
clients do. The project's own questions are always asked; `--collections` adds public ones.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import openai

from benchmarks import cited_answers, http, labelled, load, relevance, report, server
from benchmarks.cited_answers import Answer
from benchmarks.labelled import Collection, Question
from benchmarks.relevance import Relevance
from benchmarks.report import Goal, Report
from benchmarks.stage import Service, Stage

BOTH_DATABASES = "both"
_MODES: Mapping[str, Mapping[str, Any]] = {
    "words": {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}},
    "vectors": {"hybrid_search": {"embedding_weight": 1, "text_weight": 0}},
    "both": {},
}
_WORDS, _VECTORS, _FUSED = _MODES
_RESULTS, _IN_ONE_BATCH = 50, 100
_UPLOADS, _SEARCHES = 16, 4
_POLL, _INDEXING_TIMEOUT = 0.2, 1800.0
_TOLERANCE = 0.01
_CITED = 0.95
_CAUSES = 5

Judged = Mapping[str, Sequence[Relevance]]
"""The relevance of each question, in the order of the questions, by mode."""


@dataclass(frozen=True, slots=True)
class Engine:
    name: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Measured:
    """A collection on an engine; `seconds` is the time of indexing, `search_ms` the mean of a search.

    `answers` are those of an assistant to questions that are labelled with a passage.
    """

    engine: str
    collection: Collection
    judged: Judged
    seconds: float
    search_ms: float
    answers: Sequence[Answer] = ()


async def measure(stage: Stage) -> Report:
    collections = [one.select(stage.options.half, stage.options.limit) for one in _collections(stage)]
    results = []
    for engine in _engines(stage):
        tested = server.start(engine.stage, stage.upstream())
        results += [await _measure_collection(tested, engine.name, one) for one in collections if one.questions]
    return _report(stage, results)


def _collections(stage: Stage) -> Sequence[Collection]:
    folder = stage.options.collections
    return [labelled.read_own(), *(labelled.read_collections(Path(folder)) if folder else ())]


def _engines(stage: Stage) -> Iterator[Engine]:
    """SQLite, PostgreSQL or both, each with a directory of its own; a PostgreSQL for both is started here."""
    url = stage.options.database
    if url in {None, BOTH_DATABASES}:
        yield _engine(stage, "SQLite", None)
    if url == BOTH_DATABASES:
        from benchmarks import postgres  # noqa: PLC0415 - inspects the machine when imported

        url = stage.stack.enter_context(postgres.started())
    if url is not None:
        yield _engine(stage, "PostgreSQL", url)


def _engine(stage: Stage, name: str, url: str | None) -> Engine:
    directory = stage.directory / name.lower()
    directory.mkdir()
    return Engine(name, replace(stage, directory=directory, options=replace(stage.options, database=url)))


# -- one collection --------------------------------------------------------------------------------------------


async def _measure_collection(tested: Service, engine: str, collection: Collection) -> Measured:
    began = time.perf_counter()
    store_id, documents = await index_documents(tested.port, collection)
    indexed = time.perf_counter()
    judged = {
        mode: [
            _judge(question, results, documents)
            for question, results in zip(
                collection.questions,
                await _search(tested.port, store_id, collection.questions, ranking),
                strict=True,
            )
        ]
        for mode, ranking in _MODES.items()
    }
    searches = len(_MODES) * len(collection.questions)
    took = (time.perf_counter() - indexed) / searches * 1000
    answers = await _answer(tested, store_id, collection, documents)
    return Measured(engine, collection, judged, indexed - began, took, answers)


async def _answer(
    tested: Service, store_id: str, collection: Collection, documents: Mapping[str, str]
) -> Sequence[Answer]:
    questions = [one for one in collection.questions if one.span]
    if not questions:
        return ()
    async with openai.AsyncOpenAI(base_url=f"{tested.url}/v1", api_key=http.KEY) as client:
        return await cited_answers.answer_questions(client, store_id, questions, documents)


async def index_documents(port: int, collection: Collection) -> tuple[str, dict[str, str]]:
    """A vector store with the documents as files; its id, and the documents' ids by those of their files."""
    uploads = [http.upload(one.filename, one.text.encode()) for one in collection.documents]
    file_ids = [
        answer.json()["id"]
        for start in range(0, len(uploads), _IN_ONE_BATCH)
        for answer in await load.ask(port, uploads[start : start + _IN_ONE_BATCH], _UPLOADS)
    ]
    (created,) = await load.ask(port, [http.post("/v1/vector_stores", {"name": collection.name})])
    store_id = str(created.json()["id"])
    chunking = _chunking(collection)
    for start in range(0, len(file_ids), 2000):
        body = {"file_ids": file_ids[start : start + 2000], **chunking}
        await load.ask(port, [http.post(f"/v1/vector_stores/{store_id}/file_batches", body)])
    await _await_indexed(port, store_id)
    return store_id, dict(zip(file_ids, (one.id for one in collection.documents), strict=True))


def _chunking(collection: Collection) -> dict[str, Any]:
    if collection.chunk_tokens is None:
        return {}
    sizes = {
        "max_chunk_size_tokens": collection.chunk_tokens,
        "chunk_overlap_tokens": collection.overlap_tokens or 0,
    }
    return {"chunking_strategy": {"type": "static", "static": sizes}}


async def _await_indexed(port: int, store_id: str) -> None:
    """Also until all vectors are made. Raises SystemExit if a file fails, or after half an hour."""
    deadline = time.perf_counter() + _INDEXING_TIMEOUT
    path = f"/v1/vector_stores/{store_id}"
    while True:
        (answer,) = await load.ask(port, [http.get(path)])
        store = answer.json()
        counts = store["file_counts"]
        if counts["failed"]:
            (answer,) = await load.ask(port, [http.get(f"{path}/files?filter=failed&limit={_CAUSES}")])
            raise SystemExit(f"{counts['failed']} files were not indexed: {answer.body!r}")
        pending = counts["in_progress"] + store.get("pending_vectors", 0)
        if not pending:
            return
        if time.perf_counter() > deadline:
            raise SystemExit(f"{pending} files were not indexed within {_INDEXING_TIMEOUT:g} s.")
        await asyncio.sleep(_POLL)


async def _search(
    port: int, store_id: str, questions: Sequence[Question], ranking: Mapping[str, Any]
) -> list[list[dict[str, Any]]]:
    """The results of each question, the best first."""
    path = f"/v1/vector_stores/{store_id}/search"
    requests = [
        http.post(path, {"query": one.text, "max_num_results": _RESULTS, "ranking_options": dict(ranking)})
        for one in questions
    ]
    return [
        answer.json()["data"]
        for start in range(0, len(requests), _IN_ONE_BATCH)
        for answer in await load.ask(port, requests[start : start + _IN_ONE_BATCH], _SEARCHES)
    ]


def _judge(question: Question, results: Sequence[Mapping[str, Any]], documents: Mapping[str, str]) -> Relevance:
    """A document counts where its first relevant passage is; those with a negative grade are left out."""
    ranked: list[int] = []
    seen: set[str] = set()
    for result in results:
        document = documents[result["file_id"]]
        grade = question.grades.get(document, 0)
        if question.span:
            ranked.append(_passage_grade(question, result, grade) if document not in seen else 0)
            seen |= {document} if ranked[-1] else set()
        elif document not in seen:
            seen.add(document)
            ranked += [grade] if grade >= 0 else []
    return relevance.judge_ranking(ranked, [grade for grade in question.grades.values() if grade > 0])


def _passage_grade(question: Question, result: Mapping[str, Any], grade: int) -> int:
    return grade if any(question.span in part["text"] for part in result["content"]) else 0


# -- the report ------------------------------------------------------------------------------------------------


def _report(stage: Stage, results: Sequence[Measured]) -> Report:
    measures = [f"{measure} {mode}" for measure in ("nDCG@10", "recall@20", "MRR") for mode in _MODES]
    done = Report("search_quality", ["collection, questions, database", "number", *measures])
    done.conditions = (
        f"The questions: {stage.options.half}. Measures are means over the questions; `both` is the default."
    )
    for one in results:
        _add_rows(done, one)
    for engine in dict.fromkeys(one.engine for one in results):
        _add_mean(done, engine, [one for one in results if one.engine == engine])
    _compare_engines(done, results)
    done.raw["questions"] = [_raw(one) for one in results]
    return done


def _add_rows(done: Report, one: Measured) -> None:
    """A row for the collection with its goal, then one for each language and each kind of question."""
    means = _means(one.judged)
    better = max(means[_WORDS].ndcg, means[_VECTORS].ndcg)
    goal = report.at_least(round(better - _TOLERANCE, 4), round(means[_FUSED].ndcg, 4))
    questions = one.collection.questions
    done.add(f"{one.collection.name}, all, {one.engine}", len(questions), *_cells(means), goals=[goal])
    for names in ([question.language for question in questions], [question.kind for question in questions]):
        for name in dict.fromkeys(names) if len(set(names)) > 1 else ():
            places = [place for place, other in enumerate(names) if other == name]
            some = {mode: [judged[place] for place in places] for mode, judged in one.judged.items()}
            done.add(f"{one.collection.name}, {name}, {one.engine}", len(places), *_cells(_means(some)))
    done.notes.append(
        f"{one.collection.name}, {one.engine}: {len(one.collection.documents)} documents indexed in"
        f" {one.seconds:.1f} s, {one.search_ms:.1f} ms a search."
    )
    found = [answer for answer in one.answers if answer.found]
    if found:
        share, count = fmean(answer.cited for answer in found), fmean(answer.citations for answer in found)
        done.notes.append(
            f"{one.collection.name}, {one.engine}: an assistant's search found {len(found)} of {len(one.answers)}"
            f" passages; its answers cite {share:.3f} of them ({report.at_least(_CITED, share)}), with {count:.1f}"
            " citations an answer."
        )


def _add_mean(done: Report, engine: str, results: Sequence[Measured]) -> None:
    """The mean of the collections, each of the same weight."""
    means = {mode: Relevance.mean(_means(one.judged)[mode] for one in results) for mode in _MODES}
    better = max(means[_WORDS].ndcg, means[_VECTORS].ndcg)
    goal = Goal(f"> {better:.3f}", means[_FUSED].ndcg > better)
    questions = sum(len(one.collection.questions) for one in results)
    done.add(f"mean of collections, {engine}", questions, *_cells(means), goals=[goal])


def _compare_engines(done: Report, results: Sequence[Measured]) -> None:
    ndcg = {(one.collection.name, one.engine): _means(one.judged)[_FUSED].ndcg for one in results}
    for (collection, engine), value in ndcg.items():
        if engine == "PostgreSQL" and (collection, "SQLite") in ndcg:
            difference = value - ndcg[collection, "SQLite"]
            goal = report.at_most(_TOLERANCE, abs(round(difference, 4)))
            done.notes.append(f"{collection}: PostgreSQL differs from SQLite by {difference:+.4f} nDCG@10 ({goal}).")


def _means(judged: Judged) -> dict[str, Relevance]:
    return {mode: Relevance.mean(some) for mode, some in judged.items()}


def _cells(means: Mapping[str, Relevance]) -> list[str]:
    some = list(means.values())
    values = [
        *(one.ndcg for one in some),
        *(one.recall for one in some),
        *(one.reciprocal_rank for one in some),
    ]
    return [f"{value:.3f}" for value in values]


def _raw(one: Measured) -> dict[str, Any]:
    """What each question found, to see which ones a change of the ranking helps or harms."""
    return {
        "collection": one.collection.name,
        "database": one.engine,
        "not_cited": {answer.question.id: answer.text for answer in one.answers if answer.found and not answer.cited},
        "ndcg": {
            question.id: {mode: round(judged[place].ndcg, 4) for mode, judged in one.judged.items()}
            for place, question in enumerate(one.collection.questions)
        },
    }
