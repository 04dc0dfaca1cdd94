"""Usage: spend and tokens by day, by model or key, as a chart, a table and CSV."""

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import text


def test_an_admin_key_sees_the_usage_of_all_projects(browser, server, upstream):
    upstream.answer(text("done"))
    server.client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Count this."}])
    admin_key = server.create_admin_key("billing")
    with open_console(browser, server, key=None, admin_key=admin_key) as console:
        page = console.open("usage")
        expect(page.get_by_role("row", name="default").last).to_contain_text("$")
        expect(page.get_by_role("heading", name="Keys")).to_have_count(0)
        assert console.find_accessibility_problems() == []
    with open_console(browser, server, admin_key=admin_key) as console:
        page = console.open("usage")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        page.get_by_role("button", name="All projects").click()
        page.get_by_role("button", name="default").click()
        expect(page.get_by_role("button", name="Remove filter: default")).to_be_visible()
        assert "scope=all" in page.url


def test_usage_is_a_chart_a_table_and_csv(browser, console, server, upstream):
    upstream.answer(text("done"))
    server.client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Count this."}])
    page = console.open("usage")
    row = page.get_by_role("row", name="gpt-4o").last
    expect(row).to_contain_text("$")
    page.get_by_role("button", name="Requests").click()
    chart = page.get_by_role("slider")
    expect(chart.locator("canvas")).to_be_visible()
    chart.press("ArrowLeft")
    chart.press("End")
    expect(page.locator(".chart-readout")).to_contain_text("gpt-4o")
    assert console.find_accessibility_problems() == []
    page.get_by_role("heading", name="Usage", exact=True).click()
    page.keyboard.press("t")
    expect(page.locator(".chart .figures tbody tr")).to_have_count(30)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.path().read_text().startswith("day,model,requests")
    row.get_by_role("button").click()
    expect(page.get_by_role("button", name="Remove filter: gpt-4o")).to_be_visible()
    assert all(part in page.url for part in ("metric=requests", "view=table", "only=gpt-4o"))
    with open_console(browser, server, NARROW, "dark") as narrow:
        narrow.open("usage?by=key&days=90&metric=input")
        expect(narrow.page.locator(".chart-frame canvas")).to_be_visible()
        assert not narrow.has_horizontal_scroll()
        assert narrow.find_accessibility_problems() == []
