"""The parts of retrieval as the application puts them together, each test with its own."""

import contextlib

import pytest

from store.conftest import opened, store, url  # noqa: F401 - fixtures of both databases
from understudy.retrieval.children import Children
from understudy.retrieval.extract import Extractor

MEMORY = 512 << 20


@pytest.fixture
async def children():
    made = Children(2, MEMORY)
    yield made
    await made.close()


@pytest.fixture
def extractor(children, tmp_path):
    return Extractor(children, tmp_path / "spool", seconds=30, text_bytes=8 << 20)


@pytest.fixture
def extract(extractor, tmp_path):
    """The text of a document that has these bytes and this name."""

    async def extract(data, filename):
        path = tmp_path / "document"
        path.write_bytes(data)
        found = await extractor.text(path, filename)
        with contextlib.closing(found.path.open(encoding="utf-8", newline="")) as file:
            text = file.read()
        assert len(text) == found.characters
        found.discard()
        assert not found.path.exists()
        return text

    return extract
