"""Imports, exports and deletions: a file is imported with its report, exported again, and deleted by metadata."""

import json
import zipfile

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from waiting import eventually

_CREATED = 1_700_000_000


def _lines(*objects):
    return "".join(json.dumps(one) + "\n" for one in objects).encode()


_INPUT = _lines(
    {"id": "asst_moved", "object": "assistant", "created_at": _CREATED, "name": "Moved", "model": "rehearsal"},
    {"id": "thread_moved", "object": "thread", "created_at": _CREATED, "metadata": {"person": "<i>ada"}},
    {
        "id": "file-moved",
        "object": "file",
        "created_at": _CREATED,
        "filename": "a.txt",
        "bytes": 3,
        "purpose": "user_data",
    },
    {"id": "wrong <b>", "object": "unheard"},
)


def _import(page, name, *, dry_run=False):
    page.get_by_role("button", name="Import a file").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("File").set_input_files({"name": name, "mimeType": "text/plain", "buffer": _INPUT})
    if dry_run:
        form.get_by_label("Dry run").check()
        form.get_by_label("If an id exists").select_option("skip")
    form.locator("button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text(name)


def test_a_file_is_imported_exported_and_deleted_by_metadata(browser, console, server):
    page = console.open("imports")
    _import(page, "moved.jsonl")
    expect(page.locator("dl.fields")).to_contain_text("completed")
    counts = page.get_by_role("table", name="Report")
    expect(counts.get_by_role("row", name="Threads")).to_contain_text("1")
    expect(page.get_by_role("link", name="file-moved")).to_be_visible()
    page.get_by_role("link", name="Imports").click()
    _import(page, "checked <b>.jsonl", dry_run=True)
    expect(page.get_by_text("This was a dry run")).to_be_visible()
    entries = page.get_by_role("table", name="Skipped and changed")
    expect(entries.get_by_role("row", name="thread_moved")).to_contain_text("with this id")
    with open_console(browser, server, NARROW, "dark") as small:
        small.open(page.url.partition("/console/")[2])
        expect(small.page.get_by_role("table", name="Skipped and changed")).to_be_visible()
        assert not small.has_horizontal_scroll()
        assert small.find_accessibility_problems() == []
    _export(console)
    _delete(console, server)


def _export(console):
    page = console.open("exports")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Metadata").fill('{"person": "<i>ada"}')
    page.keyboard.press("Control+Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "thread_moved" in archive.read("threads.jsonl").decode()
    expect(page.get_by_role("table", name="Contents").get_by_role("row", name="Threads")).to_contain_text("1")


def _delete(console, server):
    page = console.open("deletions")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Metadata").fill('{"person": "<i>ada"}')
    page.get_by_role("dialog").get_by_label("Dry run").check()
    page.keyboard.press("Control+Enter")
    counted = page.get_by_role("table", name="Objects with these pairs; none was deleted")
    expect(counted.get_by_role("row", name="Threads")).to_contain_text("1")
    assert server.ask("GET", "/v1/threads/thread_moved").status == 200
    page = console.open("deletions")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Metadata").fill('{"person": "<i>ada"}')
    page.keyboard.press("Control+Enter")
    question = page.get_by_role("dialog", name="Delete everything with these pairs?")
    expect(question).to_contain_text("person <i>ada")
    assert console.find_accessibility_problems() == []
    assert server.ask("GET", "/v1/threads/thread_moved").status == 200
    question.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("table", name="Deleted objects").get_by_role("row", name="Threads")).to_contain_text("1")
    assert server.ask("GET", "/v1/threads/thread_moved").status == 404
    assert server.ask("GET", "/v1/assistants/asst_moved").status == 200
    page.get_by_role("link", name="Deletions").click()
    expect(page.locator("table.data")).to_contain_text("completed")
    assert console.find_accessibility_problems() == []


def test_a_running_transfer_has_its_progress_and_is_cancelled(console, server):
    path = f"/v1/deletions/{server.ask('POST', '/v1/deletions', {'metadata': {'nobody': 'has this'}}).json['id']}"
    eventually(lambda: server.ask("GET", path).json["status"] == "completed")
    running = server.ask("GET", path).json | {"status": "in_progress", "progress": {"done": 5, "total": 10}}
    console.context.route(f"**{path}", lambda route: route.fulfill(json=running))
    console.context.route(f"**{path}/cancel", lambda route: route.fulfill(json=running | {"status": "cancelled"}))
    page = console.open(path.removeprefix("/v1/"))
    expect(page.get_by_role("progressbar", name="5 of 10")).to_be_visible()
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("dl.fields")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_an_import_that_is_too_large_is_refused_before_it_is_sent(console, server):
    session = server.ask("GET", "/v1/session").json
    small = session | {"limits": session["limits"] | {"import_bytes": 100}}
    console.context.route("**/v1/session", lambda route: route.fulfill(json=small))
    page = console.open("imports")
    page.get_by_role("button", name="Import a file").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("File").set_input_files({"name": "big.jsonl", "mimeType": "text/plain", "buffer": _INPUT})
    expect(form.get_by_role("alert")).to_contain_text("big.jsonl is too large: this server takes files of up to 100 B.")
    expect(form.locator("button[type=submit]")).to_be_disabled()
    assert console.find_accessibility_problems() == []
