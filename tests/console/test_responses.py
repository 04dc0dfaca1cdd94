"""Responses: what went in and came out, the timeline, and lists that change while they are open."""

import base64

from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import call, calls, text

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PARTS = [
    {"type": "input_text", "text": "Compare these."},
    {"type": "input_image", "image_url": f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"},
    {"type": "input_image", "image_url": "https://images.example/" + "long/" * 60},
]


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


def test_images_of_items_are_shown_and_those_of_other_servers_named(console, server):
    conversation = server.client.conversations.create(items=[{"role": "user", "content": PARTS}])
    made = server.client.responses.create(model="rehearsal", input=[{"role": "user", "content": PARTS[:2]}])
    page = console.open(f"conversations/{conversation.id}")
    image = page.get_by_role("article").get_by_role("img")
    expect(image).to_be_visible()
    assert image.evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 1
    expect(page.get_by_text("https://images.example/long/")).to_be_visible()
    assert not console.has_horizontal_scroll()
    for path in (f"responses/{made.id}", f"playground/responses?conversation={conversation.id}"):
        page = console.open(path)
        expect(page.get_by_role("article", name="You").get_by_role("img").first).to_be_visible()


def test_the_results_of_a_web_search_are_links_to_pages_of_the_web(console, server, upstream):
    upstream.answer(calls(call("web_search", queries=["engines", "motors"])), text("It has 6 cylinders."))
    include = ["web_search_call.action.sources", "web_search_call.results"]
    tools = [{"type": "web_search"}]
    made = server.client.responses.create(model="gpt-4o", input="How many?", tools=tools, include=include)
    page = console.open(f"responses/{made.id}")
    page.get_by_role("button", name="web_search_call engines · motors — 2 results").click()
    assert page.locator(".web-results a").evaluate_all("(all) => all.map((one) => one.href)") == [
        "https://www.example.com/engines",
        "https://docs.example.org/a_%28b%29?x=1",
    ]
    assert console.find_accessibility_problems() == []
