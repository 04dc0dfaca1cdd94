"""Archives and directories: what they hold, and what they may not do to the machine."""

import gzip
import io
import os
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest
from tests.importing.conftest import ids, make_tar, make_zip, message, problems, thread, to_lines

from understudy import errors
from understudy.importing.limits import Limits
from understudy.importing.streams import DamagedStream

ENTRIES = {
    "export/assistants.json": b"[]",
    "export/threads/thread_1.jsonl": to_lines(thread(1), message(1)),
    "export/threads/more.json.gz": gzip.compress(to_lines(message(2)).encode()),
    "export/files.jsonl": to_lines(
        {"id": "file-1", "object": "file", "bytes": 3, "filename": "a.txt"},
        {"id": "file-2", "object": "file", "bytes": 4, "filename": "data.json"},
        {"id": "file-3", "object": "file", "bytes": 5, "filename": "missing.txt"},
    ),
    "export/files/file-1": b"one",
    "export/files/file-2/data.json": b"[17]",
    "__MACOSX/export/._threads": b"\0\0",
}
LIMITS = Limits(free_bytes=1 << 20)
FOUND = {"file": ["file-1", "file-2", "file-3"], "thread": ["thread_1"], "message": ["msg_1", "msg_2"]}


def write_tree(entries, root):
    for name, content in entries.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


@pytest.fixture(params=["directory", "zip", "tar", "tar.gz"])
def packed(request, tmp_path):
    if request.param == "directory":
        return write_tree(ENTRIES, tmp_path / "source")
    if request.param == "zip":
        return make_zip(ENTRIES, tmp_path / "source")
    return make_tar(ENTRIES, tmp_path / "source", "w:gz" if request.param == "tar.gz" else "w")


def test_archives_and_directories_hold_objects_and_the_bytes_of_files(read, packed):
    spool = read(packed)

    assert ids(spool) == FOUND
    assert problems(spool) == []
    with spool.open_content("file-1") as one, spool.open_content("file-2") as two:
        assert (two.read(), one.read()) == (b"[17]", b"one")
    assert spool.open_content("file-3") is None
    assert spool.open_content("file-9") is None


@pytest.mark.parametrize(
    ("entry", "size", "found"),
    [
        ("files/file-1", 3, True),
        ("files/file-1.txt", 3, True),
        ("files/file-1/anything.bin", 3, True),
        ("files/file-1/report.pdf", None, True),
        ("files/file-1/report.pdf", 0, True),
        ("deep/below/report.pdf", 3, True),
        ("report.pdf", 4, False),
        ("files/file-1", 4, False),
        ("files/1", 3, True),
        ("files/file-1x", 3, False),
        ("files/other.pdf", 3, False),
    ],
)
@pytest.mark.parametrize("separate", [True, False])
def test_bytes_are_found_by_id_or_by_name_and_size(read, tmp_path, entry, size, found, separate):
    source = tmp_path / "source"
    write_tree(
        {"all.json": to_lines({"id": "file-1", "object": "file", "bytes": size, "filename": "report.pdf"})}, source
    )
    write_tree({entry: b"abc"}, tmp_path / "bytes" if separate else source)

    content = read(source, files=tmp_path / "bytes" if separate else None).open_content("file-1")

    assert (content is not None) == found
    if content is not None:
        with content:
            assert content.read() == b"abc"


@pytest.mark.parametrize(
    "name", ["../up.json", "/etc/up.json", "a/../../up.json", "c:/up.json", "a\\..\\up.json", "a\tb.json"]
)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_names_that_point_outside_are_refused(read, tmp_path, name, make):
    spool = read(make({name: to_lines(message(1)), "good.json": to_lines(message(2))}, tmp_path / "source"))

    assert ids(spool)["message"] == ["msg_2"]
    assert len(problems(spool)) == 1


def test_names_that_are_not_text_are_refused(read, tmp_path):
    directory = write_tree({"good.json": to_lines(message(1))}, tmp_path / "source")
    for name in (b"bad\xff.json", b"bad\xff.bin"):
        Path(os.fsdecode(os.fsencode(directory) + b"/" + name)).write_text(to_lines(message(2)))

    spool = read(directory)

    assert ids(spool)["message"] == ["msg_1"]
    assert problems(spool) == [(f"bad?.{suffix}", "Its name is not valid UTF-8.") for suffix in ("bin", "json")]


def test_links_and_devices_are_refused(read, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(to_lines(message(9)))
    directory = write_tree({"good.json": to_lines(message(1))}, tmp_path / "directory")
    (directory / "link.json").symlink_to(secret)
    (directory / "folder").symlink_to(tmp_path)
    os.mkfifo(directory / "pipe.json")
    with tarfile.open(make_tar({"good.json": to_lines(message(1))}, tmp_path / "tar"), "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"special{kind.decode()}.json")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    link = zipfile.ZipInfo("link.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(make_zip({"good.json": to_lines(message(1))}, tmp_path / "zip"), "a") as archive:
        archive.writestr(link, str(secret))

    for source, count in ((directory, 3), (tmp_path / "tar", 5), (tmp_path / "zip", 1)):
        spool = read(source)
        assert ids(spool)["message"] == ["msg_1"]
        assert [reason for _, reason in problems(spool)] == ["It is a link or a device, not a file."] * count


def test_encrypted_and_unusually_compressed_entries_are_problems(read, tmp_path):
    path = make_zip({"secret.json": "x", "odd.json": "x", "good.json": to_lines(message(1))}, tmp_path / "source")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("lzma.json", "x" * 100)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    spool = read(path)

    assert ids(spool)["message"] == ["msg_1"]
    assert ("secret.json", "It is encrypted.") in problems(spool)
    assert ("lzma.json", "It is compressed by an unsupported method (14).") in problems(spool)


def test_zip_bombs_are_refused_before_they_are_unpacked(read, tmp_path):
    small = make_zip({"a.json": b"[" + b" " * (2 << 20)}, tmp_path / "small")
    many = make_zip({f"{number}.json": "{}" for number in range(20)}, tmp_path / "many")
    path = make_zip({"good.json": to_lines(message(1)), "large.json": b" " * 5000}, tmp_path / "large")

    with pytest.raises(errors.InvalidRequest, match="more than 200 times its size"):
        read(small, limits=LIMITS)
    with pytest.raises(errors.InvalidRequest, match="more than 10 files"):
        read(many, limits=Limits(zip_entries=10))
    with pytest.raises(errors.InvalidRequest, match="more than 10 files"):
        read(make_tar({f"{number}.json": "{}" for number in range(20)}, tmp_path / "tar"), limits=Limits(entries=10))
    with pytest.raises(errors.InvalidRequest, match="unpacks to more than 4000 bytes"):
        read(path, limits=Limits(bytes=4000))


@pytest.mark.parametrize(("count", "accepted"), [(1, True), (300_000, False)])
def test_the_entries_of_a_zip64_archive_are_counted(read, tmp_path, count, accepted):
    path = make_zip({"a.json": to_lines(message(1))}, tmp_path / "source")
    content = path.read_bytes()
    end = content.index(b"PK\x05\x06")
    start = content.index(b"PK\x01\x02")
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, end - start, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(content[:end] + large + locator + last)

    if accepted:
        assert ids(read(path))["message"] == ["msg_1"]
    else:
        with pytest.raises(errors.InvalidRequest, match="more than 200000 files"):
            read(path)


def test_an_entry_larger_than_its_size_in_the_directory_is_cut(read, tmp_path):
    text = to_lines(*(message(number) for number in range(300)))
    path = make_zip({"a.json": text, "b.json": to_lines(thread(1))}, tmp_path / "source")
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = struct.pack("<L", 3000)
    path.write_bytes(content)

    spool = read(path)

    assert spool.count("message") < 30
    assert problems(spool)


def test_overlapping_entries_count_each_time(read, tmp_path):
    path = make_zip({"a.json": b"[" + b" " * (1 << 16)}, tmp_path / "source")
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    count = 100
    tail = bytearray(content[end:])
    struct.pack_into("<HH", tail, 8, count, count)
    struct.pack_into("<L", tail, 12, (end - start) * count)
    path.write_bytes(content[:start] + content[start:end] * count + tail)

    with pytest.raises(errors.InvalidRequest, match="more than 200 times its size"):
        read(path, limits=LIMITS)


@pytest.mark.parametrize("bomb", ["tar.gz", "json.gz"])
def test_gzip_bombs_are_refused(read, tmp_path, bomb):
    path = tmp_path / "source"
    if bomb == "tar.gz":
        make_tar({"a.json": b" " * (2 << 20)}, path, "w:gz")
    else:
        path.write_bytes(gzip.compress(b"[" + b" " * (2 << 20)))

    with pytest.raises(errors.InvalidRequest, match="more than 200 times its size"):
        read(path, limits=LIMITS)


def test_compressed_files_of_a_directory_are_compared_with_its_size(read, tmp_path):
    text = to_lines(*(message(number, content="x" * 2000) for number in range(900)))
    write_tree({"good.jsonl.gz": gzip.compress(text.encode()), "other.bin": os.urandom(20_000)}, tmp_path / "good")
    write_tree({"bomb.json.gz": gzip.compress(b"[" + b" " * (2 << 20))}, tmp_path / "bad")

    assert read(tmp_path / "good", limits=LIMITS).count("message") == 900
    with pytest.raises(errors.InvalidRequest, match="more than 200 times its size"):
        read(tmp_path / "bad", limits=LIMITS)


def test_a_tar_header_does_not_fill_the_memory(read, tmp_path):
    path = make_tar({"good.json": to_lines(message(1))}, tmp_path / "source")
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    data = path.read_bytes()
    path.write_bytes(data[:1024] + header.tobuf(tarfile.USTAR_FORMAT if header.size < 8**11 else tarfile.GNU_FORMAT))

    spool = read(path)

    assert ids(spool)["message"] == ["msg_1"]
    assert "longer than" in problems(spool)[0][1]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_of_a_tar_archive_that_is_cut_off_the_entries_before_the_cut_are_read(read, tmp_path, mode):
    entries = {f"{number}.json": to_lines(message(number, x=os.urandom(800).hex())) for number in range(10)}
    path = make_tar(entries, tmp_path / "source", mode)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 - 700])

    spool = read(path)

    assert 2 < spool.count("message") < 9
    assert "damaged or cut off" in problems(spool)[-1][1]


def test_a_zip_archive_that_is_cut_off_is_refused(read, tmp_path):
    path = make_zip({"a.json": to_lines(message(1))}, tmp_path / "source")
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(errors.InvalidRequest, match="cut off or damaged"):
        read(path)


def test_a_damaged_entry_is_a_problem_and_the_others_are_read(read, tmp_path):
    with warnings.catch_warnings():
        path = make_zip({"a.json": to_lines(message(1)) * 9, "b.json": to_lines(message(2))}, tmp_path / "source")
    content = bytearray(path.read_bytes())
    content[50:60] = bytes(10)
    path.write_bytes(content)

    spool = read(path)

    assert "msg_2" in ids(spool)["message"]
    assert problems(spool)[0][0].startswith("a.json")


def test_damaged_bytes_of_a_file_are_reported_when_they_are_read(read, tmp_path):
    files = to_lines({"id": "file-1", "object": "file", "bytes": 2000, "filename": "x"})
    path = make_zip({"a.json": files, "files/file-1": os.urandom(2000)}, tmp_path / "source")
    content = bytearray(path.read_bytes())
    content[1000] ^= 255
    path.write_bytes(content)

    spool = read(path)

    with pytest.raises(DamagedStream), spool.open_content("file-1") as stream:
        stream.read()


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + bytes(5), b"\x1f\x8b" + bytes(20), bytes(2000)]
)
def test_what_only_begins_like_an_archive_is_refused(read, content):
    with pytest.raises(errors.InvalidRequest):
        read(content)


def test_a_compressed_file_is_read_without_an_archive(read):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="w") as file:
        file.write(to_lines(message(1)).encode())

    assert ids(read(buffer.getvalue()))["message"] == ["msg_1"]
    cut = read(buffer.getvalue()[:-9])
    assert problems(cut)


def test_a_tar_entry_larger_than_any_file_is_reported_as_damage(read):
    entry = tarfile.TarInfo("o.jsonl")
    entry.size = 10**15
    lines = to_lines(message(1)).encode()
    first = tarfile.TarInfo("a.jsonl")
    first.size = len(lines)
    padding = bytes(-len(lines) % 512)

    spool = read(first.tobuf() + lines + padding + entry.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)

    assert ids(spool)["message"] == ["msg_1"]
    assert "damaged or cut off" in problems(spool)[-1][1]
