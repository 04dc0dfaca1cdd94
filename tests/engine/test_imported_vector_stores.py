"""An import of more files than a vector store may have."""

import json

from understudy import settings
from understudy.cli.transfer_target import open_directory
from understudy.store import vector_store_files

_STORE = {
    "id": "vs_000000000000000000000001",
    "object": "vector_store",
    "created_at": 1_700_000_000,
    "name": "notes",
    "status": "completed",
}


async def test_files_beyond_the_limit_of_a_vector_store_are_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(vector_store_files, "MAX_FILES", 2)
    source, contents = tmp_path / "import.jsonl", tmp_path / "contents"
    contents.mkdir()
    file_ids = [f"file-{number:024}" for number in range(3)]
    for file_id in file_ids:
        (contents / file_id).write_text("Pizza needs tomatoes.")
    objects = [*map(_file, file_ids), _STORE, *map(_store_file, file_ids)]
    source.write_text("\n".join(map(json.dumps, objects)))
    loaded = settings.load({"data": str(tmp_path / "data")})
    async with open_directory(loaded.settings, None, creates=True) as target:
        reports = []
        for attempt in ("first", "second"):
            (tmp_path / attempt).mkdir()
            done = await target.run_import(source, contents, tmp_path / attempt, dry_run=False, on_conflict="skip")
            assert done.status == "completed", done.error
            reports.append(done.report)
    assert reports[0].imported == {"file": 3, "vector_store": 1, "vector_store_file": 2}
    assert [(one.kind, one.id) for one in reports[0].entries] == [("vector_store_file", file_ids[2])]
    assert reports[1].skipped == {"file": 3, "vector_store": 1, "vector_store_file": 3}


def _file(file_id):
    return {
        "id": file_id,
        "object": "file",
        "bytes": 21,
        "created_at": 1_700_000_000,
        "filename": f"{file_id}.txt",
        "purpose": "assistants",
    }


def _store_file(file_id):
    return {
        "id": file_id,
        "object": "vector_store.file",
        "created_at": 1_700_000_000,
        "vector_store_id": _STORE["id"],
        "status": "completed",
    }
