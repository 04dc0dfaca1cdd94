"""Both blob stores: a directory, and a bucket of a real S3 server."""

import contextlib
import itertools

import pytest

from understudy.blobs import open_blobs
from understudy.settings import BlobSettings

_numbers = itertools.count(1)


@pytest.fixture(params=["directory", "s3"])
def blob_settings(request):
    if request.param == "directory":
        return BlobSettings()
    return request.getfixturevalue("buckets").settings(f"bucket-{next(_numbers)}")


@pytest.fixture
async def blobs(blob_settings, tmp_path):
    opened = await open_blobs(blob_settings, tmp_path)
    async with contextlib.aclosing(_Closing(opened)):
        yield opened


class _Closing:
    def __init__(self, blobs):
        self.aclose = blobs.close
