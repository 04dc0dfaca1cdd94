"""Runs: the live list by state, a run's timeline, its events, cancelling and running again."""

import re

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import HANG, call, calls, fault, pause, text

FUNCTION = {"type": "function", "function": {"name": "get_order", "parameters": {"type": "object", "properties": {}}}}


def start(server, upstream, *answers, name="Runner"):
    """A run of a new assistant on a new thread, which the upstream answers with `answers`."""
    client = server.client
    assistant = client.beta.assistants.create(model="gpt-4o", name=name, tools=[FUNCTION])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Where is order 7?"}])
    upstream.answer(*answers)
    return client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)


def path_of(run):
    return f"threads/{run.thread_id}/runs/{run.id}"


def test_a_run_with_a_function_is_followed_to_its_end(console, server, upstream):
    run = start(server, upstream, calls(call("get_order", id=7)), text("It ", "was ", "sent."))
    page = console.open(path_of(run))
    expect(page.get_by_text("needs you")).to_be_visible()
    waiting = page.get_by_role("button", name="waits for get_order")
    waiting.click()
    detail = page.get_by_role("region", name="waits for get_order")
    expect(detail.get_by_text('"id"')).to_be_visible()
    assert console.find_accessibility_problems() == []
    (wanted,) = server.client.beta.threads.runs.retrieve(
        run.id, thread_id=run.thread_id
    ).required_action.submit_tool_outputs.tool_calls
    server.client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": wanted.id, "output": '{"state": "sent"}'}]
    )
    expect(page.locator(".badge", has_text="completed").first).to_be_visible()
    expect(page.get_by_role("button", name="model turn · gpt-4o")).to_have_count(2)
    page.keyboard.press("2")
    expect(page.locator(".event-row", has_text="thread.run.completed")).to_be_visible()
    page.get_by_label("Every type").select_option("thread.message.delta")
    expect(page.locator(".event-row", has_text="thread.run")).to_have_count(0)
    page.locator(".event-row").first.click()
    expect(page.locator(".json-string", has_text=re.compile(r"^\W*It \W*$"))).to_be_visible()
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(re.compile(run.id))
    expect(page.locator(".badge", has_text="completed").first).to_be_visible()


def test_the_list_of_runs_is_live_and_filtered_by_state(console, server, upstream):
    done = start(server, upstream, text("done"))
    page = console.open("runs")
    row = page.locator(f"tr[data-id={done.id}]")
    expect(row.locator(".badge", has_text="completed")).to_be_visible()
    hanging = start(server, upstream, text("begin", HANG))
    page.get_by_role("button", name="1 new").click()
    running = page.locator(f"tr[data-id={hanging.id}]")
    expect(running.locator(".badge", has_text="in progress")).to_be_visible()
    assert console.find_accessibility_problems() == []
    server.client.beta.threads.runs.cancel(hanging.id, thread_id=hanging.thread_id)
    expect(running.locator(".badge", has_text="cancelled")).to_be_visible()
    page.get_by_label("Any state").select_option("cancelled")
    expect(page.locator(f"tr[data-id={hanging.id}]")).to_be_visible()
    expect(row).to_have_count(0)
    page.locator(f"tr[data-id={hanging.id}] .row-link").click()
    page.get_by_role("link", name="Open").click()
    expect(page.locator("h1")).to_contain_text("cancelled")


def test_a_run_is_cancelled_on_its_page_and_found_by_its_id(browser, server, upstream):
    run = start(server, upstream, text("begin", HANG))
    with open_console(browser, server, NARROW, "dark") as narrow:
        page = narrow.open(f"runs/{run.id}")
        expect(page.locator(".badge", has_text="in progress").first).to_be_visible()
        assert page.url.endswith(path_of(run))
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".badge", has_text="cancelled").first).to_be_visible()
        assert not narrow.has_horizontal_scroll()
        assert narrow.find_accessibility_problems() == []


def test_two_runs_are_compared_and_one_is_changed_in_the_playground(console, server, upstream):
    first = start(server, upstream, text("Order 7 was **sent**."), name="Compared")
    page = console.open(path_of(first))
    expect(page.locator(".badge", has_text="completed").first).to_be_visible()
    upstream.answer(text("Order 7 was **paid**."))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Run again on a branch").click()
    expect(page).not_to_have_url(re.compile(first.id))
    expect(page.locator(".badge", has_text="completed").first).to_be_visible()
    assert upstream.requests[-1].body["messages"] == upstream.requests[-2].body["messages"]
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Compare with…").click()
    assert console.find_accessibility_problems() == []
    page.get_by_role("dialog").locator(f"a[href*='b={first.id}']").click()
    expect(page.get_by_role("article", name="A").locator("strong")).to_have_text("paid")
    expect(page.get_by_role("article", name="B").locator("strong")).to_have_text("sent")
    expect(page.get_by_text("All settings are the same.")).to_be_visible()
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Word by word").click()
    expect(page.locator("del")).to_have_text("paid")
    expect(page.locator("ins")).to_have_text("sent")
    page.get_by_role("button", name="Swap").click()
    expect(page.locator("ins")).to_have_text("paid")
    # The tables of a long page are whole.
    page.set_viewport_size({"width": 1280, "height": 500})
    assert console.find_clipped_texts() == []
    expect(page.get_by_role("row", name="Duration")).to_be_in_viewport()
    page.set_viewport_size(NARROW)
    assert not console.has_horizontal_scroll()
    assert console.find_clipped_texts() == []
    page.get_by_role("list", name="Timeline of A").get_by_role("link").last.click()
    expect(page.get_by_role("region", name="model turn · gpt-4o")).to_be_visible()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Change in the playground").click()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Where is order 7?")
    assert first.thread_id not in page.url


def test_a_failed_run_has_its_cause_and_a_remedy(console, server, upstream):
    run = start(server, upstream, fault(400, "The prompt has a fault."))
    page = console.open(path_of(run))
    expect(page.get_by_text("The provider refused the request", exact=True)).to_be_visible()
    expect(page.get_by_text("The prompt has a fault.")).to_be_visible()
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Change in the playground").click()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Where is order 7?")


def test_a_runs_context_shows_what_truncation_left_out(console, server, upstream):
    upstream.answer(text("Fine."))
    client = server.client
    thread = client.beta.threads.create(messages=[{"role": "user", "content": f"Question {n}"} for n in range(4)])
    made = client.beta.assistants.create(model="gpt-4o", instructions="Be brief.")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id,
        assistant_id=made.id,
        truncation_strategy={"type": "last_messages", "last_messages": 1},
        poll_interval_ms=20,
    )
    page = console.open(f"threads/{thread.id}/runs/{run.id}?tab=context")
    expect(page.get_by_text("3 earlier messages were left out.")).to_be_visible()
    rows = page.get_by_role("table", name="Items of the thread, newest first").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).not_to_contain_text("left out")
    expect(rows.nth(1)).to_contain_text("left out: last_messages")
    assert console.find_accessibility_problems() == []
    assert not console.has_horizontal_scroll()
    rows.nth(3).get_by_role("link", name="You").click()
    expect(page.get_by_role("article", name="You").first).to_contain_text("Question 0")


def test_a_part_of_the_timeline_is_magnified_with_the_keyboard(console, server, upstream):
    run = start(server, upstream, text("Order ", pause(0.3), "7 is paid."))
    page = console.open(path_of(run))
    timeline = page.get_by_role("table", name="Timeline")
    turn = timeline.get_by_role("row", name="model turn")
    expect(turn).to_be_visible()
    expect(timeline.get_by_role("columnheader", name="Cost")).to_be_visible()
    ticks = timeline.locator(".tick")
    before = ticks.all_inner_texts()
    assert len({label.split(" ")[-1] for label in before if label}) == 1
    for _ in range(4):
        page.keyboard.press("+")
    expect(ticks).not_to_have_text(before)
    expect(turn.locator(".bar")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert console.find_accessibility_problems() == []
    assert not console.has_horizontal_scroll()
    page.get_by_role("button", name="Zoom out").click()
    page.keyboard.press("0")
    expect(ticks).to_have_text(before)
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()


def test_bars_keep_their_colours_where_the_system_forces_its_own(browser, server, upstream):
    run = start(server, upstream, text("Order 7 is paid."))
    colour = "(one) => getComputedStyle(one).backgroundColor"
    with open_console(browser, server, forced_colors="active") as console:
        page = console.open(path_of(run))
        bar = page.get_by_role("table", name="Timeline").locator(".bar").last
        expect(bar).to_be_visible()
        assert bar.evaluate(colour) != page.locator("body").evaluate(colour)
        assert console.find_accessibility_problems() == []
