"""Servers whose files are in an S3 bucket: the same API, and nodes that share it."""

from collections import Counter

import msgspec
import pytest

from e2e.batching import chat_line, create_batch, results_of, wait_for_batch
from e2e.uploads import stored, upload
from serving import WAIT
from upstream import Gate, stalled, text
from waiting import eventually

MB = 1024 * 1024


@pytest.fixture
def bucket_settings(buckets, request):
    name = "e2e-" + "".join(letter for letter in request.node.name.lower() if letter.isalnum())[-40:]
    given = msgspec.structs.asdict(buckets.settings(name))
    return {f"blobs__{key}": value for key, value in given.items() if value is not None}


def keys(buckets, settings):
    return [key for key in buckets.keys(settings["blobs__bucket"]) if key != "store-id"]


def test_files_and_uploads_live_in_a_bucket(new_server, buckets, bucket_settings):
    server = new_server(**bucket_settings).start()
    made = upload(server, b"x" * 20 * MB)
    same = upload(server, b"x" * 20 * MB)
    assert server.client.files.content(made["id"]).read() == b"x" * 20 * MB
    assert server.ask("GET", f"/v1/files/{made['id']}/content", headers={"Range": "bytes=5-7"}).body == b"xxx"
    empty = upload(server, b"")
    assert server.client.files.content(empty["id"]).read() == b""
    create_batch = server.client.uploads.create(bytes=4, filename="a", purpose="assistants", mime_type="text/plain")
    parts = [server.client.uploads.parts.create(create_batch.id, data=piece).id for piece in (b"ab", b"cd")]
    done = server.client.uploads.complete(create_batch.id, part_ids=parts)
    assert server.client.files.content(done.file.id).read() == b"abcd"
    eventually(lambda: len(keys(buckets, bucket_settings)) == 3)
    for one in (made["id"], same["id"], empty["id"], done.file.id):
        server.client.files.delete(one)
    eventually(lambda: keys(buckets, bucket_settings) == [])
    assert stored(server) == []


def test_a_file_uploaded_at_one_node_is_downloaded_from_another(new_node, buckets, bucket_settings):
    first, second = (new_node(**bucket_settings).start() for _ in range(2))
    made = upload(first, b"shared")
    assert second.client.files.content(made["id"]).read() == b"shared"
    second.client.files.delete(made["id"])
    eventually(lambda: keys(buckets, bucket_settings) == [])


@pytest.mark.proves("batches.nodes")
@pytest.mark.slow
def test_a_batch_of_a_killed_node_resumes_at_another(new_node, upstream, bucket_settings):
    first, second = (new_node(**bucket_settings, limits__concurrent_batch_lines=2).start() for _ in range(2))
    gate = Gate()
    upstream.always(lambda request: stalled(gate) if request.said == "held" else text("Done"))
    lines = [*(chat_line(f"quick {number}", f"quick {number}") for number in range(8)), chat_line("held", "held")]
    batch = create_batch(first, lines)
    upstream.wait_for(9)
    eventually(lambda: first.client.batches.retrieve(batch.id).request_counts.completed == 8)
    upstream.always(text("Done"))
    first.kill()
    gate.open()
    ended = wait_for_batch(second, batch)
    assert ended.request_counts.completed == 9
    assert len(results_of(second, ended.output_file_id)) == 9
    said = Counter(request.said for request in upstream.requests)
    assert all(said[f"quick {number}"] == 1 for number in range(8))


def test_the_secret_is_in_no_log(new_server, bucket_settings):
    settings = bucket_settings | {"blobs__secret_key": "very-secret-0123456789", "log_level": "debug"}
    server = new_server(**settings).start()
    upload(server, b"x")
    server.stop(WAIT)
    assert "very-secret" not in server.log.read_text()
