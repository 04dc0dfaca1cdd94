"""The parts of retrieval as the application puts them together, each test with its own."""

import contextlib

import pytest
import pytest_asyncio

from store.conftest import opened, store, url  # noqa: F401 - fixtures of both databases
from understudy.retrieval.children import ChildPool
from understudy.retrieval.extract import ExtractionError, Extractor

MEMORY = 512 << 20
HERE = "tests/retrieval/"


def pytest_collection_modifyitems(items):
    """Processes that tests share live longer than a test, and so must the loop that waits for them."""
    for item in items:
        if item.nodeid.startswith(HERE) and pytest_asyncio.is_async_test(item) and _shares_children(item.fixturenames):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _shares_children(fixtures):
    return "extractor" in fixtures and "children" not in fixtures


@pytest.fixture
async def children():
    """Processes of the test's own."""
    made = ChildPool(2, MEMORY)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_children():
    made = ChildPool(2, MEMORY)
    yield made
    await made.close()


@pytest.fixture
def extractor(request, tmp_path):
    """It uses the processes of `children` in a test that requests these, too."""
    children = request.getfixturevalue("shared_children" if _shares_children(request.fixturenames) else "children")
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
