"""The benchmarks' own logic: ratios of `compare`, rankings of `search_quality`, and its labelled questions."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from benchmarks import labelled
from benchmarks.__main__ import parse_command_line
from benchmarks.costs import Cost, describe_month
from benchmarks.pairs import Pair, Row
from benchmarks.relevance import judge_ranking
from benchmarks.rounds import Round

ROOT = Path(__file__).parent.parent


class Recorded:
    """A case whose rounds have the given rates; notes in `order` when it ran."""

    def __init__(self, name, rates, order):
        self.name = name
        self._rates = iter(rates)
        self._order = order

    async def run(self, seconds):
        self._order.append(self.name)
        return Round(round(next(self._rates) * seconds), seconds, {}, {}, cpu=seconds)


def test_a_ratio_above_one_means_that_this_checkout_is_better():
    assert Row("rate", "1/s", [(200.0, 100.0)]).ratios == [2.0]
    assert Row("time", "ms", [(50.0, 100.0)], lower_is_better=True).ratios == [2.0]


def test_a_month_of_runs_is_priced_by_its_share_of_a_core_and_its_gigabytes():
    amounts, price = describe_month(Cost(cpu=0.001296, disk=2500))
    assert "0.36 hours of a core, 0.00050 of one on average, and 2.50 GB" in amounts
    assert "0.00100 * C + 2.50 * G" in price


async def test_rounds_alternate_which_checkout_runs_first_and_pairs_stay_this_and_other():
    order = []
    pair = Pair("runs", "1/s", Recorded("this", [10, 20, 30], order), Recorded("other", [5, 10, 15], order))

    for number in range(3):
        await pair.run(number, 1.0)

    assert order == ["this", "other", "other", "this", "this", "other"]
    assert pair.row().pairs == [(10.0, 5.0), (20.0, 10.0), (30.0, 15.0)]
    assert pair.row().cpu_ratio == 2.0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["compare"], "compare requires --against PATH"),
        (["compare", "--against", ".", "nothing"], "unknown name 'nothing'"),
        (["crud", "--against", "."], "no other benchmark takes it"),
    ],
)
def test_a_comparison_refuses_invalid_arguments(capsys, arguments, text):
    with pytest.raises(SystemExit) as refused:
        parse_command_line(arguments)
    assert refused.value.code == 2
    assert text in capsys.readouterr().err


def test_a_comparison_refuses_a_directory_that_is_no_checkout():
    command = [sys.executable, "-m", "benchmarks", "compare", "--against", "/nonexistent"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "is not a checkout of this project" in done.stderr


@pytest.mark.parametrize(
    ("ranked", "relevant", "measures"),
    [
        ([1, 0], [1], (1.0, 1.0, 1.0)),
        ([0, 1], [1], (0.6309, 1.0, 0.5)),
        ([2, 0, 1], [2, 1, 1], (0.7984, 0.6667, 1.0)),
        ([0] * 10 + [1], [1], (0.0, 1.0, 0.0909)),
        ([0] * 20 + [1], [1], (0.0, 0.0, 0.0476)),
        ([], [1], (0.0, 0.0, 0.0)),
    ],
)
def test_a_ranking_is_measured_against_the_best_possible_one(ranked, relevant, measures):
    judged = judge_ranking(ranked, relevant)
    assert (judged.ndcg, judged.recall, judged.reciprocal_rank) == pytest.approx(measures, abs=1e-4)


def test_the_labelled_questions_are_300_in_six_languages_each_with_a_passage_of_its_document():
    own = labelled.read_own()
    texts = {document.id: document.text for document in own.documents}
    assert len(own.questions) == len({question.id for question in own.questions}) == 300
    assert len({question.text for question in own.questions}) == 300
    languages = Counter(question.language for question in own.questions)
    assert languages.keys() == {"en", "de", "fr", "es", "ja", "zh"}
    assert min(languages.values()) >= 40
    kinds = Counter(question.kind for question in own.questions)
    assert kinds.keys() == {"lexical", "paraphrase", "code", "table"}
    assert min(kinds["lexical"], kinds["paraphrase"], kinds["code"] + kinds["table"]) >= 95
    for question in own.questions:
        ((document, grade),) = question.grades.items()
        assert grade == 1
        assert texts[document].count(question.span) == 1, question
    assert {document for question in own.questions for document in question.grades} == texts.keys()


def write_lines(path, *lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@pytest.fixture
def collection(tmp_path):
    """Two languages; the Spanish document is neither right nor wrong for the question in English."""
    folder = tmp_path / "collections" / "tiny"
    folder.mkdir(parents=True)
    write_lines(
        folder / "docs.jsonl",
        {"id": "en-1", "title": "Gears", "text": "The gearbox takes four litres of oil."},
        {"id": "en-2", "title": "", "text": "The wheels are tightened to ninety newton metres."},
        {"id": "es-1", "title": "", "text": "La caja lleva cuatro litros de oil, aceite para la gearbox."},
    )
    write_lines(
        folder / "queries.jsonl",
        {"id": "en-7", "text": "How much oil does the gearbox take?"},
        {"id": "9", "language": "es", "text": "aceite de la caja"},
    )
    (folder / "qrels.tsv").write_text("en-7\ten-1\t1\nen-7\tes-1\t-1\n9\tes-1\t2\n")
    return folder


@pytest.mark.slow
def test_search_quality_measures_a_public_collection_by_language_and_mode(collection, tmp_path):
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "search_quality", "--limit", "1", "--json", str(results)]
    command += ["--collections", str(collection.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {row["collection, questions, database"]: row for row in json.loads(results.read_bytes())["table"]}
    for language, count in (("all", "2"), ("en", "1"), ("es", "1")):
        row = rows[f"tiny, {language}, SQLite"]
        assert row["number"] == count
        assert {row[f"nDCG@10 {mode}"] for mode in ("words", "vectors", "both")} == {"1.000"}
    assert "own, en, SQLite" in rows


def test_a_question_is_always_in_the_same_half():
    questions = [f"en-{number}" for number in range(200)]
    halves = [labelled.half_of(one) for one in questions]
    assert halves == [labelled.half_of(one) for one in questions]
    assert 80 <= halves.count("tune") <= 120
    assert labelled.half_of("en-0") == "tune"
