"""Both blob stores: a directory, and a bucket of a real S3 server."""

import contextlib
import itertools
import logging

import pytest
from moto.server import ThreadedMotoServer

from blobs.buckets import Buckets
from understudy.blobs import open_blobs
from understudy.settings import BlobSettings

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def buckets():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Buckets(server)
    finally:
        server.stop()


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
