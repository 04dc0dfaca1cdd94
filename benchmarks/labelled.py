"""Labelled questions: the project's own, and public collections from folders of the user. Measures nothing.

A collection is a folder with `docs.jsonl` or `docs.jsonl.gz` (`id`, `title`, `text`), `queries.jsonl` (`id`, `text`,
optionally `language`) and `qrels.tsv` (question, document, grade). Grade 0 is irrelevant; a negative grade takes the
document out of the ranking, since it is neither right nor wrong.
"""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

HALVES = ("tune", "test", "all")
_OWN = Path(__file__).parent / "questions"
_LANGUAGE_PREFIX = re.compile(r"([a-z]{2})-")
_PUBLIC_NAME = "document.txt"
"""The name of every file of a public collection: a number as a name would only be noise in the search for words."""


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    filename: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """`grades` by document id. With a `span`, only a passage with this text is relevant; `kind` is how it was made."""

    id: str
    language: str
    text: str
    grades: Mapping[str, int]
    span: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """`chunk_tokens` and `overlap_tokens` are those of its vector store; None is the server's default."""

    name: str
    documents: Sequence[Document]
    questions: Sequence[Question]
    chunk_tokens: int | None = None
    overlap_tokens: int | None = None

    def select(self, half: str, limit: int | None) -> "Collection":
        """The questions of a half, at most `limit` of each language; all documents."""
        counts: Counter[str] = Counter()
        selected = []
        for one in self.questions:
            if half in {"all", half_of(one.id)} and (limit is None or counts[one.language] < limit):
                counts[one.language] += 1
                selected.append(one)
        return replace(self, questions=selected)


def half_of(question_id: str) -> str:
    """The half of a question: the same on every machine, and whatever else is in its collection."""
    return HALVES[crc32(question_id.encode()) & 1]


def read_own() -> Collection:
    """The questions of `benchmarks/questions`, each labelled with its document and a span of the passage."""
    paths = sorted((_OWN / "documents").iterdir())
    documents = [Document(path.name, path.name, path.read_text("utf-8")) for path in paths]
    questions = [
        Question(one["id"], one["language"], one["text"], {one["document"]: 1}, one["span"], one["kind"])
        for one in _read_lines(_OWN / "questions.jsonl")
    ]
    return Collection("own", documents, questions, 200, 60)


def read_collections(folder: Path) -> list[Collection]:
    """The collection in the folder, or those in the folders below it. Raises SystemExit if there are none."""
    folders = [one for one in (folder, *sorted(folder.iterdir())) if (one / "qrels.tsv").is_file()]
    if not folders:
        raise SystemExit(f"No collection found in {str(folder)!r}: a folder with docs.jsonl, queries.jsonl, qrels.tsv.")
    return [_read_collection(one) for one in folders]


def _read_collection(folder: Path) -> Collection:
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines():
        question, document, grade = line.split("\t")
        grades[question][document] = int(grade)
    plain = folder / "docs.jsonl"
    documents = [
        Document(str(one["id"]), _PUBLIC_NAME, f"{one.get('title') or ''}\n\n{one['text']}".strip())
        for one in _read_lines(plain if plain.is_file() else folder / "docs.jsonl.gz")
    ]
    questions = [
        Question(str(one["id"]), one.get("language") or _language_of(one["id"]), one["text"], grades[str(one["id"])])
        for one in _read_lines(folder / "queries.jsonl")
    ]
    return Collection(folder.name, [one for one in documents if one.text], questions)


def _language_of(question_id: object) -> str:
    match = _LANGUAGE_PREFIX.match(str(question_id))
    return match[1] if match is not None else ""


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
