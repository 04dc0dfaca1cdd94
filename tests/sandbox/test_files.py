"""Files of a session, put and found from the outside."""

import asyncio
import hashlib

import pytest

from sandbox.sandbox_runs import content, ok, once
from understudy.errors import InvalidName, NoSuchFile
from understudy.tools.sandbox import safe_name


async def test_a_file_that_is_put_is_read_by_code(session):
    await session.put("file-abc123", once(b"a,b\n1,2\n"))
    assert await ok(session, "open('/mnt/data/file-abc123').read()") == r"'a,b\n1,2\n'"


async def test_a_file_of_the_host_is_put_whole(session, tmp_path):
    data = bytes(range(256)) * 20_000
    (tmp_path / "blob").write_bytes(data)
    await session.put("blob.bin", tmp_path / "blob")
    code = "import hashlib\nhashlib.sha256(open('blob.bin', 'rb').read()).hexdigest()"
    assert await ok(session, code) == repr(hashlib.sha256(data).hexdigest())
    assert await content(session, "blob.bin") == data


async def test_a_file_has_a_readable_name_beside_its_id(session):
    await session.put("file-abc123", once(b"1,2\n"))
    await session.link("sales 2024.csv", "file-abc123")
    assert await ok(session, "open('sales 2024.csv').read()") == r"'1,2\n'"
    assert [file.name for file in await session.list()] == ["file-abc123"]


async def test_files_that_code_writes_are_listed_with_size_time_and_digest(session):
    await ok(
        session, "import os\nopen('b.txt', 'w').write('two')\nos.mkdir('out')\nopen('out/a.txt', 'w').write('one')"
    )
    files = {file.name: file for file in await session.list()}
    assert sorted(files) == ["b.txt", "out/a.txt"]
    assert files["out/a.txt"].size == 3
    assert files["out/a.txt"].digest == hashlib.sha256(b"one").hexdigest()
    assert await content(session, "out/a.txt") == b"one"


async def test_a_changed_file_has_another_digest(session):
    await ok(session, "open('a.txt', 'w').write('one')")
    (before,) = await session.list()
    assert [before] == list(await session.list())
    await ok(session, "open('a.txt', 'w').write('two')")
    (after,) = await session.list()
    assert after.size == before.size
    assert after.digest == hashlib.sha256(b"two").hexdigest()


async def test_files_can_be_listed_and_read_while_code_runs(session):
    said = session.execute(
        "open('partial.txt', 'w').write('so far')\nprint('written', flush=True)\nimport time\ntime.sleep(60)"
    )
    await anext(said)
    async with asyncio.timeout(5):
        assert [file.name for file in await session.list()] == ["partial.txt"]
        assert await content(session, "partial.txt") == b"so far"
    await said.aclose()


async def test_putting_a_file_replaces_the_one_of_that_name(session):
    for text in (b"one", b"twofold"):
        await session.put("a.txt", once(text))
    assert await content(session, "a.txt") == b"twofold"
    assert len(await session.list()) == 1


async def test_a_file_that_fails_to_come_leaves_nothing(session):
    async def broken():
        yield b"half"
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await session.put("a.txt", broken())
    assert await ok(session, "import os\nos.listdir()") == "[]"


async def test_a_removed_file_is_not_found(session):
    await session.put("a.txt", once(b"x"))
    await session.remove("a.txt")
    assert await session.list() == []
    with pytest.raises(NoSuchFile, match=r"'a\.txt'"):
        await session.remove("a.txt")
    with pytest.raises(NoSuchFile):
        await content(session, "a.txt")


async def test_hidden_files_and_caches_are_not_listed(session):
    await ok(
        session,
        "import os\nopen('.hidden', 'w').close()\nos.mkdir('__pycache__')\nopen('__pycache__/x.pyc', 'w').close()",
    )
    assert await session.list() == []


async def test_sparse_files_are_not_worked_through(session, settings):
    """Each reports the size of the whole disk; reading them would take minutes."""
    size = settings.disk_mb << 20
    await ok(session, f"for n in range(500):\n    with open(f'sparse{{n:03}}', 'wb') as file: file.truncate({size})")
    async with asyncio.timeout(10):
        assert len(await session.list()) <= 1


async def test_no_more_than_a_thousand_files_are_listed(session):
    await ok(session, "for n in range(1500): open(f'{n}', 'w').close()")
    assert len(await session.list()) == 1000


async def test_deep_folders_are_not_followed_for_ever(session):
    await ok(
        session, "import os\nfor _ in range(200):\n    open('here', 'w').close()\n    os.mkdir('d')\n    os.chdir('d')"
    )
    assert [file.name.count("/") for file in await session.list()] == list(reversed(range(8)))


async def test_code_changes_a_file_that_was_put(session):
    await session.put("a.txt", once(b"one"))
    await ok(session, "open('a.txt', 'a').write(' two')")
    assert await content(session, "a.txt") == b"one two"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht 2024.csv", "Übersicht 2024.csv"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c.txt", "a_b_c.txt"),
        (".bashrc", "bashrc"),
        ("x\r\ny\0.txt", "x__y_.txt"),
        ("", "file"),
        ("...", "file"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("n" * 300 + ".csv", "n" * 251 + ".csv"),
        ("é" * 200 + ".csv", "é" * 125 + ".csv"),
    ],
)
def test_any_text_is_converted_to_a_valid_file_name(text, name):
    assert safe_name(text) == name
    assert safe_name(name) == name


async def test_an_invalid_file_name_is_refused_with_the_allowed_form(session):
    with pytest.raises(InvalidName, match="1 to 255 bytes, no slash or control character"):
        await session.put("a/b", once(b""))
