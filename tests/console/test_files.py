"""Files: upload with its errors, a preview that is only text, download, deletion."""

from pathlib import Path

from playwright.sync_api import expect

from console.browser import NARROW, open_console

_PAGE = b"<script>parent.hit = 1</script><h1>Big</h1>"


def test_a_file_is_dropped_read_and_deleted(browser, console, server):
    page = console.open("files")
    transfer = page.evaluate_handle(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "page <b>.html", {type: "text/html"}));
            return transfer;
        }""",
        _PAGE.decode(),
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": transfer})
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    link = page.get_by_role("link", name="page <b>.html").first
    expect(link).to_be_visible()
    page.get_by_label("Purpose of uploaded files").select_option("batch")
    page.locator("input[type=file]").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.get_by_role("alert")).to_contain_text("Must be .jsonl")
    assert console.find_accessibility_problems() == []
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("figure.code")).to_contain_text(_PAGE.decode())
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    assert Path(download.value.path()).read_bytes() == _PAGE
    assert console.find_accessibility_problems() == []
    file = page.url.rpartition("/")[2]
    with open_console(browser, server, NARROW, "dark") as small:
        small.open(f"files/{file}")
        expect(small.page.locator("figure.code")).to_contain_text("<h1>Big</h1>")
        assert not small.has_horizontal_scroll()
    page.keyboard.press("#")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Files")
    assert file not in [one.id for one in server.client.files.list()]


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(console, server):
    limits = server.ask("GET", "/v1/session").json
    small = limits | {"limits": limits["limits"] | {"file_bytes": 2000, "upload_bytes": 2000}}
    console.context.route("**/v1/session", lambda route: route.fulfill(json=small))
    console.context.route(
        "**/v1/files", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    page = console.open("files")
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
    page.locator("input[type=file]").set_input_files(
        {"name": "big <b>.txt", "mimeType": "text/plain", "buffer": b"x" * 3000}
    )
    refusal = "big <b>.txt is too large: this server takes files of up to 2 KB."
    expect(page.get_by_role("alert")).to_have_text(refusal)
    assert console.find_accessibility_problems() == []


def test_a_large_file_is_downloaded_by_a_link_that_works_once(console, server):
    file = server.client.files.create(file=("large <b>.txt", b"contents"), purpose="user_data")
    page = console.open("settings")
    large = {"id": file.id, "filename": file.filename, "bytes": 10**9}
    with page.expect_download() as download:
        console.call_module("ui/download.js", "({ downloadFile }, file) => downloadFile(file)", large)
    assert Path(download.value.path()).read_bytes() == b"contents"
    assert "/v1/file_downloads/" in download.value.url
    path = download.value.url.removeprefix(server.url.removesuffix("/v1"))
    assert server.ask("GET", path, key=None).status == 404
