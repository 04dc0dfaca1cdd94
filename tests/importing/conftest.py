"""Inputs of imports as bytes or files, and what is read of them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from understudy.importing.limits import Limits
from understudy.importing.objects import KINDS
from understudy.importing.reading import Spool, spool_input

Reader = Callable[..., Spool]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Reader]:
    """Spools bytes, a text, or a path."""
    with ExitStack() as stack:

        def run(source: bytes | str | Path, **options: Any) -> Spool:
            if not isinstance(source, Path):
                content = source.encode() if isinstance(source, str) else source
                source = tmp_path / "input"
                source.write_bytes(content)
            work = tmp_path / f"work{len([*tmp_path.iterdir()])}"
            work.mkdir()
            spool = spool_input(source, work, options.pop("limits", Limits()), **options)
            stack.callback(spool.close)
            return spool

        yield run


def message(number: int, **members: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": {"value": f"text {number}", "annotations": []}}]
    base = {"id": f"msg_{number}", "object": "thread.message", "created_at": 1000 + number, "thread_id": "thread_1"}
    return base | {"role": "user", "content": content} | members


def thread(number: int, **members: Any) -> dict[str, Any]:
    return {"id": f"thread_{number}", "object": "thread", "created_at": 1000, "metadata": {}} | members


def ids(spool: Spool) -> dict[str, list[str]]:
    """The ids by kind, in order, without kinds that have none."""
    found = {kind: [one.id for one in spool.read(kind)] for kind in KINDS}
    return {kind: names for kind, names in found.items() if names}


def problems(spool: Spool) -> list[tuple[str, str]]:
    return [(problem.place, problem.reason) for problem in spool.problems()]


def make_zip(entries: dict[str, bytes | str], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def make_tar(entries: dict[str, bytes | str], path: Path, mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in entries.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def to_lines(*objects: Any) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)
