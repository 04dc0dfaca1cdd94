"""Documents of every format, damaged at random: some text, or a clear refusal, and a child that lives on."""

import io
import json
import lzma
import random
import zipfile
from functools import partial
from pathlib import Path

import pytest

from retrieval import documents, office
from retrieval.test_letters import mail, outlook
from understudy.retrieval.extract import ExtractionError

SAMPLES = Path(__file__).parent / "samples"
WORDS = "The harbour master is called Ines Okafor. " * 20


def sample(name):
    return lzma.decompress((SAMPLES / f"{name}.xz").read_bytes())


MAKERS = {
    "a.docx": documents.word,
    "a.xlsx": documents.sheets,
    "a.pptx": documents.slides,
    "a.pdf": lambda: documents.pdf([WORDS] * 5),
    "a.odt": lambda: office.opendocument("text", f"<text:p>{WORDS}</text:p>" * 20),
    "a.ods": lambda: office.opendocument("spreadsheet", f"<table:table><table:table-row><table:table-cell><text:p>{WORDS}</text:p></table:table-cell></table:table-row></table:table>"),
    "a.odp": lambda: office.opendocument("presentation", f"<draw:page><draw:frame><draw:text-box><text:p>{WORDS}</text:p></draw:text-box></draw:frame></draw:page>"),
    "a.epub": lambda: office.book({f"{n}.xhtml": f"<p>{WORDS}</p>" for n in range(4)}),
    "a.doc": partial(sample, "old.doc"),
    "a.xls": partial(sample, "old.xls"),
    "a.ppt": partial(sample, "old.ppt"),
    "a.msg": lambda: outlook({0x0037_001F: "Subject".encode("utf-16-le"), 0x1000_001F: WORDS.encode("utf-16-le"), 0x340D_0003: (0x40000).to_bytes(4, "little")}),
    "a.eml": lambda: mail(f"Content-Type: text/plain\n\n{WORDS}", f"Content-Type: text/html\n\n<p>{WORDS}</p>").encode(),
    "a.ipynb": lambda: json.dumps({"cells": [{"cell_type": "markdown", "source": WORDS}] * 5}).encode(),
    "a.rtf": lambda: rb"{\rtf1\ansi " + WORDS.encode() + b"}",
    "a.html": f"<html><body><p>{WORDS}</p><table><tr><td>{WORDS}</table></body></html>".encode,
    "a.txt": ("Größe und Straße. " * 50).encode,
}  # fmt: skip


def damaged(data, choice):
    """Some bytes changed, a piece left out, or the end lost."""
    kind = choice.randrange(3)
    if kind == 0:
        changed = bytearray(data)
        for _ in range(choice.choice([1, 5, 40])):
            changed[choice.randrange(len(changed))] = choice.randrange(256)
        return bytes(changed)
    at = choice.randrange(1, len(data))
    return data[:at] if kind == 1 else data[:at] + data[at + choice.randrange(1, 500) :]


def damaged_member(data, choice):
    """A member left out, emptied, cut, or changed."""
    target = None

    def change(name, member):
        if name != target:
            return member
        kind = choice.randrange(4)
        return None if kind == 0 else b"" if kind == 1 else damaged(member, choice) if member else member

    target = choice.choice(zipfile.ZipFile(io.BytesIO(data)).namelist())
    return office.changed(data, change)


async def check(read, name, rounds):
    choice = random.Random(name)
    whole = MAKERS[name]()
    for _ in range(rounds):
        is_member = whole.startswith(b"PK") and choice.random() < 0.6
        data = damaged_member(whole, choice) if is_member else damaged(whole, choice)
        text, refusal = await outcome(read, data, name)
        if refusal is None:
            assert text.strip()
        else:
            assert refusal.code == "invalid_file"
            assert refusal.message
            assert "crashed" not in refusal.message


async def outcome(read, data, name):
    try:
        return (await read(data, name))[0], None
    except ExtractionError as error:
        return "", error


@pytest.mark.parametrize("name", MAKERS)
async def test_a_damaged_document_is_read_or_refused(read, name):
    await check(read, name, 12)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
async def test_many_damaged_documents_are_read_or_refused(read, name):
    await check(read, name, 500)
