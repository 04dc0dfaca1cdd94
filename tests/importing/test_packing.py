"""Packing an input for an upload: what is read of the package is what is read of the input."""

import pytest
from tests.importing.conftest import ids, make_tar, make_zip, message, problems, thread, to_lines
from tests.importing.test_archives import ENTRIES, FOUND, write_tree

from understudy.importing.packing import pack_input

FILE = {"id": "file-1", "object": "file", "bytes": 3, "filename": "a.txt"}
CSV = "thread_id,role,text,id\nthread_1,user,Hi,msg_1\n"


@pytest.mark.parametrize("kind", ["directory", "zip", "tar.gz"])
def test_a_package_holds_what_its_source_holds(read, tmp_path, kind):
    source = tmp_path / "source"
    if kind == "directory":
        write_tree(ENTRIES, source)
    elif kind == "zip":
        make_zip(ENTRIES, source)
    else:
        make_tar(ENTRIES, source, "w:gz")
    files = write_tree({"folder/missing.txt": b"12345"}, tmp_path / "bytes")
    (files / "link").symlink_to(source)
    (tmp_path / "out").mkdir()

    package, refused = pack_input(source, tmp_path / "out", files)

    assert [problem.place for problem in refused] == ["files/link"]
    spool = read(package)
    assert ids(spool) == FOUND
    with spool.open_content("file-1") as one, spool.open_content("file-3") as three:
        assert (one.read(), three.read()) == (b"one", b"12345")
    assert problems(spool) == []


@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", to_lines(thread(1), message(1))), ("dump", to_lines(message(1))), ("x.csv", CSV)]
)
def test_a_single_file_is_packed_only_with_files(read, tmp_path, name, text):
    source = tmp_path / name
    source.write_text(text)
    files = write_tree({"file-1": b"one"}, tmp_path / "bytes")

    assert pack_input(source, tmp_path) == (source, [])
    package, _ = pack_input(source, tmp_path, files)

    assert ids(read(package)) == {"thread": ["thread_1"], "message": ["msg_1"]}


def test_damaged_entries_are_left_out_and_reported(read, tmp_path):
    path = make_zip({"a.json": to_lines(message(1)) * 9, "b.json": to_lines(message(2))}, tmp_path / "source")
    content = bytearray(path.read_bytes())
    content[50:60] = bytes(10)
    path.write_bytes(content)
    files = write_tree({"file-1": b"one"}, tmp_path / "bytes")

    package, [problem] = pack_input(path, tmp_path, files)

    assert problem.place == "a.json"
    assert ids(read(package))["message"] == ["msg_2"]
