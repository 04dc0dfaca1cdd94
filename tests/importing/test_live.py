"""Fetching from a scripted server with what strange endpoints do; tests/e2e/test_import_command.py has real ones."""

import inspect
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from tests.importing.conftest import ids, message, problems, thread

from understudy.importing.live import FetchReport, fetch_objects, read_thread_ids
from understudy.importing.live_client import FetchError

SECRET = "sk-very-secret-key"
RUN = {"id": "run_1", "object": "thread.run", "created_at": 1001, "thread_id": "thread_1", "status": "completed"}
STEP = {
    "id": "step_1",
    "object": "thread.run.step",
    "created_at": 1002,
    "step_details": {"image": {"file_id": "file-3"}},
}
FILE = {"id": "file-1", "object": "file", "bytes": 5, "filename": "a.txt", "created_at": 1, "purpose": "assistants"}
STORE = {"id": "vs_1", "object": "vector_store", "created_at": 1}
ASSISTANT = {"id": "asst_1", "object": "assistant", "created_at": 1, "model": "m"} | {
    "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}, "code_interpreter": {"file_ids": ["file-2"]}}
}
Reply = Callable[[web.Request], Any]


class Endpoint:
    """A server of the API with the objects above; `faults` replaces replies: `{"/threads/thread_1": [reply, reply]}`."""

    def __init__(self) -> None:
        self.faults: dict[str, list[Reply]] = {}
        self.pages: dict[str, list[dict[str, Any]]] = {
            "/assistants": [ASSISTANT],
            "/threads/thread_1/messages": [message(number) for number in range(250)],
            "/threads/thread_1/runs": [RUN],
            "/threads/thread_1/runs/run_1/steps": [STEP],
            "/files": [FILE],
            "/vector_stores/vs_1/files": [{"id": "file-4", "object": "vector_store.file"}],
        }
        self.objects: dict[str, Any] = {
            "/threads/thread_1": thread(1),
            "/vector_stores/vs_1": STORE,
            **{f"/files/file-{number}": FILE | {"id": f"file-{number}"} for number in (2, 3, 4)},
        }
        self.contents = {f"/files/file-{number}/content": b"hello" for number in (1, 2, 4)}
        self.requests: Counter[str] = Counter()
        self.queries: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.prefix = "/v1"
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(self.prefix)
        self.requests[path] += 1
        self.queries.append(dict(request.query))
        self.headers.append(dict(request.headers))
        if not request.path.startswith(self.prefix + "/"):
            return web.Response(status=404, text="<html>Not here</html>", content_type="text/html")
        if replies := self.faults.get(path):
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            if reply is not None:
                response = reply(request)
                return await response if inspect.isawaitable(response) else response
        if path in self.contents:
            return web.Response(body=self.contents[path])
        if path in self.objects:
            return web.json_response(self.objects[path])
        if path in self.pages:
            return web.json_response(self.page(request, self.pages[path]))
        return web.json_response({"error": {"message": f"No {path} for {SECRET}"}}, status=404)

    def page(self, request: web.Request, data: list[dict[str, Any]]) -> dict[str, Any]:
        names = [one["id"] for one in data]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        limit = int(request.query.get("limit", 20))
        found = data[start : start + limit]
        return {"object": "list", "data": found, "has_more": start + limit < len(data), "last_id": found[-1]["id"]}


@pytest.fixture
async def endpoint():
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield endpoint
    await runner.cleanup()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def fetch(endpoint, tmp_path, waits):
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run(thread_ids=("thread_1",), url: str | None = None, **options: Any) -> FetchReport:
        return await fetch_objects(url or endpoint.url, SECRET, thread_ids, tmp_path / "into", sleep=sleep, **options)

    return run


def fault(status: int, body: Any = "", **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    return lambda _: web.Response(status=status, text=text, headers=names)


def drop(request: web.Request) -> web.StreamResponse:
    request.transport.close()
    return web.Response()


async def test_everything_is_fetched_and_can_be_imported(endpoint, fetch, read, tmp_path):
    seen = []

    report = await fetch(progress=lambda found: seen.append(found.threads))

    counts = (report.threads_total, report.threads, report.assistants, report.messages, report.runs, report.steps)
    assert counts == (1, 1, 1, 250, 1, 1)
    assert (report.vector_stores, report.files, report.file_bytes) == (1, 4, 15)
    assert seen[-1] == 1
    spool = read(tmp_path / "into")
    assert {kind: len(names) for kind, names in ids(spool).items()} == {
        "assistant": 1, "file": 4, "vector_store": 1, "vector_store_file": 1, "thread": 1, "message": 250, "run": 1, "step": 1,
    }  # fmt: skip
    assert [one.body for one in spool.read("message")] == endpoint.pages["/threads/thread_1/messages"]
    assert next(spool.read("step")).body == STEP | {"run_id": "run_1", "thread_id": "thread_1"}
    with spool.open_content("file-2") as content:
        assert content.read() == b"hello"
    assert spool.open_content("file-3") is None
    [problem] = report.problems
    assert problem.place == "file-3"
    assert "HTTP 404, No /files/file-3/content for ***." in problem.reason
    assert {request["Authorization"] for request in endpoint.headers} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("prefix", ["", "/v1", "/api/v1", "/openai"])
async def test_the_rest_of_a_base_url_is_found(endpoint, fetch, prefix):
    endpoint.prefix = prefix

    assert (await fetch()).messages == 250


async def test_a_version_is_sent_with_each_request(endpoint, fetch):
    await fetch(api_version="v1")

    assert {query["api-version"] for query in endpoint.queries} == {"v1"}


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([fault(429, Retry_After="7"), None], [7.0]),
        ([fault(429, Retry_After="100000"), None], [300.0]),
        ([fault(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), fault(503, Retry_After="x"), None], [0.0, ...]),
        ([fault(500), fault(502), fault(529), None], [..., ..., ...]),
    ],
)
async def test_passing_faults_are_retried(endpoint, fetch, waits, replies, expected):
    endpoint.faults["/threads/thread_1"] = [*replies, None]

    report = await fetch()

    assert report.messages == 250
    assert len(waits) == len(expected)
    assert all(wanted in {..., found} and found <= 300 for wanted, found in zip(expected, waits, strict=True))


@pytest.mark.parametrize("path", ["/threads/thread_1", "/threads/thread_1/messages"])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (fault(404, {"error": {"message": f"No thread for {SECRET}"}}), "HTTP 404, No thread for ***."),
        (fault(403, "<html>no</html>"), "HTTP 403, <html>no</html>."),
        (fault(500, {"error": "broken"}), "failed 8 times: HTTP 500, broken."),
        (fault(200, "not json"), "returned no JSON"),
        (fault(200, "[1]"), "returned no object"),
    ],
)
async def test_a_thread_that_cannot_be_read_is_reported_and_the_others_are_fetched(
    endpoint, fetch, read, path, reply, reason, tmp_path
):
    endpoint.faults[path] = [reply]
    endpoint.objects["/threads/thread_2"] = thread(2)
    endpoint.pages["/threads/thread_2/messages"] = [message(1, thread_id="thread_2")]

    report = await fetch(["thread_1", "thread_2", "../x", "thread_1"])

    assert report.threads == 1
    assert {problem.place for problem in report.problems} >= {"thread_1"}
    assert all(SECRET not in problem.reason for problem in report.problems)
    spool = read(tmp_path / "into")
    assert ids(spool)["thread"] == ["thread_2"]
    assert any(reason in text and "thread_1" in text for _, text in problems(spool))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            fault(401, {"error": {"message": f"Incorrect key {SECRET}"}}),
            "The server refused the key: Incorrect key ***.",
        ),
        (fault(307, Location="https://example.com/"), "redirects"),
        (fault(429), "failed 8 times: HTTP 429, without a message. Repeat the command to resume."),
        (drop, "failed 8 times: the connection was closed. Repeat the command to resume."),
    ],
)
async def test_a_server_that_refuses_all_ends_the_fetch_and_a_repeated_one_resumes(
    endpoint, fetch, read, reply, reason, tmp_path
):
    endpoint.faults["/vector_stores/vs_1"] = [reply]

    with pytest.raises(FetchError, match="redirects" if "redirects" in reason else "key|failed") as failure:
        await fetch()

    assert reason in str(failure.value)
    assert SECRET not in str(failure.value)
    endpoint.faults.clear()
    before = endpoint.requests.copy()
    report = await fetch()
    assert report.threads == 1
    assert endpoint.requests["/threads/thread_1"] == before["/threads/thread_1"]
    assert read(tmp_path / "into").count("vector_store_file") == 1


async def test_an_unreachable_server_is_reported_at_once(fetch, waits):
    with pytest.raises(FetchError, match=r"^http://127\.0\.0\.1:1 is unreachable"):
        await fetch(url="http://127.0.0.1:1")

    assert waits == []


@pytest.mark.parametrize(
    "url", ["", "host/v1", "ftp://host", "http://", "https://user:pass@host/v1", "https://h/?key=1"]
)
async def test_malformed_urls_are_refused(fetch, url):
    with pytest.raises(FetchError, match="Invalid URL"):
        await fetch_objects(url, SECRET, [], None)


async def test_closed_connections_are_retried(endpoint, fetch, waits):
    endpoint.faults["/threads/thread_1"] = [drop, drop, drop, None]

    assert (await fetch()).messages == 250
    assert waits


async def test_lists_end_where_a_server_repeats_a_page(endpoint, fetch):
    same = {"object": "list", "data": [message(1)], "has_more": True, "last_id": "msg_1"}
    endpoint.faults["/threads/thread_1/messages"] = [fault(200, same)]

    report = await fetch()

    assert report.messages == 2
    assert any("repeats a page" in problem.reason for problem in report.problems)


async def test_lists_without_order_or_members_of_a_page_are_read(endpoint, fetch, read, tmp_path):
    def refuse(request: web.Request) -> web.StreamResponse:
        data = [message(number, created_at=7) for number in range(20)][::-1]
        data[0]["created_at"] = 8
        if "order" in request.query or "limit" in request.query:
            return web.json_response({"error": {"message": "unknown parameter"}}, status=422)
        return web.json_response({"data": data})

    endpoint.faults["/threads/thread_1/messages"] = [refuse]

    await fetch()

    assert ids(read(tmp_path / "into"))["message"] == [f"msg_{number}" for number in range(20)]


async def test_contents_that_break_off_are_read_again_and_endless_ones_are_not(endpoint, fetch, read, tmp_path):
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "5"})
        await response.prepare(request)
        await response.write(b"he")
        request.transport.close()
        return response

    endpoint.faults["/files/file-1/content"] = [cut, cut, None]
    endpoint.contents["/files/file-2/content"] = b"x" * 1000

    report = await fetch()

    spool = read(tmp_path / "into")
    with spool.open_content("file-1") as content:
        assert content.read() == b"hello"
    assert spool.open_content("file-2") is None
    assert any("more than 5 bytes" in problem.reason for problem in report.problems)


async def test_without_ids_the_threads_are_listed(endpoint, fetch):
    with pytest.raises(FetchError, match="does not list threads"):
        await fetch(None)

    endpoint.pages["/threads"] = [thread(1)]
    assert (await fetch(None)).threads_total == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("thread_1\n# old\n\nthread_2  # mine\nthread_1\n", ["thread_1", "thread_2"]),
        ('\ufeffthread_id,user\r\n"thread_1",5\r\nthread_2,6\r\n', ["thread_1", "thread_2"]),
        ("thread_id;user\r\nthread_1;5\r\nthread_2;6\r\n", ["thread_1", "thread_2"]),
        ("", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_thread_ids_are_read_from_lines_and_tables(tmp_path, text, found, encoding):
    (tmp_path / "ids").write_text(text.removeprefix("\ufeff") if encoding == "utf-16" else text, encoding)

    assert read_thread_ids(tmp_path / "ids") == found


def test_a_line_that_is_not_an_id_is_named(tmp_path):
    (tmp_path / "ids").write_text("thread_1\nhttps://platform/thread_2\n")

    with pytest.raises(FetchError, match="ids: line 2 has no thread id but 'https://platform/thread_2'"):
        read_thread_ids(tmp_path / "ids")
