"""Health: the parts of the server, its queues, nodes and providers, refreshed while the page is open."""

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import fault, text


def test_the_health_of_the_server_is_in_words(browser, console, server, upstream):
    upstream.answer(text("done"))
    messages = [{"role": "user", "content": "Hello"}]
    server.client.chat.completions.create(model="gpt-4o", messages=messages)
    page = console.open("health")
    expect(page.get_by_text("Everything that is needed works")).to_be_visible()
    for heading in ("Queues of all projects", "Nodes"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_role("row", name="(this one)")).to_contain_text("live")
    assert console.find_accessibility_problems() == []
    upstream.answer(fault(401))
    server.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": messages})
    expect(page.get_by_text("The latest call to")).to_be_visible()
    expect(page.get_by_text("Check the provider's key")).to_be_visible()
    with open_console(browser, server, NARROW, "dark") as narrow:
        narrow.open("health")
        expect(narrow.page.get_by_role("heading", name="Nodes")).to_be_visible()
        assert not narrow.has_horizontal_scroll()
        assert narrow.find_accessibility_problems() == []
