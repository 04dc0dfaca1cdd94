"""The parts of retrieval as the application puts them together, each test with its own."""

import contextlib

import pytest

from store.conftest import opened, store, url  # noqa: F401 - fixtures of both databases
from understudy.retrieval.children import ChildPool
from understudy.retrieval.extract import ExtractionError, Extractor

MEMORY = 512 << 20


@pytest.fixture
async def children():
    made = ChildPool(2, MEMORY)
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


@pytest.fixture
def read(extractor, tmp_path):
    """The text of a document that has these bytes and this name, and its warnings."""

    async def read(data, filename, charset=None):
        path = tmp_path / "document"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        found = await extractor.text(path, filename, charset)
        text = found.path.read_bytes().decode()
        found.discard()
        return text, found.warnings

    return read


@pytest.fixture
def refused(extract):
    """The code and the message with which a document is refused."""

    async def refused(data, filename):
        with pytest.raises(ExtractionError) as caught:
            await extract(data, filename)
        return caught.value.code, caught.value.message

    return refused
