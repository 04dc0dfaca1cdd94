"""The shell: signing in, navigation, the palette, the keyboard, errors and settings."""

import re

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, WIDE, open_console
from serving import KEY


def sign_in(page, key):
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_visitor_signs_in_with_a_key_that_stays_in_the_tab(browser, server):
    with open_console(browser, server, key=None) as console:
        page = console.page
        page.goto(f"{console.origin}/console/assistants?peek=none")
        sign_in(page, "sk-wrong")
        expect(page.get_by_text("The server does not know this key.")).to_be_visible()
        assert console.find_accessibility_problems() == []
        sign_in(page, KEY)
        expect(page.locator("h1")).to_have_text("Assistants")
        assert KEY not in page.content() + page.url
        assert page.evaluate("() => Object.keys(localStorage)") == []
        other = console.context.new_page()
        other.goto(f"{console.origin}/console/threads")
        expect(other.locator("h1")).to_have_text("Threads")
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_label("API key")).to_be_visible()
        expect(page.get_by_label("API key")).to_be_visible()


def test_a_refused_key_is_replaced_without_leaving_the_page(console):
    page = console.open("assistants")
    page.route("**/v1/threads**", lambda route: route.fulfill(status=401, json={"error": {"message": "Revoked."}}))
    page.get_by_role("link", name="Threads").click()
    expect(page.get_by_role("heading", name="The server refuses your key")).to_be_visible()
    sign_in(page, KEY)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("Threads")


@pytest.mark.parametrize("viewport", [WIDE, {"width": 800, "height": 700}, NARROW], ids=["wide", "middle", "narrow"])
def test_the_navigation_works_at_every_width(browser, server, viewport):
    with open_console(browser, server, viewport) as console:
        page = console.open()
        link = page.get_by_role("navigation").get_by_role("link", name="Threads").locator("visible=true")
        link.click()
        expect(page.locator("h1")).to_have_text("Threads")
        expect(page.locator("h1")).to_be_focused()
        expect(link).to_have_attribute("aria-current", "page")
        assert page.title() == "Threads · Understudy"
        page.go_back()
        expect(page.locator("h1")).to_have_text(re.compile("Welcome to Understudy|Overview"))
        if viewport is NARROW:
            page.get_by_role("button", name="More").click()
            page.get_by_role("dialog").get_by_role("link", name="Settings").click()
            expect(page.locator("h1")).to_have_text("Settings")
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_keys_and_the_palette_reach_every_page(console, server):
    page = console.open()
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("Assistants")
    page.keyboard.press("Control+k")
    assert console.find_accessibility_problems() == []
    page.keyboard.type("sett")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Settings")
    assistant = server.client.beta.assistants.create(model="gpt-4o", name="By id")
    page.keyboard.press("Control+k")
    page.keyboard.type(assistant.id)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("By id")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def hold(page, pattern, requests):
    """Collects the requests for the URLs of the pattern, which wait until the test continues them."""

    def collect(route):
        requests.append(route)

    page.route(pattern, collect)


def test_keys_that_are_pressed_while_a_page_loads_run_once_it_is_there(console):
    page = console.open()
    loading = []
    hold(page, "**/pages/assistants/list.js", loading)
    for key in ("g", "a", "c"):
        page.keyboard.press(key)
    expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("dialog")).to_have_count(0)
    loading.pop().continue_()
    expect(page.get_by_role("dialog", name="New assistant")).to_be_visible()


def test_a_key_that_is_pressed_while_rows_load_runs_once_they_are_there(console, server):
    server.client.beta.assistants.create(model="gpt-4o", name="First row")
    page = console.open()
    loading = []
    hold(page, "**/v1/assistants?**", loading)
    page.get_by_role("navigation").get_by_role("link", name="Assistants").locator("visible=true").click()
    expect(page.locator("#main .skeleton")).to_have_count(1)
    page.keyboard.press("j")
    loading.pop().continue_()
    expect(page.get_by_role("link", name="First row").first).to_be_focused()


def test_text_that_is_typed_before_the_palette_is_loaded_is_in_it(console):
    loading = []
    hold(console.page, "**/app/palette.js", loading)
    page = console.open()
    page.keyboard.press("Control+k")
    page.keyboard.type("sett")
    page.keyboard.press("Enter")
    loading.pop().continue_()
    expect(page.locator("h1")).to_have_text("Settings")


def test_a_modified_click_opens_a_signed_in_tab(console):
    page = console.open()
    with console.context.expect_page() as opened:
        page.get_by_role("navigation").get_by_role("link", name="Threads").locator("visible=true").click(
            modifiers=["Control"]
        )
    expect(opened.value.locator("h1")).to_have_text("Threads")
    expect(page.locator("h1")).to_have_text(re.compile("Welcome to Understudy|Overview"))


def test_theme_and_zone_are_chosen_and_stay(console):
    page = console.open("settings")
    page.get_by_label("Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    expect(page.get_by_text("Mars/Olympus is not a time zone.")).to_be_visible()
    page.get_by_label("Time zone").fill("Asia/Kolkata")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("link", name="Settings · Asia/Kolkata")).to_be_visible()


def test_the_settings_show_the_key_and_what_the_server_offers(console, server):
    page = console.open("settings")
    facts = page.locator("section", has=page.get_by_role("heading", name="This server"))
    expect(facts).to_contain_text(server.ask("GET", "/v1/session").json["version"])
    expect(facts).to_contain_text("from the settings")
    expect(page.get_by_role("term").filter(has_text="API key of a project")).to_be_visible()
    expect(facts.locator("div", has_text="Search by meaning")).to_contain_text("off Only words are compared well.")
    assert console.find_accessibility_problems() == []


def test_an_error_names_the_cause_the_next_step_and_the_request(console):
    page = console.open("assistants/asst_unknown")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("No assistant found with id 'asst_unknown'.")
    expect(alert).to_contain_text("It was deleted, or belongs to another project.")
    expect(alert).to_contain_text("req_")
    page.goto(f"{console.origin}/console/no/such/page")
    expect(page.locator("h1")).to_have_text("Page not found")


def test_a_lost_connection_is_a_banner_and_the_rows_stay(console, server):
    server.client.beta.assistants.create(model="gpt-4o", name="Stays")
    page = console.open("assistants")
    expect(page.get_by_role("link", name="Stays").first).to_be_visible()
    console.guard.allowed += ["net::ERR_FAILED"]
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_role("navigation").get_by_role("link", name="Threads").locator("visible=true").click()
    expect(page.get_by_text("The server cannot be reached. The page")).to_be_visible()
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The server cannot be reached. The page")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("link", name="Stays").first).to_be_visible()


def test_a_page_that_cannot_be_loaded_without_the_server_is_loaded_once_it_is_back(console):
    page = console.open("assistants")
    console.guard.allowed += ["net::ERR_INTERNET_DISCONNECTED", "Failed to fetch dynamically imported module"]
    console.context.set_offline(True)
    page.get_by_role("navigation").get_by_role("link", name="Runs").locator("visible=true").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The server cannot be reached.")
    expect(page.get_by_text("The server has a newer console.")).to_have_count(0)
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_contain_text("The server cannot be reached.")
    console.context.set_offline(False)
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator("h1")).to_have_text("Runs")


def test_titles_and_actions_fit_a_small_screen(browser, server):
    client = server.client
    thread = client.beta.threads.create()
    conversation = thread.id.replace("thread_", "conv_")
    store = client.vector_stores.create(name="A name that somebody has pasted from a document, with all of its words")
    with open_console(browser, server, NARROW) as console:
        objects = (f"threads/{thread.id}", f"conversations/{conversation}", f"vector-stores/{store.id}")
        for path in (*objects, "vector-stores", "conversations", "?steps=1"):
            page = console.open(path)
            expect(page.locator(".page-actions")).to_be_visible()
            assert console.find_clipped_texts() == []
            assert not console.has_horizontal_scroll()
        expect(page.locator("h1")).to_be_in_viewport()
