"""What programs were recorded doing with vector stores, done again, and answers of the same shape."""

import re

import pytest

from conformance.shapes import assert_shape, listing
from waiting import eventually

AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 1200, "chunk_overlap_tokens": 250}}
COUNTS = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


def vector_store(**changes):
    return {
        "id": str,
        "object": "vector_store",
        "created_at": int,
        "name": None,
        "description": None,
        "usage_bytes": 0,
        "file_counts": COUNTS,
        "status": "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": int,
        "metadata": {},
        **changes,
    }


def waiting(count):
    return {"status": "in_progress", "file_counts": {**COUNTS, "in_progress": count, "total": count}}


def store_file(file_id, store, **changes):
    return {
        "id": file_id,
        "object": "vector_store.file",
        "usage_bytes": int,
        "created_at": int,
        "vector_store_id": store["id"],
        "status": str,
        "last_error": None,
        "chunking_strategy": AUTO,
        "attributes": {},
        **changes,
    }


def batch(store, count):
    return {
        "id": str,
        "object": "vector_store.files_batch",
        "created_at": int,
        "status": "in_progress",
        "vector_store_id": store["id"],
        "file_counts": {**COUNTS, "in_progress": count, "total": count},
    }


@pytest.fixture
def uploaded(client):
    def upload(count):
        contents = [(f"test_file_{number:03}.txt", b"This is a test file.\n") for number in range(count)]
        return [client.files.create(file=given, purpose="assistants").id for given in contents]

    return upload


def indexed(ask, path):
    def look():
        found = ask("GET", path)
        return found if all(one["status"] == "completed" for one in found["data"]) else None

    return eventually(look)


@pytest.mark.proves("vector_stores.shape", "vector_stores.delete")
def test_stores_are_made_read_changed_and_deleted(ask, uploaded):
    made = ask("POST", "/vector_stores", {}, vector_store())
    assert re.fullmatch("vs_[0-9a-f]{32}", made["id"])
    deleted = {"id": made["id"], "object": "vector_store.deleted", "deleted": True}
    ask("DELETE", f"/vector_stores/{made['id']}", None, deleted)
    files = uploaded(5)
    expiry = {"anchor": "last_active_at", "days": 3}
    members = {"name": "test vector store", "expires_after": expiry, "metadata": {"test-key": "test-value"}}
    described = vector_store(**members, **waiting(1), expires_at=int)
    made = ask("POST", "/vector_stores", {"file_ids": files[:1], **members}, described)
    assert made["expires_at"] == made["created_at"] + 3 * 86_400
    ask("POST", "/vector_stores", {"file_ids": files}, vector_store(**waiting(5)))


@pytest.mark.proves("vector_stores.files")
@pytest.mark.parametrize(("given", "shown"), [(STATIC, STATIC), ({"type": "auto"}, AUTO)])
def test_files_show_the_chunking_that_was_chosen(ask, uploaded, given, shown):
    files = uploaded(5)
    body = {"file_ids": files, "chunking_strategy": given}
    store = ask("POST", "/vector_stores", body, vector_store(**waiting(5)))
    expected = [store_file(one, store, chunking_strategy=shown) for one in reversed(files)]
    ask("GET", f"/vector_stores/{store['id']}/files", None, listing(*expected))


@pytest.mark.proves("vector_stores.files", "vector_stores.file_delete")
def test_files_are_added_and_taken_out(ask, uploaded):
    files = uploaded(3)
    store = ask("POST", "/vector_stores", {}, vector_store())
    path = f"/vector_stores/{store['id']}/files"
    for file_id in files:
        ask("POST", path, {"file_id": file_id}, store_file(file_id, store, status="in_progress", usage_bytes=0))
    deleted = {"id": files[0], "object": "vector_store.file.deleted", "deleted": True}
    ask("DELETE", f"{path}/{files[0]}", None, deleted)
    assert_shape(indexed(ask, path), listing(*(store_file(one, store) for one in reversed(files[1:]))))


@pytest.mark.proves("vector_stores.batches", "vector_stores.batch_files")
def test_a_batch_is_ingested_and_its_files_are_paged(ask, uploaded):
    files = uploaded(10)
    store = ask("POST", "/vector_stores", {}, vector_store())
    path = f"/vector_stores/{store['id']}/file_batches"
    made = ask("POST", path, {"file_ids": files}, batch(store, 10))
    assert re.fullmatch("vsfb_[0-9a-f]{32}", made["id"])
    listed = f"{path}/{made['id']}/files"
    shown = [store_file(one, store) for one in reversed(files)]
    page = ask("GET", f"{listed}?limit=3", None, listing(*shown[:3], has_more=True))
    ask("GET", f"{listed}?limit=3&after={page['last_id']}", None, listing(*shown[3:6], has_more=True))
    indexed(ask, listed)
    done = {**batch(store, 10), "status": "completed", "file_counts": {**COUNTS, "completed": 10, "total": 10}}
    ask("GET", f"{path}/{made['id']}", None, done)
