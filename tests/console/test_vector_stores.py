"""Vector stores: their files, live, and what a question finds in them."""

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
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Question").fill("How long does a refund take?")
    page.get_by_label("Question").press("Enter")
    hit = page.locator(".hit").first
    expect(hit).to_contain_text("Refunds take 14 days. <img src=x onerror=alert(1)>")
    expect(hit.locator("mark").first).to_have_text("Refunds")
    assert console.find_accessibility_problems() == []
    page.get_by_label("Least score").fill("1")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Nothing found")).to_be_visible()
    store = page.url.rpartition("/")[2].partition("?")[0]
    with open_console(browser, server, NARROW, "dark") as small:
        narrow = small.open(f"vector-stores/{store}?tab=search&question=refund")
        narrow.locator(".hit a").first.tap()
        expect(narrow.locator("h1")).to_contain_text("refunds.md")
        expect(narrow.locator("figure.code")).to_contain_text("Refunds take 14 days.")
        assert not small.has_horizontal_scroll()
        assert small.find_accessibility_problems() == []
