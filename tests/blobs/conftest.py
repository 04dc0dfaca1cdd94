"""Both blob stores: a directory, and a bucket of a real S3 server."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blobs.buckets import Buckets
from understudy.blobs import Blobs, open_blobs
from understudy.settings import BlobSettings

_numbers = itertools.count(1)


@pytest.fixture(params=["directory", "s3"])
def blob_settings(request: pytest.FixtureRequest) -> BlobSettings:
    if request.param == "directory":
        return BlobSettings()
    buckets: Buckets = request.getfixturevalue("buckets")
    return buckets.settings(f"bucket-{next(_numbers)}")


@pytest.fixture
async def blobs(blob_settings: BlobSettings, tmp_path: Path) -> AsyncIterator[Blobs]:
    opened = await open_blobs(blob_settings, tmp_path)
    async with contextlib.aclosing(_Closing(opened)):
        yield opened


class _Closing:
    def __init__(self, blobs: Blobs) -> None:
        self.aclose = blobs.close
