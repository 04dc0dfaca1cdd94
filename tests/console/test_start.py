"""The start page: three steps of a first visit, and an overview that is live afterwards."""

import json

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, WIDE, open_console
from upstream import Gate, call, calls, fault, text


def create_project(server, name):
    """The key of a new project, which has nothing yet."""
    server.run("projects", "create", name)
    return json.loads(server.run("keys", "create", "--project", name, "--json"))["key"]


@pytest.mark.parametrize(("viewport", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_a_first_visit_leads_to_an_answer_in_three_steps(browser, server, upstream, viewport, theme):
    key = create_project(server, f"visit {theme}")
    upstream.answer(calls(call("get_weather", city="Oslo")))
    with open_console(browser, server, viewport, theme, key=key) as console:
        page = console.open()
        steps = page.get_by_role("list", name="First steps").locator("> li")
        expect(steps.nth(0)).to_contain_text("models, among them gpt-4o")
        expect(steps.nth(1)).to_have_attribute("aria-current", "step")
        page.get_by_role("radio", name="Calls a function").check()
        assert console.find_accessibility_problems() == []
        assert not console.has_horizontal_scroll()
        page.reload()
        expect(page.get_by_role("radio", name="Calls a function")).to_be_checked()
        page.get_by_role("button", name="Create it").click()
        expect(steps.nth(1).get_by_role("heading")).to_have_text("Make an assistant (done)")
        expect(steps.nth(2)).to_have_attribute("aria-current", "step")
        expect(page.get_by_label("Question")).to_have_value("What is the weather in Oslo?")
        assert console.find_accessibility_problems() == []
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("textbox", name="Output of get_weather")).to_be_visible()
        console.open()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        expect(page.get_by_role("link", name="Weather desk")).to_be_visible()
        expect(page.locator(".badge", has_text="needs you").first).to_be_visible()
        assert console.find_accessibility_problems() == []
        assert not console.has_horizontal_scroll()


def test_an_example_brings_its_files(browser, server):
    key = create_project(server, "examples")
    with open_console(browser, server, key=key) as console:
        page = console.open("?example=files")
        page.get_by_role("button", name="Create it").click()
        expect(page.get_by_label("Question")).to_have_value("How long do refunds take?")
        page.get_by_role("button", name="Skip").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    client = server.new_client(api_key=key)
    made = client.beta.assistants.list().data[0]
    (store,) = made.tool_resources.file_search.vector_store_ids
    (file,) = client.vector_stores.files.list(store).data
    assert client.files.retrieve(file.id).filename == "handbook.md"
    client.close()


def test_the_overview_follows_runs(console, server, upstream):
    client = server.client
    assistant = client.beta.assistants.create(model="gpt-4o", name="Overviewed")
    messages = [{"role": "user", "content": "Where is the overview?"}]
    upstream.answer(text("Done."))
    client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread={"messages": messages})
    page = console.open()
    gate = Gate()
    upstream.answer(text("One ", gate, "two"))
    run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread={"messages": messages})
    running = page.locator(f"a[href$='{run.id}']")
    expect(running).to_be_visible()
    gate.open()
    expect(running).to_have_count(0)
    upstream.answer(fault(400, "The prompt has a fault."))
    failed = client.beta.threads.create_and_run(assistant_id=assistant.id, thread={"messages": messages})
    row = page.get_by_role("listitem").filter(has=page.locator(f"a[href$='{failed.id}']"))
    expect(row).to_contain_text("The prompt has a fault.")
    expect(page.get_by_role("link", name="Where is the overview?").first).to_be_visible()
    assert console.find_accessibility_problems() == []


def test_empty_lists_have_a_first_action(browser, server):
    with open_console(browser, server, NARROW, key=create_project(server, "empty")) as console:
        for path in ("runs", "responses", "completions", "videos", "deliveries"):
            empty = console.open(path).locator(".empty")
            expect(empty.get_by_role("link").or_(empty.locator("figure.code")).first).to_be_visible()
            assert not console.has_horizontal_scroll()
            assert console.find_accessibility_problems() == []
