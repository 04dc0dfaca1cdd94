"""Vector stores: their files, live, and what a question finds in them."""

import re

from playwright.sync_api import expect

from console.browser import NARROW, open_console

_TEXT = "# Refunds\n\nRefunds take 14 days. <img src=x onerror=alert(1)>\n"


def test_files_are_uploaded_indexed_and_found(browser, console, server):
    page = console.open("vector-stores")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Name").fill("Docs <b>")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_contain_text("Docs <b>")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "refunds.md", "mimeType": "text/markdown", "buffer": _TEXT.encode()},
            {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": b"no PDF"},
        ]
    )
    row = page.locator("tr", has_text="refunds.md")
    expect(row).to_contain_text("completed")
    expect(page.locator("tr", has_text="scan.pdf")).to_contain_text("failed")
    assert console.find_accessibility_problems() == []
    store = page.url.rpartition("/")[2]
    resources = {"file_search": {"vector_store_ids": [store]}}
    made = server.client.beta.assistants.create(model="gpt-4o", name="Clerk <i>", tool_resources=resources)
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("section", has_text="Used by").get_by_role("link", name="Clerk <i>")).to_be_visible()
    page.keyboard.press("#")
    expect(page.get_by_role("dialog").get_by_role("link", name="Clerk <i>")).to_have_attribute("title", made.id)
    assert console.find_accessibility_problems() == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Question").fill("How long do refunds take?")
    page.get_by_label("Question").press("Enter")
    hit = page.locator(".hit").first
    expect(hit).to_contain_text("Refunds take 14 days. <img src=x onerror=alert(1)>")
    expect(hit.locator("mark").first).to_have_text("Refunds")
    reason = hit.locator(".reason")
    expect(reason).to_contain_text("refunds ×3 in the name")
    expect(reason).to_contain_text("in the name")
    expect(reason).to_contain_text("Meaning")
    assert console.find_accessibility_problems() == []
    page.get_by_label("Least score").fill("1")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Nothing found")).to_be_visible()
    store = page.url.rpartition("/")[2].partition("?")[0]
    with open_console(browser, server, NARROW, "dark") as small:
        narrow = small.open(f"vector-stores/{store}?tab=search&question=refunds")
        narrow.locator(".hit a").first.tap()
        expect(narrow.locator("h1")).to_contain_text("refunds.md")
        expect(narrow.locator(".chunk.is-current")).to_contain_text("Refunds take 14 days.")
        narrow.get_by_role("link", name="Extracted text").tap()
        expect(narrow.locator("figure.code")).to_contain_text("Refunds take 14 days.")
        assert not small.has_horizontal_scroll()
        assert small.find_accessibility_problems() == []


def test_a_passage_is_shown_between_its_neighbours(console, server):
    client = server.client
    text = "\n\n".join(f"# Part {number} <b>\n\n" + f"Rule {number} of harbours. " * 30 for number in range(30))
    store = client.vector_stores.create(name="Rules")
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 150, "chunk_overlap_tokens": 30}}
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("rules.md", text.encode()), chunking_strategy=chunking, poll_interval_ms=20
    )
    page = console.open(f"vector-stores/{store.id}?tab=search&question=rule+17")
    hit = page.locator(".hit").first
    hit.get_by_role("button", name="Neighbours").click()
    current = hit.locator(".chunk.is-current")
    expect(current.first).to_contain_text("Rule 17")
    expect(hit.locator(".chunk").first).not_to_have_class("is-current")
    assert console.find_accessibility_problems() == []
    current.first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(rf"/files/{file.id}\?chunk=\d+$"))
    expect(page.locator(".chunk.is-current")).to_contain_text("Part 17 <b>")
    expect(page.locator(".chunk.is-current")).to_be_in_viewport()
    before = page.locator(".chunk").count()
    page.get_by_role("button", name="later chunks").click()
    expect(page.locator(".chunk").nth(before)).to_be_visible()
    assert not console.has_horizontal_scroll()
    assert console.find_accessibility_problems() == []
