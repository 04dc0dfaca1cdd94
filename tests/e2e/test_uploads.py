"""Large files in parts."""

import hashlib
import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.assistants_client import each_database, on_both
from e2e.uploads import field, file_part, open_request, send, stored
from envelope import assert_error
from waiting import eventually

MB = 1024 * 1024
UNKNOWN = "upload_" + "0" * 32


def begun(client, size, **members):
    given = {"filename": "large.txt", "purpose": "assistants", "mime_type": "text/plain"}
    return client.uploads.create(bytes=size, **(given | members))


def part_of(client, upload, content):
    return client.uploads.parts.create(upload.id, data=content).id


@on_both
@pytest.mark.proves("uploads.order")
def test_parts_come_at_once_and_are_joined_in_the_order_named(client):
    pieces = [b"%d" % number * 50_000 for number in range(8)]
    upload = begun(client, sum(map(len, pieces)))
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda piece: part_of(client, upload, piece), pieces))
    unused = part_of(client, upload, b"unused")
    wanted = b"".join(reversed(pieces))
    checksum = hashlib.md5(wanted).hexdigest()
    done = client.uploads.complete(upload.id, part_ids=parts[::-1], md5=checksum)
    assert (done.status, done.file.bytes, done.file.filename) == ("completed", len(wanted), "large.txt")
    assert client.files.content(done.file.id).read() == wanted
    assert client.files.retrieve(done.file.id) == done.file
    assert unused not in parts


def test_the_sdk_uploads_a_large_file_in_parts(client, tmp_path):
    path = tmp_path / "große.bin"
    path.write_bytes(bytes(range(256)) * (70 * MB // 256))
    done = client.uploads.upload_file_chunked(file=path, mime_type="application/octet-stream", purpose="user_data")
    assert (done.status, done.file.bytes, done.file.filename) == ("completed", 70 * MB, "große.bin")
    with client.files.with_streaming_response.content(done.file.id) as response:
        hashed = hashlib.sha256()
        for chunk in response.iter_bytes():
            hashed.update(chunk)
    assert hashed.digest() == hashlib.sha256(path.read_bytes()).digest()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=2000), st.lists(st.integers(0, 2000), max_size=5), st.randoms())
def test_a_file_is_the_same_however_it_was_cut(client, content, cuts, random):
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    pieces = [content[start:stop] for start, stop in itertools.pairwise(edges)]
    upload = begun(client, len(content))
    parts = {}
    for number in random.sample(range(len(pieces)), len(pieces)):
        parts[number] = part_of(client, upload, pieces[number])
    done = client.uploads.complete(upload.id, part_ids=[parts[number] for number in range(len(pieces))])
    assert client.files.content(done.file.id).read() == content


@each_database
@pytest.mark.proves("uploads.once")
def test_completing_an_upload_again_returns_the_same_file(new_server, database):
    client = new_server(**database).start().client
    upload = begun(client, 8 * MB)
    parts = [part_of(client, upload, bytes([number]) * 2 * MB) for number in range(4)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: client.uploads.complete(upload.id, part_ids=parts), range(6)))
    assert {one.to_json() for one in done} == {done[0].to_json()}
    assert [one.id for one in client.files.list()] == [done[0].file.id]
    with pytest.raises(openai.BadRequestError) as refused:
        client.uploads.complete(upload.id, part_ids=parts[::-1])
    assert_error(refused.value, 400, re.compile(f"Upload '{upload.id}' is completed and does not accept .*"))


def test_nothing_of_an_upload_stays_but_its_file(new_server):
    server = new_server().start()
    upload = begun(server.client, 10)
    parts = [part_of(server.client, upload, piece) for piece in (b"01234", b"56789")]
    part_of(server.client, upload, b"sent again")
    server.client.uploads.complete(upload.id, part_ids=parts)
    (left,) = eventually(lambda: one if len(one := stored(server)) == 1 else None)
    assert left.read_bytes() == b"0123456789"
    cancelled = begun(server.client, 10)
    part_of(server.client, cancelled, b"never used")
    assert server.client.uploads.cancel(cancelled.id).status == "cancelled"
    eventually(lambda: stored(server) == [left])


@pytest.mark.proves("uploads.checks")
@pytest.mark.parametrize(
    ("change", "message", "param", "code"),
    [
        (lambda parts: {"part_ids": parts[:1]}, "The parts have 5 bytes together, but upload .* 10 bytes.", "part_ids", "invalid_value"),
        (lambda parts: {"part_ids": [parts[0], parts[0]]}, ".* a part is named twice.*", "part_ids", "invalid_value"),
        (
            lambda parts: {"part_ids": [parts[0], "part_x"]},
            "Invalid 'part_ids\\[1\\]': upload .* has no part with id 'part_x'.",
            "part_ids[1]",
            "invalid_value",
        ),
        (lambda parts: {"part_ids": []}, "Invalid 'part_ids': empty array.*", "part_ids", "empty_array"),
        (
            lambda parts: {"part_ids": parts, "md5": "0" * 32},
            "The MD5 checksum of the uploaded bytes is '781e5e245d69b566979b86e28d23f2c7', .*",
            "md5",
            "checksum_mismatch",
        ),
    ],
)  # fmt: skip
def test_an_invalid_completion_is_refused_and_a_valid_one_is_accepted_after_it(client, change, message, param, code):
    upload = begun(client, 10)
    parts = [part_of(client, upload, piece) for piece in (b"01234", b"56789")]
    with pytest.raises(openai.BadRequestError) as refused:
        client.uploads.complete(upload.id, **change(parts))
    assert_error(refused.value, 400, re.compile(message), param, code)
    assert client.uploads.complete(upload.id, part_ids=parts).status == "completed"


def test_a_checksum_may_be_in_capitals(client):
    upload = begun(client, 10)
    part = part_of(client, upload, b"0123456789")
    checksum = hashlib.md5(b"0123456789").hexdigest().upper()
    assert client.uploads.complete(upload.id, part_ids=[part], md5=checksum).status == "completed"


def test_an_ended_upload_takes_nothing_more(client):
    upload = begun(client, 5)
    part = part_of(client, upload, b"01234")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    assert client.uploads.cancel(upload.id).status == "cancelled"
    for attempt in (
        lambda: part_of(client, upload, b"late"),
        lambda: client.uploads.complete(upload.id, part_ids=[part]),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            attempt()
        assert_error(refused.value, 400, re.compile(f"Upload '{upload.id}' is cancelled and does not accept .*"))


@pytest.mark.parametrize("path", ["/parts", "/complete", "/cancel"])
def test_an_unknown_upload_is_not_found(server, path):
    if path == "/parts":
        reply = send(server, f"/v1/uploads/{UNKNOWN}/parts", file_part(b"x", name="data"))
    else:
        reply = server.ask("POST", f"/v1/uploads/{UNKNOWN}{path}", {"part_ids": ["part_1"]})
    assert_error(reply, 404, f"No upload found with id '{UNKNOWN}'.")
    wrong = server.ask("POST", f"/v1/uploads/undefined{path}", {"part_ids": ["part_1"]})
    message = "Invalid 'upload_id': 'undefined'. Expected an ID that begins with 'upload'."
    assert_error(wrong, 400, message, "upload_id", "invalid_value")


@pytest.mark.parametrize(
    ("members", "message", "param", "code"),
    [
        ({"bytes": 0}, "Invalid 'bytes': integer below minimum value. .*", "bytes", "integer_below_min_value"),
        ({"bytes": 8 * 1024 * MB + 1}, "Invalid 'bytes': integer above maximum .*", "bytes", "integer_above_max_value"),
        ({"bytes": "5"}, "Invalid type for 'bytes': expected an integer.*", "bytes", "invalid_type"),
        ({"purpose": "nope"}, "Invalid value: 'nope'. Supported values are: .*", "purpose", "invalid_value"),
        ({"filename": ""}, "Invalid 'filename': empty string.*", "filename", "empty_string"),
        ({"zzz": 1}, "Unknown parameter: 'zzz'.", "zzz", "unknown_parameter"),
        ({"filename": "a.csv"}, "Invalid file format for Batch API. Must be .jsonl", "filename", "invalid_file_format"),
    ],
)
@pytest.mark.proves("uploads.limits")
def test_an_upload_that_cannot_be_is_refused(server, members, message, param, code):
    body = {"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain"} | members
    assert_error(server.ask("POST", "/v1/uploads", body), 400, re.compile(message), param, code)


@pytest.mark.proves("uploads.limits")
def test_a_part_over_its_limit_is_refused(server, client):
    upload = begun(client, 65 * MB)
    with open_request(server, f"/v1/uploads/{upload.id}/parts", 66 * MB) as connection:
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_the_parts_of_an_upload_have_a_limit_together(new_server):
    client = new_server(limits__upload_bytes=MB).start().client
    upload = begun(client, MB)
    part_of(client, upload, b"x" * MB)
    with pytest.raises(openai.APIStatusError) as refused:
        part_of(client, upload, b"x")
    assert_error(
        refused.value, 413, f"The parts of upload '{upload.id}' are too large together. The limit is {MB} bytes."
    )


def test_a_part_needs_its_data(server, client):
    upload = begun(client, 5)
    reply = send(server, f"/v1/uploads/{upload.id}/parts", field("zzz", "1"))
    assert_error(reply, 400, "Missing required parameter: 'data'.", "data", "missing_required_parameter")


def test_the_file_of_an_upload_expires_after_the_requested_time(client):
    upload = begun(client, 1, expires_after={"anchor": "created_at", "seconds": 3600})
    done = client.uploads.complete(upload.id, part_ids=[part_of(client, upload, b"x")])
    assert done.file.expires_at == done.file.created_at + 3600


@each_database
def test_the_parts_that_were_acknowledged_survive_a_kill(new_server, database):
    server = new_server(**database).start()
    upload = begun(server.client, 6 * MB)
    parts = [part_of(server.client, upload, bytes([number]) * MB) for number in range(6)]
    server.kill()
    server.start()
    done = server.client.uploads.complete(upload.id, part_ids=parts)
    assert server.client.files.content(done.file.id).read() == b"".join(bytes([n]) * MB for n in range(6))
