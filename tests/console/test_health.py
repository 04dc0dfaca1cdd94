"""Health: the parts of the server, its queues, nodes and providers, refreshed while the page is open."""

import re

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import fault, text


def test_an_admin_key_sees_the_requests_of_all_projects(browser, server):
    admin_key = server.create_admin_key("health")
    with open_console(browser, server, key=None, admin_key=admin_key) as console:
        page = console.open("health?view=table")
        expect(page.get_by_text(re.compile("all requests of .*, by minute"))).to_be_visible()
        expect(page.get_by_role("table", name="Requests a minute").locator("tbody tr").first).to_be_visible()
        expect(page.get_by_role("table", name="Latency of requests")).to_contain_text("ms")
        assert console.find_accessibility_problems() == []


def test_the_health_of_the_server_is_in_words(browser, console, server, upstream):
    upstream.answer(text("done"))
    messages = [{"role": "user", "content": "Hello"}]
    server.client.chat.completions.create(model="gpt-4o", messages=messages)
    page = console.open("health")
    expect(page.get_by_text("Everything that is needed works")).to_be_visible()
    for heading in ("Queues of all projects", "Nodes"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_role("row", name="(this one)")).to_contain_text("live")
    expect(page.get_by_text("requests of this project at")).to_be_visible()
    requests = page.get_by_role("region", name="Requests a minute")
    expect(requests.locator("canvas")).to_be_visible()
    requests.get_by_role("slider").press("End")
    expect(requests.locator(".chart-readout")).to_contain_text("served")
    expect(page.get_by_role("region", name="Latency of requests").get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile(r"median \d.*95th percentile \d")
    )
    assert console.find_accessibility_problems() == []
    provider = page.get_by_role("button", name=re.compile("^Test ")).first
    provider.click()
    expect(page.get_by_role("status").get_by_text(re.compile(r"\d+ models, in "))).to_be_visible()
    failed = {"status": "failed", "error": {"type": "authentication", "message": "The key is wrong."}}
    page.route("**/v1/organization/providers/*/test", lambda route: route.fulfill(json=failed))
    provider.click()
    expect(page.get_by_role("status").get_by_text("The key is wrong.")).to_be_visible()
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
