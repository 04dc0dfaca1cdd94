"""The edge of the server: heads that could be read in two ways are refused, and pages and bytes come with safe headers."""

import base64
import json
import re
import socket

import pytest

from e2e.uploads import field, file_part, send
from envelope import assert_error
from serving import KEY, WAIT, Server, serve
from upstream import text

BEARER = f"Authorization: Bearer {KEY}"


def exchange(server, head, body=b""):
    """The status and the whole answer to a request that is sent byte by byte as it stands."""
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n" + body)
        answer = connection.makefile("rb")
        status = int(answer.readline().split()[1])
        headers = {}
        while line := answer.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        length = 0 if head.startswith("HEAD") else int(headers.get("content-length", 0))
        return status, headers, answer.read(length).decode()


def get(path="/v1/models", *headers, host="Host: x\n", version="1.1", method="GET"):
    return f"{method} {path} HTTP/{version}\n{host}" + "".join(
        f"{header}\n" for header in (*headers, "Connection: close")
    )


@pytest.mark.parametrize(
    ("head", "status", "said"),
    [
        (get("/v1/models", BEARER), 200, '"object":"list"'),
        (get("/v1/models", BEARER, f"api-key: {KEY}", f"x-api-key: {KEY}"), 200, '"object":"list"'),
        (get("/v1/models", BEARER, host="", version="1.0"), 200, '"object":"list"'),
        (get("/v1/models", BEARER, BEARER), 400, "The header 'authorization' was sent more than once."),
        (get("/v1/models", BEARER, "Authorization: Bearer other"), 400, "The header 'authorization' was sent more"),
        (get("/v1/models", BEARER, "api-key: other"), 401, "have different keys. Send one key."),
        (get("/v1/models", "x-api-key: other", BEARER), 401, "have different keys. Send one key."),
        (get("/v1/models", f"api-key: {KEY}", "x-api-key: other"), 401, "have different keys. Send one key."),
        (get("/v1/models", BEARER, host=""), 400, "The header 'host' is missing."),
        (get("/v1/models", BEARER, host="Host: a\nHost: b\n"), 400, "The header 'host' was sent more than once."),
        (get("/v1/models", BEARER, host="Host: a b/c\n"), 400, "The header 'host' is malformed."),
        (get("/health/live", host="Host: a\nHost: b\n"), 400, "The header 'host' was sent more than once."),
        (get("/v1/models/%zz", BEARER), 400, "a '%' must be followed by two hexadecimal digits"),
        (get("/v1/assistants?after=%2", BEARER), 400, "a '%' must be followed by two hexadecimal digits"),
        (get("/v1/files/file-%00", BEARER), 400, "The URL is malformed: it has a control character."),
        (get("/v1/files/file-%0a", BEARER), 400, "The URL is malformed: it has a control character."),
        (get("/v1/files?after=%00", BEARER), 400, "The URL is malformed: it has a control character."),
        (get("/v1/files?limit=1&limit=2", BEARER), 400, "Duplicate parameter: 'limit'"),
        (get("/v1/files/%ff", BEARER), 404, ""),
        (get("/v1/models", BEARER, "X-Long: " + "x" * 70_000), 431, "The limit is 65536 bytes."),
        (get("/v1/models", method="OPTIONS"), 401, "You didn't provide an API key."),
        (get("/v1/models", BEARER, method="OPTIONS"), 405, "Not allowed to OPTIONS"),
        (get("/v1/models", BEARER, method="HEAD"), 200, ""),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(server, head, status, said):
    got, headers, body = exchange(server, head)
    assert got == status, body
    assert said in body
    if status >= 400:
        assert headers["content-type"] == "application/json"


def post(*headers, path="/v1/threads"):
    return get(path, BEARER, "Content-Type: application/json", *headers, method="POST")


@pytest.mark.parametrize(
    ("head", "body", "status", "said"),
    [
        (post("Content-Length: 2"), b"{}", 200, "thread_"),
        (post("Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", 200, "thread_"),
        (post("Content-Length: 2", "Expect: 100-continue"), b"{}", 100, ""),
        (post("Content-Length: 2", "Content-Length: 2"), b"{}", 400, ""),
        (post("Content-Length: 2", "Content-Length: 3"), b"{}", 400, ""),
        (post("Content-Length: 2", "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", 400, ""),
        (post("Transfer-Encoding: gzip, chunked"), b"2\r\n{}\r\n0\r\n\r\n", 400, ""),
        (post("Content-Length: -1"), b"", 400, ""),
        (post("Transfer-Encoding: chunked"), b"zz\r\n{}\r\n0\r\n\r\n", 400, "Invalid HTTP request received."),
        (post("Content-Length: 2", "Upgrade: websocket"), b"{}", 200, "thread_"),
        (post("Content-Length: 2", "Content-Encoding: gzip"), b"{}", 415, "Unsupported content encoding: 'gzip'."),
        (post("Content-Length: 2", "Content-Encoding: zstd"), b"{}", 415, "Send the body uncompressed."),
        (post("Content-Length: 2", "Content-Encoding: identity"), b"{}", 200, "thread_"),
        (
            get("/v1/threads", BEARER, "Content-Type: text/xml", "Content-Length: 2", method="POST"),
            b"{}",
            415,
            "text/xml",
        ),
        (
            get("/v1/threads", BEARER, *["Content-Type: application/json"] * 2, "Content-Length: 2", method="POST"),
            b"{}",
            400,
            "The header 'content-type' was sent more than once.",
        ),
    ],
)
def test_a_body_of_ambiguous_length_or_encoding_is_refused(server, head, body, status, said):
    got, _, answer = exchange(server, head, body)
    assert got == status, answer
    assert said in answer


def test_requests_that_are_sent_without_waiting_are_answered_in_order(server):
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    one = f"GET /v1/models/gpt-4o HTTP/1.1\r\nHost: x\r\n{BEARER}\r\n\r\n"
    last = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall((one * 3 + last).encode())
        answered = connection.makefile("rb").read().decode()
    assert answered.count('"id":"gpt-4o"') == 3
    assert answered.endswith('{"status":"ok"}')


def test_basic_auth_and_a_key_header_with_the_same_key_agree(server):
    basic = base64.b64encode(f"user:{KEY}".encode()).decode()
    assert (
        server.ask("GET", "/v1/models", headers={"Authorization": f"Basic {basic}", "api-key": KEY}, key=None).status
        == 200
    )


@pytest.mark.parametrize("filename", ["page.html", "picture.svg", "data.json", "a.txt"])
def test_uploaded_content_is_returned_as_octet_stream_and_never_as_html(server, filename):
    made = send(
        server, "/v1/files", field("purpose", "user_data"), file_part(b"<script>", filename, content_type="text/html")
    )
    reply = server.ask("GET", f"/v1/files/{made.json['id']}/content")
    assert reply.body == b"<script>"
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{filename}"
    assert reply.headers.get_all("x-content-type-options") == ["nosniff"]


def test_a_file_with_an_empty_name_gets_a_name_from_its_media_type(server):
    made = send(server, "/v1/files", field("purpose", "user_data"), file_part(b"x", "", content_type="text/plain"))
    assert made.json["filename"] == "file.txt"
    upload = {"filename": "../", "purpose": "user_data", "bytes": 1, "mime_type": "text/csv"}
    assert server.ask("POST", "/v1/uploads", upload).json["filename"] == "file.csv"
    upload["filename"] = "n" * 5000
    assert_error(
        server.ask("POST", "/v1/uploads", upload),
        400,
        "Invalid 'filename': string too long. Expected a string with maximum length 4096, but got a string with length"
        " 5000 instead.",
        "filename",
        "string_above_max_length",
    )


@pytest.mark.parametrize("path", ["/v1/models/none", "/v1/assistants", "/health", "/v1/files?limit=1"])
def test_replies_forbid_caches_to_share_them_between_keys(server, path):
    for key in (KEY, "sk-wrong-0123456789"):
        assert server.ask("GET", path, key=key).headers.get_all("cache-control") == ["no-store"]
    assert "Authorization" in server.ask("GET", "/v1/models").headers["vary"]


def test_health_answers_like_readiness(server):
    assert server.ask("GET", "/health", key=None).json == server.ask("GET", "/health/ready", key=None).json


# -- HTTP/1.0 ----------------------------------------------------------------------------------------------------


def read_to_end(server, *requests):
    """What the server sends to these requests on one connection, until it closes it."""
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        for request in requests:
            connection.sendall(request)
        return connection.makefile("rb").read()


def old_request(method, path, body=b"", *headers):
    lines = (f"{method} {path} HTTP/1.0", BEARER, f"Content-Length: {len(body)}", *headers)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


@pytest.mark.parametrize("headers", [(), ("Connection: keep-alive",)])
def test_a_stream_to_a_client_of_http_1_0_ends_with_the_connection(server, upstream, headers):
    upstream.answer(text("Hi ", "there"))
    body = b'{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    answer = read_to_end(server, old_request("POST", "/v1/chat/completions", body, *headers))
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert content.endswith(b"data: [DONE]\n\n")
    chunks = [json.loads(block.removeprefix(b"data: ")) for block in content.split(b"\n\n")[:-2]]
    texts = [one["choices"][0]["delta"].get("content") or "" for one in chunks if one["choices"]]
    assert "".join(texts) == "Hi there"


def test_a_connection_of_http_1_0_stays_open_if_the_client_wants_that(server):
    first = old_request("GET", "/v1/models", b"", "Connection: keep-alive")
    answer = read_to_end(server, first, first, old_request("GET", "/v1/models"))
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert (answer.count(b"connection: keep-alive"), answer.count(b"connection: close")) == (2, 1)
    assert b"transfer-encoding" not in answer
    assert read_to_end(server, old_request("GET", "/v1/models")).count(b"HTTP/1.1 200 OK") == 1


# -- rejected keys -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded_server(session_upstream, tmp_path_factory):
    settings = {"trusted_proxies": "127.0.0.0/8", "limits__rejected_keys_per_minute": 3}
    yield from serve(Server(tmp_path_factory.mktemp("guarded"), session_upstream.url, **settings))


def test_rejected_keys_of_an_address_are_limited_and_valid_keys_are_not(guarded_server):
    def ask(key, address):
        return guarded_server.ask("GET", "/v1/models", headers={"x-forwarded-for": address}, key=key)

    assert [ask(f"sk-wrong-{number}", "192.0.2.1").status for number in range(5)] == [401, 401, 401, 429, 429]
    refused = ask("sk-other", "192.0.2.1")
    said = re.compile("Too many rejected API keys or failed sign-ins from your address: at most 3 a minute.*")
    assert_error(refused, 429, said, None, "too_many_attempts", "requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert ask(KEY, "192.0.2.1").status == 200
    assert ask("sk-wrong", "192.0.2.2").status == 401
    # Without a key nothing is tried.
    assert guarded_server.ask("GET", "/v1/models", headers={"x-forwarded-for": "192.0.2.1"}, key=None).status == 401
