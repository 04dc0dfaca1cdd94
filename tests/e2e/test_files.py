"""Files over HTTP, as programs and their users have them."""

import contextlib
import hashlib
import io
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import openai
import psutil
import pytest

from e2e.assistants_client import each_database, on_both
from e2e.uploads import BOUNDARY, HEAD, field, file_part, form, open_request, send, stored, upload
from envelope import assert_error
from serving import KEY, WAIT, limit_files
from waiting import eventually

MB = 1024 * 1024
KNOWN = "['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals']"


@on_both
@pytest.mark.proves("files.shape", "files.content")
def test_a_file_is_uploaded_read_listed_and_deleted(client):
    made = client.files.create(file=("notes.md", b"# Notes"), purpose="assistants")
    assert re.fullmatch("file-[A-Za-z0-9]{24}", made.id)
    assert (made.object, made.filename, made.bytes, made.status) == ("file", "notes.md", 7, "processed")
    assert (made.expires_at, made.status_details) == (None, None)
    assert client.files.retrieve(made.id) == made
    assert client.files.wait_for_processing(made.id) == made
    assert client.files.list(limit=1).data == [made]
    assert client.files.content(made.id).read() == b"# Notes"
    assert client.files.delete(made.id).to_dict() == {"object": "file", "deleted": True, "id": made.id}
    for attempt in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError) as refused:
            attempt(made.id)
        assert_error(refused.value, 404, f"No such File object: {made.id}", "id", detail=True)


@pytest.mark.proves("files.purposes")
@pytest.mark.parametrize("purpose", ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"])
def test_a_file_has_its_purpose_and_is_listed_by_it(server, client, purpose):
    made = upload(server, purpose=purpose, filename="a.jsonl")
    assert made["purpose"] == purpose
    assert client.files.list(purpose=purpose, limit=1).data[0].id == made["id"]
    assert {one.purpose for one in client.files.list(purpose=purpose)} == {purpose}


@pytest.mark.proves("files.unknown_purpose")
@pytest.mark.parametrize("purpose", ["world_domination", "", "assistants_output"])
def test_an_unknown_purpose_is_refused(server, purpose):
    reply = send(server, "/v1/files", field("purpose", purpose), file_part(b"x"))
    assert_error(reply, 400, f"'{purpose}' is not one of {KNOWN} - 'purpose'", "purpose", detail=True)


@pytest.mark.parametrize(
    ("parts", "message", "param", "code"),
    [
        ([file_part(b"x")], "Missing required parameter: 'purpose'.", "purpose", "missing_required_parameter"),
        ([field("purpose", "batch")], "Missing required parameter: 'file'.", "file", "missing_required_parameter"),
        ([field("zzz", "1")], re.compile("Missing required parameter: 'file'."), "file", "missing_required_parameter"),
        (
            [field("purpose", "batch"), file_part(b"x"), field("zzz", "1")],
            "Unknown parameter: 'zzz'.",
            "zzz",
            "unknown_parameter",
        ),
        (
            [field("purpose", "batch"), file_part(b"x"), field("expires_after[anchor]", "created_at")],
            "Missing required parameter: 'expires_after.seconds'.",
            "expires_after.seconds",
            "missing_required_parameter",
        ),
        (
            [
                field("purpose", "batch"),
                file_part(b"x"),
                field("expires_after[anchor]", "created_at"),
                field("expires_after[seconds]", "3599"),
            ],
            re.compile("Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, .*"),
            "expires_after.seconds",
            "integer_below_min_value",
        ),
        (
            [field("purpose", "batch"), file_part(b"x"), field("expires_after", '{"anchor":"x","seconds":3600}')],
            "Invalid value: 'x'. Supported values are: 'created_at'.",
            "expires_after.anchor",
            "invalid_value",
        ),
        (
            [field("purpose", "batch"), file_part(b"{}", "lines.json")],
            "Invalid file format for Batch API. Must be .jsonl",
            "file",
            "invalid_file_format",
        ),
        (
            [field("purpose", "batch"), file_part(b"x"), file_part(b"y")],
            re.compile("Duplicate parameter: 'file'.*"),
            "file",
            "duplicate_parameter",
        ),
    ],
)
def test_a_form_that_is_not_right_is_refused(server, parts, message, param, code):
    assert_error(send(server, "/v1/files", *parts), 400, message, param, code)


def test_a_json_body_is_refused_as_an_upload(server):
    reply = server.ask("POST", "/v1/files", {"purpose": "batch"})
    assert_error(
        reply, 415, re.compile("Unsupported content type: 'application/json'.*"), None, "unsupported_content_type"
    )


@pytest.mark.proves("files.names")
@pytest.mark.parametrize(
    "name", ["你好.txt", "naïve résumé.pdf", "🚀.json", "a b (1).csv", 'quo"te.md', "percent%20.txt"]
)
def test_a_file_name_in_any_alphabet_is_preserved(client, name):
    made = client.files.create(file=(name, b"x"), purpose="assistants")
    assert made.filename == name
    assert client.files.retrieve(made.id).filename == name
    assert client.files.content(made.id).response.headers["content-disposition"].startswith("attachment; filename*=UTF")


@pytest.mark.proves("files.nameless")
def test_a_file_without_a_name_is_named_after_its_content_type(server):
    reply = send(server, "/v1/files", field("purpose", "batch"), file_part(b"a,b", None, content_type="text/csv"))
    assert reply.json["filename"] == "text/csv"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\Windows\\passwd", "a/b/../passwd"])
def test_a_path_is_removed_from_a_file_name(server, name):
    assert upload(server, filename=name)["filename"] == "passwd"


def test_an_empty_file_is_a_file(client):
    made = client.files.create(file=("empty.txt", b""), purpose="assistants")
    assert made.bytes == 0
    reply = client.files.content(made.id)
    assert (reply.read(), reply.response.headers["content-length"]) == (b"", "0")


@pytest.mark.proves("files.lists")
def test_files_are_paged_in_either_order(client):
    made = [client.files.create(file=(f"{n}.txt", b"x"), purpose="evals").id for n in range(5)]
    newest = list(client.files.list(purpose="evals", limit=2))
    assert [one.id for one in newest][:5] == made[::-1]
    page = client.files.list(purpose="evals", order="asc", after=made[1], limit=2)
    assert ([one.id for one in page.data], page.has_more) == (made[2:4], True)
    assert list(client.files.list(purpose="nothing")) == []


@pytest.mark.parametrize("limit", [0, 10_001])
def test_a_page_has_ten_thousand_files_at_most(server, limit):
    reply = server.ask("GET", f"/v1/files?limit={limit}")
    side = "above maximum value. Expected a value <= 10000" if limit else "below minimum value. Expected a value >= 1"
    code = "integer_above_max_value" if limit else "integer_below_min_value"
    assert_error(reply, 400, f"Invalid 'limit': integer {side}, but got {limit} instead.", "limit", code)
    assert server.ask("GET", "/v1/files?limit=10000").status == 200


@pytest.mark.proves("files.ranges")
@pytest.mark.parametrize(
    ("asked", "status", "body", "span"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("Bytes = 1-1", 206, b"1", "bytes 1-1/10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("pages=1-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
    ],
)
def test_a_range_of_a_file_is_returned(server, asked, status, body, span):
    made = upload(server, b"0123456789")
    reply = server.ask("GET", f"/v1/files/{made['id']}/content", headers={"Range": asked})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (status, body, span)
    assert reply.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_range_outside_of_the_file_is_refused(server, asked):
    made = upload(server, b"0123456789")
    reply = server.ask("GET", f"/v1/files/{made['id']}/content", headers={"Range": asked})
    assert_error(reply, 416, f"The range '{asked}' is outside of the file, which has 10 bytes.")
    assert reply.headers["content-range"] == "bytes */10"


def test_a_range_of_another_state_is_the_whole_file(server):
    made = upload(server, b"0123456789")
    path = f"/v1/files/{made['id']}/content"
    tag = server.ask("HEAD", path).headers["etag"]
    for given, status in ((tag, 206), ('"other"', 200)):
        assert server.ask("GET", path, headers={"Range": "bytes=1-2", "If-Range": given}).status == status


def test_head_of_a_content_returns_its_size_and_octet_stream(server):
    made = upload(server, b'{"a":1}', filename="a.json")
    reply = server.ask("HEAD", f"/v1/files/{made['id']}/content")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "7")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("base", ["/openai", "/openai/v1", "/api/projects/main", ""])
def test_every_dialect_has_files(server, base):
    reply = send(
        server, f"{base}/files?api-version=2024-05-01-preview", field("purpose", "assistants"), file_part(b"x")
    )
    assert reply.status == 200
    assert server.ask("GET", f"{base}/files/{reply.json['id']}/content").body == b"x"


def test_a_filename_field_overrides_the_name_as_in_azure(server):
    parts = field("purpose", "assistants"), file_part(b"x", "sent"), field("filename", "said.txt")
    assert send(server, "/v1/files", *parts).json["filename"] == "said.txt"


@each_database
@pytest.mark.proves("files.expiry")
def test_an_expiry_is_stored_and_batch_files_have_a_default(new_server, database):
    server = new_server(**database).start()
    until = {"anchor": "created_at", "seconds": 3600}
    made = server.client.files.create(file=b"x", purpose="assistants", expires_after=until)
    assert made.expires_at == made.created_at + 3600
    batch = upload(server, purpose="batch", filename="a.jsonl")
    assert batch["expires_at"] == batch["created_at"] + 30 * 24 * 3600
    as_json = upload(server, expires_after='{"anchor":"created_at","seconds":7200}')
    assert as_json["expires_at"] == as_json["created_at"] + 7200


# -- bytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("files.erased")
def test_equal_content_is_stored_once_until_the_last_file_is_deleted(new_server):
    server = new_server().start()
    first, second = upload(server, b"same" * 1000), upload(server, b"same" * 1000, filename="b.txt")
    (blob,) = eventually(lambda: one if len(one := stored(server)) == 1 else None)
    assert blob.parent.name + blob.name.partition("-")[0] == hashlib.sha256(b"same" * 1000).hexdigest()
    server.client.files.delete(first["id"])
    assert server.client.files.content(second["id"]).read() == b"same" * 1000
    server.client.files.delete(second["id"])
    eventually(lambda: stored(server) == [])


@pytest.mark.proves("files.limits")
def test_a_file_over_the_limit_is_refused_and_leaves_nothing(new_server):
    server = new_server(limits__file_bytes=MB).start()
    upload(server, b"x" * MB)
    reply = send(server, "/v1/files", field("purpose", "assistants"), file_part(b"x" * (MB + 1)))
    assert_error(reply, 413, f"The file is too large. The limit is {MB} bytes.")
    with open_request(server, "/v1/files", 100 * MB) as connection:
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")
    assert len(stored(server)) == 1


@pytest.mark.proves("files.streamed")
def test_a_large_file_is_never_in_memory(new_server):
    server = new_server().start()
    process = psutil.Process(server.process.pid)
    upload(server, b"warm")
    before = process.memory_info().rss
    size, chunk, hashed = 200 * MB, bytes(range(256)) * 4096, hashlib.sha256()
    head = field("purpose", "user_data") + file_part(b"", "big.bin")[:-2]
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    peak = before
    with open_request(server, "/v1/files", len(head) + size + len(tail)) as connection:
        connection.sendall(head)
        for _ in range(size // MB):
            connection.sendall(chunk)
            hashed.update(chunk)
            peak = max(peak, process.memory_info().rss)
        connection.sendall(tail)
        assert connection.recv(64).startswith(b"HTTP/1.1 200 ")
    made = server.client.files.list(purpose="user_data").data[0]
    assert made.bytes == size
    with server.opened("GET", f"/v1/files/{made.id}/content") as response:
        read = hashlib.sha256()
        while piece := response.read(MB):
            read.update(piece)
            peak = max(peak, process.memory_info().rss)
    assert read.digest() == hashed.digest()
    assert peak - before < 32 * MB


@pytest.mark.proves("files.aborted")
def test_a_client_that_disconnects_leaves_no_file(new_server):
    server = new_server().start()
    for sent in (0, 50, 3 * MB):
        body = form(field("purpose", "assistants"), file_part(b"x" * 10 * MB))
        with open_request(server, "/v1/files", len(body)) as connection:
            connection.sendall(body[:sent])
            if sent > MB:
                eventually(lambda: sum(path.stat().st_size for path in stored(server)) >= MB)
        eventually(lambda: stored(server) == [])
    assert server.client.files.list().data == []


def test_a_client_that_falls_silent_is_not_waited_for(new_server):
    server = new_server(limits__upload_silence=0.2).start()
    body = form(field("purpose", "assistants"), file_part(b"x" * MB))
    with open_request(server, "/v1/files", len(body)) as connection:
        connection.sendall(body[:-10])
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    eventually(lambda: stored(server) == [])


def test_a_slow_client_is_waited_for(server):
    body = form(field("purpose", "assistants"), file_part(b"slowly", "slow.txt"))
    with open_request(server, "/v1/files", len(body)) as connection:
        for byte in body:
            connection.sendall(bytes([byte]))
        with connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"


def test_a_chunked_form_is_accepted(server):
    body = form(field("purpose", "assistants"), file_part(b"chunked"))
    pieces = (body[start : start + 7] for start in range(0, len(body), 7))
    reply = server.ask("POST", "/v1/files", pieces, {"Content-Type": HEAD})
    assert (reply.status, reply.json["bytes"]) == (200, 7)


def test_many_files_at_once(server, client):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: upload(server, b"%d" % n * 100_000), range(32)))
    for number, one in enumerate(made):
        assert client.files.content(one["id"]).read() == b"%d" % number * 100_000


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
@pytest.mark.parametrize("extra", [[], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"]])
def test_curl_uploads(server, tmp_path, extra):
    path = tmp_path / "from curl.txt"
    path.write_bytes(b"curled" * 50_000)
    command = ["curl", "-sS", f"{server.url}/files", "-H", f"Authorization: Bearer {KEY}", *extra]
    command += ["-F", "purpose=assistants", "-F", f"file=@{path};type=text/x-special"]
    command += ["-F", "expires_after[anchor]=created_at", "-F", "expires_after[seconds]=2592000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=True)
    assert '"filename":"from curl.txt","bytes":300000' in done.stdout


@each_database
@pytest.mark.proves("files.crash")
def test_acknowledged_uploads_survive_a_kill_and_partial_ones_are_erased(new_server, database):
    server = new_server(**database).start()
    half = form(field("purpose", "assistants"), file_part(b"y" * 10 * MB))[: 5 * MB]
    made = []
    with contextlib.ExitStack() as connections:
        connection = connections.enter_context(open_request(server, "/v1/files", 10 * MB + 500))
        connection.sendall(half)
        with ThreadPoolExecutor(4) as pool:
            uploads = [pool.submit(upload, server, b"%d" % n * 400_000) for n in range(40)]
            eventually(lambda: sum(one.done() for one in uploads) > 10)
            server.kill()
            for number, one in enumerate(uploads):
                with contextlib.suppress(Exception):
                    made.append((one.result(), number))
    assert made
    server.start()
    for one, number in made:
        assert server.client.files.content(one["id"]).read() == b"%d" % number * 400_000
    alive = len(list(server.client.files.list()))
    # On SQLite a start ends what writers held; on PostgreSQL others may share the database, and a hold has its time.
    if not database:
        eventually(lambda: len(stored(server)) == alive)
    assert [path for path in stored(server) if path.parent.name == "unfinished"] == []


def test_a_full_disk_refuses_a_file_and_nothing_of_it_stays(new_server):
    server = new_server()
    server.prefix = limit_files(4096)
    server.start()
    made = upload(server, b"fits" * 1000)
    reply = send(server, "/v1/files", field("purpose", "assistants"), file_part(b"x" * 8 * MB))
    assert_error(reply, 503, re.compile("The server's storage does not work.*"), type="server_error")
    assert server.client.files.content(made["id"]).read() == b"fits" * 1000
    assert len(stored(server)) == 1
    eventually(lambda: "The disk for files is full." in server.log.read_text())
    logged = server.log.read_text()
    assert "Traceback" not in logged
    server.log.write_text("")


def test_bytes_that_were_lost_are_a_failure_and_no_unknown_file(new_server):
    server = new_server().start()
    made = upload(server)
    (blob,) = stored(server)
    blob.unlink()
    reply = server.ask("GET", f"/v1/files/{made['id']}/content")
    assert_error(reply, 503, re.compile("The server's storage does not work.*"), type="server_error")
    eventually(lambda: "Blob not found" in server.log.read_text())
    server.log.write_text("")


def test_a_stream_can_be_uploaded(client):
    made = client.files.create(file=("stream.bin", io.BytesIO(b"z" * 3_000_000)), purpose="user_data")
    assert made.bytes == 3_000_000
