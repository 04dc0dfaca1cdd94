"""What only a bucket has: keys, parts, and a network that fails."""

import os

import pytest

from blobs.test_blobs import kept, read
from understudy.blobs import open_blobs
from understudy.errors import SettingsError, StoreError
from understudy.settings import BlobSettings

LARGE = 20 * 1024 * 1024


async def opened(settings, tmp_path):
    return await open_blobs(settings, tmp_path)


async def test_objects_are_below_the_prefix(buckets, tmp_path):
    blobs = await opened(buckets.settings("prefixed", prefix="some/where/"), tmp_path)
    blob = await kept(blobs, b"bytes")
    assert buckets.keys("prefixed") == [f"some/where/{blob.name[:2]}/{blob.name[2:]}"]
    await blobs.delete(blob.name)
    assert buckets.keys("prefixed") == []
    await blobs.close()


async def test_a_large_blob_is_uploaded_in_parts_and_no_part_stays_open(buckets, tmp_path):
    blobs = await opened(buckets.settings("large"), tmp_path)
    data = os.urandom(LARGE)
    blob = await kept(blobs, data)
    assert buckets.unfinished("large") == []
    assert await read(blobs, blob.name, LARGE - 10, LARGE) == data[-10:]
    await blobs.close()


async def test_a_failed_part_aborts_the_upload(buckets, tmp_path, monkeypatch):
    blobs = await opened(buckets.settings("failing"), tmp_path)
    send = blobs._client.upload_part

    async def fail_the_second(**request):
        if request["PartNumber"] == 2:
            raise TimeoutError
        return await send(**request)

    monkeypatch.setattr(blobs._client, "upload_part", fail_the_second)
    with pytest.raises(StoreError):
        await kept(blobs, os.urandom(LARGE))
    assert buckets.keys("failing") == []
    assert buckets.unfinished("failing") == []
    await blobs.close()


async def test_erasing_a_name_takes_the_parts_that_a_dead_writer_left(buckets, tmp_path):
    blobs = await opened(buckets.settings("left"), tmp_path)
    async with blobs.writing() as writing:
        await writing.write(b"bytes")
        name = (await writing.seal()).name
    await blobs._client.create_multipart_upload(Bucket="left", Key=blobs._key(name))
    assert len(buckets.unfinished("left")) == 1
    await blobs.delete(name)
    assert buckets.unfinished("left") == []
    await blobs.close()


async def test_a_missing_bucket_is_reported(buckets, tmp_path):
    with pytest.raises(StoreError, match="The bucket 'nowhere' cannot be used"):
        await opened(
            BlobSettings(kind="s3", bucket="nowhere", endpoint=buckets.url, access_key="a", secret_key="b"), tmp_path
        )


async def test_an_unavailable_server_is_reported_without_the_secret(tmp_path):
    settings = BlobSettings(
        kind="s3", bucket="b", endpoint="http://127.0.0.1:9", region="r", access_key="a", secret_key="very-secret"
    )
    with pytest.raises(StoreError, match="cannot be used") as refused:
        await opened(settings, tmp_path)
    assert "very-secret" not in str(refused.value)


async def test_without_a_bucket_the_setting_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"`blobs\.bucket` is not set"):
        await opened(BlobSettings(kind="s3"), tmp_path)
