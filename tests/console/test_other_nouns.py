"""Tools, models, stored completions, containers and videos: lists and details."""

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, open_console


def test_a_tool_is_found_and_called(console, server):
    assistant = server.client.beta.assistants.create(model="gpt-4o", name="Called by a tool")
    page = console.open("tools?q=get+assistant")
    page.get_by_role("link", name="Get Assistant").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Arguments").fill(f'{{"assistant_id": "{assistant.id}"}}')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".json-tree")).to_contain_text("Called by a tool")
    assert console.find_accessibility_problems() == []
    page.get_by_label("Arguments").fill("{}")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="failed")).to_contain_text("assistant_id")


def test_a_stored_completion_is_read(browser, server):
    made = server.client.chat.completions.create(
        model="rehearsal", messages=[{"role": "user", "content": "Repeat: <u>pearl</u>"}], store=True
    )
    with open_console(browser, server, NARROW, "dark") as console:
        page = console.open("completions")
        page.get_by_role("link", name="<u>pearl</u>").first.tap()
        expect(page.get_by_role("article", name="You")).to_contain_text("Repeat: <u>pearl</u>")
        expect(page.get_by_role("article", name="Assistant")).to_contain_text("<u>pearl</u>")
        assert made.id in page.url
        assert not console.has_horizontal_scroll()
        assert console.find_accessibility_problems() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("models", "rehearsal"),
        ("models/rehearsal", "128,000"),
        ("containers", "No containers"),
        ("videos", "No videos yet"),
        ("deliveries?status=pending", "Nothing matches"),
    ],
)
def test_a_page_shows_what_there_is(console, path, text):
    page = console.open(path)
    expect(page.locator("#main").get_by_text(text).first).to_be_visible()
    assert console.find_accessibility_problems() == []
    assert not console.has_horizontal_scroll()
