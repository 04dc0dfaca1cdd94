"""What programs were recorded doing with files and uploads, done again."""

import re

import pytest

from conformance.shapes import assert_shape
from e2e.uploads import HEAD, field, file_part, form, send

PURPOSE = "fine-tune"


def file(**changes):
    return {
        "object": "file",
        "id": str,
        "purpose": "assistants",
        "filename": "test-file-delete-me.txt",
        "bytes": 50,
        "created_at": int,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    } | changes


def upload(**changes):
    return {
        "id": str,
        "object": "upload",
        "bytes": 8,
        "created_at": int,
        "filename": "uploads_test_file.jsonl",
        "purpose": PURPOSE,
        "status": "pending",
        "expires_at": int,
    } | changes


def sent(server, path, *parts):
    reply = send(server, f"/v1{path}", *parts)
    assert reply.status == 200, reply.body
    return reply.json


@pytest.mark.proves("files.shape", "files.delete")
def test_a_file_is_made_read_and_deleted(server, ask):
    made = sent(server, "/files", field("purpose", "assistants"), file_part(b"x" * 50, "test-file-delete-me.txt"))
    assert_shape(made, file())
    assert re.fullmatch("file-[A-Za-z0-9]{22,24}", made["id"])
    ask("GET", f"/files/{made['id']}", None, file())
    ask("DELETE", f"/files/{made['id']}", None, {"object": "file", "deleted": True, "id": made["id"]})


@pytest.mark.proves("files.delete")
def test_an_unknown_file_cannot_be_deleted(ask):
    message = "No such File object: fake_id"
    shape = {
        "error": {"message": message, "type": "invalid_request_error", "param": "id", "code": None},
        "detail": {"message": message, "code": None},
    }
    ask("DELETE", "/files/fake_id", None, shape, status=404)


@pytest.mark.proves("files.lists")
def test_files_are_listed_newest_first_by_purpose(server, ask):
    first, second = (
        sent(server, "/files", field("purpose", "vision"), file_part(b"x" * size, "test-file-delete-me.txt"))
        for size in (50, 56)
    )
    sent(server, "/files", field("purpose", "assistants"), file_part(b"x"))
    page = ask("GET", "/files?purpose=vision&limit=2")
    shape = {
        "object": "list",
        "data": [file(purpose="vision", bytes=56), file(purpose="vision")],
        "first_id": second["id"],
        "last_id": first["id"],
        "has_more": bool,
    }
    assert_shape(page, shape)


@pytest.mark.proves("uploads.shape")
def test_an_upload_is_made_and_completed(server, ask):
    body = {"purpose": PURPOSE, "filename": "uploads_test_file.jsonl", "bytes": 8, "mime_type": "text/jsonl"}
    made = ask("POST", "/uploads", body, upload())
    assert re.fullmatch("upload_[0-9a-f]{32}", made["id"])
    assert made["expires_at"] == made["created_at"] + 3600
    path = f"/uploads/{made['id']}"
    parts = [sent(server, f"{path}/parts", file_part(content, None, "data")) for content in (b"four", b"more")]
    for part in parts:
        assert_shape(part, {"id": str, "object": "upload.part", "created_at": int, "upload_id": made["id"]})
        assert re.fullmatch("part_[0-9a-f]{32}", part["id"])
    inner = file(filename="uploads_test_file.jsonl", bytes=8, purpose=PURPOSE)
    named = {"part_ids": [part["id"] for part in parts]}
    done = ask("POST", f"{path}/complete", named, upload(status="completed", file=inner))
    assert done["file"]["created_at"] == made["created_at"]
    reply = server.ask("GET", f"/v1/files/{done['file']['id']}/content")
    assert reply.body == b"fourmore"


def test_a_cancelled_upload_has_the_status_cancelled(ask):
    body = {"purpose": PURPOSE, "filename": "uploads_test_file.jsonl", "bytes": 8, "mime_type": "text/jsonl"}
    made = ask("POST", "/uploads", body)
    ask("POST", f"/uploads/{made['id']}/cancel", None, upload(status="cancelled"))


def test_a_purpose_with_no_file_is_refused_the_same_over_every_path(server):
    for base in ("/v1", "", "/openai"):
        reply = server.ask("POST", f"{base}/files", form(field("purpose", "batch")), {"Content-Type": HEAD})
        assert reply.json["error"]["message"] == "Missing required parameter: 'file'."
