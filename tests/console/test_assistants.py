"""A noun from its table: list, filters, panel, form, JSON, deletion. The other nouns share this code."""

import json

from playwright.sync_api import expect

from console.browser import NARROW, open_console


def test_an_assistant_is_made_edited_and_deleted(console, server):
    page = console.open("assistants")
    page.keyboard.press("c")
    form = page.get_by_role("dialog", name="New assistant")
    form.get_by_label("Name").fill("Desk <b>1</b>")
    form.get_by_label("Instructions").fill("Be short.")
    form.get_by_label("Model").fill("gpt-4o")
    form.get_by_label("Tools").fill('[{"type": "file_search"},\n oops]')
    expect(form.get_by_text("Line 2:")).to_be_visible()
    form.get_by_label("Tools").fill('[{"type": "file_search"}]')
    form.get_by_label("Metadata").fill('{"team": "sales"}')
    assert console.find_accessibility_problems() == []
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_contain_text("Desk <b>1</b>")
    made = server.client.beta.assistants.retrieve(page.url.rpartition("/")[2])
    assert (made.instructions, made.tools[0].type, made.metadata) == ("Be short.", "file_search", {"team": "sales"})
    page.keyboard.press("e")
    form = page.get_by_role("dialog", name="Edit assistant")
    form.get_by_label("Temperature").fill("7")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Temperature").fill("0.5")
    form.get_by_label("Name").fill("Desk two")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text("Desk two")
    assert server.client.beta.assistants.retrieve(made.id).temperature == 0.5
    page.keyboard.press("#")
    dialog = page.get_by_role("dialog", name="Delete Desk two?")
    assert console.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Assistants")
    expect(page.locator(f"tr[data-id={made.id}]")).to_have_count(0)


def test_what_is_typed_survives_a_reload(console):
    page = console.open("assistants")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Name").fill("Half a name")
    page.reload()
    page.locator("#page-title").wait_for()
    page.keyboard.press("c")
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Name")).to_have_value("Half a name")
    form.get_by_role("button", name="Discard").click()
    expect(form.get_by_label("Name")).to_have_value("")


def test_a_list_is_read_page_by_page_and_by_keyboard(console, server):
    made = [server.client.beta.assistants.create(model="gpt-4o", name=f"Number {n}").id for n in range(60)]
    page = console.open("assistants")
    rows = page.locator("tr[data-id]")
    expect(rows.first).to_contain_text("Number 59")
    page.get_by_role("button", name="Load more").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="Number 0", exact=True)).to_be_attached()
    page.get_by_role("link", name="Number 59").focus()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Number 58")).to_be_focused()
    page.keyboard.press("p")
    panel = page.get_by_role("complementary", name="Preview")
    expect(panel).to_contain_text("gpt-4o")
    assert f"peek={made[58]}" in page.url
    page.keyboard.press("j")
    assert f"peek={made[57]}" in page.url
    assert console.find_accessibility_problems() == []
    page.reload()
    expect(panel).to_contain_text("gpt-4o")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.get_by_role("link", name="Number 57").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Number 57")


def test_the_json_and_the_call_of_an_object(console, server):
    assistant = server.client.beta.assistants.create(model="gpt-4o", name="As JSON", metadata={"a": "</script>"})
    page = console.open(f"assistants/{assistant.id}?tab=json")
    expect(page.locator(".json-tree")).to_contain_text('"a": "</script>"')
    page.keyboard.press("3")
    expect(page.locator("figure.code")).to_contain_text(f'"/assistants/{assistant.id}"')
    page.get_by_role("button", name="curl").click()
    expect(page.locator("figure.code")).to_contain_text("Bearer $OPENAI_API_KEY")
    assert "tab=api" in page.url
    assert console.find_accessibility_problems() == []


def test_the_list_fits_a_small_screen(browser, server):
    server.client.beta.assistants.create(
        model="gpt-4o", name="A name of sixty letters that has to be cut at its end, surely", metadata={"k": "v" * 300}
    )
    for theme in ("light", "dark"):
        with open_console(browser, server, NARROW, theme) as console:
            page = console.open("assistants")
            expect(page.locator("tr[data-id]").first).to_be_visible()
            assert not console.has_horizontal_scroll()
            assert console.find_accessibility_problems() == []
            page.locator("tr[data-id] a").first.tap()
            expect(page.locator("dl.fields")).to_be_visible()
            assert not console.has_horizontal_scroll()
            assert console.find_accessibility_problems() == []


def test_a_new_console_on_the_server_is_announced(console):
    page = console.open()
    console.guard.allowed += ["Failed to fetch dynamically imported module", "status of 404"]
    page.route("**/console/assets/**", lambda route: route.fulfill(status=404, body=json.dumps({})))
    page.get_by_role("navigation").get_by_role("link", name="Assistants").locator("visible=true").click()
    expect(page.get_by_text("The server has a newer console.")).to_be_visible()
