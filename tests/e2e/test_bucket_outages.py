"""A bucket that is slow, gone, or replies with errors: a clear error in bounded time, and then everything works."""

import time
from urllib.parse import urlsplit

import msgspec
import pytest

from e2e.uploads import field, file_part, send, upload
from links import Link
from serving import Server, serve
from waiting import eventually

ERROR = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
UNAVAILABLE = b"HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(ERROR), ERROR)
pytestmark = pytest.mark.slow

FAULTS = {"gone": Link.refuse, "errors": lambda link: link.reply(UNAVAILABLE)}
MAX_CONNECTIONS = 30
CONTENT = b"Zebras live in Africa. " * 100


@pytest.fixture(scope="module")
def module_link(buckets):
    parts = urlsplit(buckets.url)
    with Link.to_port(parts.hostname, parts.port) as link:
        yield link


@pytest.fixture
def link(module_link):
    yield module_link
    module_link.relay()


@pytest.fixture(scope="module")
def bucket_server(session_upstream, tmp_path_factory, buckets, module_link):
    settings = msgspec.structs.asdict(buckets.settings("outages", endpoint=f"http://127.0.0.1:{module_link.port}"))
    options = {f"blobs__{key}": value for key, value in settings.items() if value is not None}
    yield from serve(Server(tmp_path_factory.mktemp("bucket"), session_upstream.url, **options))


def assert_unavailable(reply):
    assert reply.status == 503, reply.body
    assert int(reply.headers["retry-after"]) > 0
    assert reply.json["error"]["message"] == "The server's storage does not work at the moment. Please try again later."


def send_file(server):
    return send(server, "/v1/files", field("purpose", "assistants"), file_part(CONTENT))


def assert_logged(server):
    eventually(lambda: "The blob store failed: " in server.log.read_text())
    logged = server.log.read_text()
    # aiohttp leaves the error of a task behind when a connection closes before it has sent its request.
    assert "src/understudy/" not in logged
    server.log.write_text("")


@pytest.mark.parametrize("fault", FAULTS)
def test_files_fail_with_503_and_recover_from_a_bucket_that_fails(bucket_server, link, fault):
    client = bucket_server.client
    before = upload(bucket_server, CONTENT)
    store = client.vector_stores.create()
    FAULTS[fault](link)
    connections = link.connections
    assert_unavailable(bucket_server.ask("GET", f"/v1/files/{before['id']}/content"))
    assert_unavailable(send_file(bucket_server))
    assert link.connections - connections <= MAX_CONNECTIONS
    client.vector_stores.files.create(store.id, file_id=before["id"])
    assert bucket_server.ask("POST", "/v1/threads", {}).status == 200
    link.relay()
    assert client.files.content(before["id"]).read() == CONTENT
    assert send_file(bucket_server).status == 200
    eventually(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == 1, within=30)
    assert client.vector_stores.search(store.id, query="zebras").data
    assert_logged(bucket_server)


def test_a_bucket_that_is_silent_delays_no_request_for_more_than_half_a_minute(bucket_server, link):
    before = upload(bucket_server, CONTENT)
    link.silence()
    started = time.monotonic()
    assert bucket_server.ask("POST", "/v1/threads", {}).status == 200
    assert_unavailable(bucket_server.ask("GET", f"/v1/files/{before['id']}/content"))
    assert time.monotonic() - started < 30
    link.relay()
    assert bucket_server.client.files.content(before["id"]).read() == CONTENT
    assert_logged(bucket_server)
