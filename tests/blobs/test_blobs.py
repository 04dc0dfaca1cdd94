"""What both blob stores promise: bytes come out as they went in, and nothing stays of what was not finished."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.errors import BlobMissing, StoreError

UNKNOWN = "0" * 64 + "-" + "1" * 12


async def kept(blobs, *chunks):
    async with blobs.writing() as writing:
        for chunk in chunks:
            await writing.write(chunk)
        blob = await writing.seal()
        await writing.place()
    return blob


async def read(blobs, name, *span):
    async with blobs.reading(name, *span) as chunks:
        return b"".join([chunk async for chunk in chunks])


def files_below(path):
    return [one for one in path.rglob("*") if one.is_file()]


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 20_000_003])
async def test_bytes_come_out_as_they_went_in(blobs, size):
    data = os.urandom(size)
    pieces = [data[start : start + 300_000] for start in range(0, size, 300_000)]
    blob = await kept(blobs, *pieces)
    assert (blob.size, blob.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert await read(blobs, blob.name) == data
    async with blobs.path(blob.name) as path:
        assert path.read_bytes() == data


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1000), st.one_of(st.none(), st.integers(0, 1200)))
async def test_a_range_is_that_slice(blobs, start, stop):
    data = bytes(range(256)) * 4
    blob = await kept(blobs, data)
    assert await read(blobs, blob.name, start, stop) == data[start:stop]
    await blobs.delete(blob.name)


async def test_equal_bytes_are_separate_blobs(blobs):
    first, second = await kept(blobs, b"same"), await kept(blobs, b"same")
    assert first.sha256 == second.sha256
    await blobs.delete(first.name)
    assert await read(blobs, second.name) == b"same"


async def test_a_blob_is_found_once_it_is_placed_and_until_it_is_deleted(blobs):
    async with blobs.writing() as writing:
        await writing.write(b"bytes")
        blob = await writing.seal()
        assert not await blobs.exists(blob.name)
        await writing.place()
        assert await blobs.exists(blob.name)
    await blobs.delete(blob.name)
    assert not await blobs.exists(blob.name)
    await blobs.delete(blob.name)


@pytest.mark.parametrize("name", [UNKNOWN, "../../etc/passwd", "", "unfinished", UNKNOWN + "\n"])
async def test_an_invalid_name_finds_no_blob(blobs, name):
    for attempt in (blobs.reading(name), blobs.reading(name, 0, 0), blobs.path(name)):
        with pytest.raises(BlobMissing):
            async with attempt:
                raise AssertionError


async def test_an_unfinished_blob_leaves_no_bytes(blobs, tmp_path):
    async def fail():
        async with blobs.writing() as writing:
            await writing.write(b"x" * 3_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert files_below(tmp_path) == []


async def test_a_writer_that_is_cancelled_leaves_nothing(blobs, tmp_path):
    async def write_for_ever():
        async with blobs.writing() as writing:
            while True:
                await writing.write(b"x" * 1_000_000)
                writing_begun.set()

    for _ in range(5):
        writing_begun = asyncio.Event()
        task = asyncio.create_task(write_for_ever())
        await asyncio.wait_for(writing_begun.wait(), 5)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()
    assert files_below(tmp_path) == []


async def test_a_sweep_deletes_the_files_of_a_crashed_writer_and_not_of_a_running_one(blobs, tmp_path):
    folder = tmp_path / "blobs" / "unfinished"
    (folder / "left").write_bytes(b"half")
    async with blobs.writing() as writing:
        await writing.write(b"alive")
        await blobs.sweep()
        assert [path.name for path in folder.iterdir() if path.name == "left"] == []
        blob = await writing.seal()
        await writing.place()
    assert await read(blobs, blob.name) == b"alive"


async def test_a_sweep_of_another_process_leaves_the_files_that_are_locked(blobs, tmp_path):
    path = tmp_path / "blobs" / "unfinished" / "other"
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        await blobs.sweep()
        assert path.exists()
    await blobs.sweep()
    assert not path.exists()


async def test_a_removed_directory_is_reported(blobs, tmp_path):
    (tmp_path / "blobs" / "unfinished").rmdir()
    with pytest.raises(StoreError, match="was removed"):
        await kept(blobs, b"bytes")


async def test_a_location_has_the_id_that_was_written_last(blobs):
    assert await blobs.read_id() is None
    for location_id in ("blobs_first", "blobs_second"):
        await blobs.write_id(location_id)
        assert await blobs.read_id() == location_id


async def test_all_blobs_are_listed(blobs):
    stored = [await kept(blobs, b"a" * size) for size in (0, 1, 5000)]
    listed = {blob.name: blob.size async for blob in blobs.listing()}
    assert {blob.name: blob.size for blob in stored}.items() <= listed.items()


async def test_blobs_that_are_placed_together_are_found_under_their_names(blobs, tmp_path):
    contents = [os.urandom(size) for size in (0, 1, 70_000, 2_000_000)]
    async with contextlib.AsyncExitStack() as stack:
        writings = [await stack.enter_async_context(blobs.writing()) for _ in contents]
        for writing, content in zip(writings, contents, strict=True):
            await writing.write(content)
        sealed = [await writing.seal() for writing in writings]
        assert not await blobs.exists(sealed[0].name)
        await blobs.place_all(writings)
    assert [await read(blobs, blob.name) for blob in sealed] == contents
    assert files_below(tmp_path / "blobs" / "unfinished") == []
    await blobs.place_all([])


@pytest.mark.parametrize("blob_settings", ["directory"], indirect=True)
async def test_bytes_are_synced_before_they_have_names_and_names_before_the_end(blobs, tmp_path, monkeypatch):
    log = []

    def sync(descriptor, fsync=os.fsync):
        fsync(descriptor)
        log.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def rename(path, target, move=Path.rename):
        log.append(("rename", str(path)))
        return move(path, target)

    async with contextlib.AsyncExitStack() as stack:
        writings = [await stack.enter_async_context(blobs.writing()) for _ in range(20)]
        names = [(await writing.seal()).name for writing in writings]
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Path, "rename", rename)
        await blobs.place_all(writings)
    for name in names:
        assert await blobs.exists(name)
    first, last = (log.index(one) for one in ([one for one in log if one[0] == "rename"][index] for index in (0, -1)))
    renamed = {path for kind, path in log if kind == "rename"}
    assert {path for kind, path in log[:first] if kind == "sync"} >= renamed
    folders = {str(tmp_path / "blobs" / name[:2]) for name in names}
    assert {path for kind, path in log[last:] if kind == "sync"} == folders | {str(tmp_path / "blobs")}
