"""Responses: what went in and came out, the timeline, and lists that change while they are open."""

from playwright.sync_api import expect

from console.browser import NARROW, open_console


def test_a_response_is_found_and_read(browser, console, server):
    console_client = server.client
    console_client.responses.create(model="rehearsal", input="Anything else", metadata={"set": "other"})
    made = console_client.responses.create(
        model="rehearsal", input="Repeat: <b>marble</b>", metadata={"set": "console"}, instructions="Be short."
    )
    page = console.open("responses?metadata[set]=console")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("<b>marble</b>")
    console_client.responses.create(model="rehearsal", input="Later", metadata={"set": "console"})
    page.get_by_role("button", name="1 new").click()
    expect(rows).to_have_count(2)
    assert console.find_accessibility_problems() == []
    console.open(f"responses/{made.id}")
    expect(page.get_by_role("region", name="Input")).to_contain_text("Repeat: <b>marble</b>")
    expect(page.get_by_role("region", name="Output")).to_contain_text("<b>marble</b>")
    page.keyboard.press("3")
    expect(page.get_by_role("table", name="Timeline")).to_contain_text("model turn · rehearsal")
    assert console.find_accessibility_problems() == []
    with open_console(browser, server, NARROW, "dark") as small:
        small.open(f"responses/{made.id}")
        expect(small.page.get_by_role("region", name="Output")).to_contain_text("marble")
        assert not small.has_horizontal_scroll()
        assert small.find_accessibility_problems() == []
