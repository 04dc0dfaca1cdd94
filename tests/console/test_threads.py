"""Threads and conversations: finding them, reading long ones, and what hostile messages can do."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, open_console
from upstream import text

HOSTILE = (
    "<script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    '<svg onload="window.owned=1"><style>*{display:none}</style></svg>',
    "[click](javascript:window.owned=1) [x](JaVaScRiPt:window.owned=1) [y](data:text/html,x) [z](vbscript:x)",
    "![x](https://evil.example/track.png) <https://user@evil.example/>",
    "[apple](http://аpple.com) https://xn--pple-43d.com",
    "<form action=https://evil.example><input name=a></form><base href=//evil.example><meta http-equiv=refresh content=0>",
    "| a | b |\n|:-:|--:|\n| <b style='color:red'>1</b> | 2 |",
    "```html\n<script>window.owned = 1</script>\n```",
    ">" * 3000 + " deep",
    "[" * 20_000,
    "`" * 50_000,
    "\u202egnp.exe \u0000 <div id=app name=body>clobber</div>",
    "# a\n" + "x" * 150_000,
)


def new_thread(server, *messages, **options):
    roles = [{"role": "assistant" if at % 2 else "user", "content": one} for at, one in enumerate(messages)]
    return server.client.beta.threads.create(messages=roles, **options)


def test_threads_are_found_by_text_and_metadata(console, server):
    wanted = new_thread(server, "Where is the parcel with the zebra?", metadata={"customer": "42"})
    new_thread(server, "Something else", metadata={"customer": "43"})
    page = console.open("threads")
    page.keyboard.press("/")
    page.keyboard.type("zebra")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page.locator(f"tr[data-id={wanted.id}]")).to_contain_text("Where is the parcel with the zebra?")
    page.get_by_label("Search", exact=True).fill("nothing has this")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    field = page.get_by_label("metadata: key=value")
    field.fill("customer=42")
    field.press("Enter")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    assert "metadata%5Bcustomer%5D=42" in page.url
    page.reload()
    expect(page.locator(f"tr[data-id={wanted.id}]")).to_be_visible()
    page.get_by_role("button", name="Remove filter: customer = 42").click()
    expect(page.locator("tr[data-id]").nth(1)).to_be_visible()


def test_threads_are_listed_by_their_last_activity(console, server):
    older = new_thread(server, "An older thread about zinnias", metadata={"set": "activity"})
    newer = new_thread(server, "كم من الوقت يستغرق استرداد المبلغ؟", metadata={"set": "activity"})
    server.client.beta.threads.messages.create(older.id, role="user", content="Still there?")
    page = console.open("threads?metadata[set]=activity")
    expect(page.locator("tr[data-id]").first).to_have_attribute("data-id", older.id)
    expect(page.locator("tr[data-id]").nth(1)).to_have_attribute("data-id", newer.id)
    read_direction = "(one) => getComputedStyle(one).direction"
    assert page.locator(f"tr[data-id={older.id}] .is-main bdi").evaluate(read_direction) == "ltr"
    assert page.locator(f"tr[data-id={newer.id}] .is-main bdi").evaluate(read_direction) == "rtl"
    page = console.open("conversations?metadata[set]=activity&q=zinnias")
    expect(page.locator("tr[data-id]")).to_contain_text("An older thread about zinnias")


@pytest.mark.parametrize("form", ["JSON lines", "Markdown"])
def test_a_thread_is_downloaded(console, server, form):
    thread = new_thread(server, "A question <b> to download")
    page = console.open(f"threads/{thread.id}")
    page.get_by_role("button", name="More actions").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=f"Download as {form}").click()
    assert download.value.suggested_filename == f"{thread.id}.{'md' if form == 'Markdown' else 'jsonl'}"
    assert "A question <b> to download" in download.value.path().read_text()


def test_a_thread_has_its_messages_runs_and_details(browser, server, upstream):
    upstream.always(text("Refunds take **14 days**."))
    assistant = server.client.beta.assistants.create(model="gpt-4o", name="Support bot")
    thread = new_thread(server, "How long do refunds take?", metadata={"customer": "42"})
    server.client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50)
    for viewport in ({"width": 1280, "height": 800}, NARROW):
        with open_console(browser, server, viewport, "dark") as console:
            page = console.open(f"threads/{thread.id}")
            log = page.get_by_role("log", name="Messages")
            expect(log.get_by_role("article", name="You")).to_contain_text("How long do refunds take?")
            expect(log.get_by_role("article", name="Support bot").locator("strong").last).to_have_text("14 days")
            if viewport is NARROW:
                page.get_by_role("button", name="Details").click()
            expect(page.get_by_text("completed").locator("visible=true")).to_be_visible()
            assert not console.has_horizontal_scroll()
            assert console.find_accessibility_problems() == []


def test_metadata_is_edited_and_the_thread_deleted(console, server):
    thread = new_thread(server, "Hello", metadata={"customer": "42"})
    page = console.open(f"threads/{thread.id}")
    expect(page.get_by_role("log")).to_contain_text("Hello")
    page.keyboard.press("e")
    page.get_by_role("textbox", name="Metadata").fill(json.dumps({"customer": "44"}))
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".thread-panel")).to_contain_text("customer 44")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("h1")).to_have_text("Threads")


def test_hostile_messages_stay_text(console, server):
    thread = new_thread(server, *(one for message in HOSTILE for one in ("Next", message)))
    page = console.open(f"threads/{thread.id}")
    log = page.get_by_role("log")
    page.get_by_role("button", name="Show all 150,004 characters").click()
    for message in server.client.beta.threads.messages.list(thread.id, limit=100).data[::2]:
        page.goto(f"{console.origin}/console/threads/{thread.id}?at={message.id}")
        expect(log.locator(f"[data-id={message.id}]")).to_be_visible()
        if "apple" in message.content[0].text.value:
            expect(log.locator(".link-host.is-unsafe").first).to_have_text("⚠ xn--pple-43d.com")
        assert page.evaluate("() => window.owned") is None
        assert page.locator(".markdown :is(img, script, style, form, input, svg, iframe, base, meta)").count() == 0
        protocols = set(page.locator(".markdown a").evaluate_all("(links) => links.map((one) => one.protocol)"))
        assert protocols <= {"http:", "https:", "mailto:"}


@pytest.fixture(scope="module")
def long_thread(console_server):
    """Three pages of messages; positions in 10,000 rows are tested in Node."""
    client = console_server.client
    thread = client.beta.threads.create()
    answer = "Answer **{}**\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    with ThreadPoolExecutor(8) as pool:
        for first in range(0, 240, 8):
            list(
                pool.map(
                    lambda number: client.beta.threads.messages.create(
                        thread.id, role="assistant" if number % 2 else "user", content=answer.format(number)
                    ),
                    range(first, first + 8),
                )
            )
    return thread.id


def test_a_long_thread_begins_at_its_end_and_scrolls_to_its_start(console, server, long_thread):
    newest = server.client.beta.threads.messages.list(long_thread, limit=1).data[0]
    page = console.open(f"threads/{long_thread}")
    log = page.get_by_role("log")
    expect(log.locator(f"[data-id={newest.id}]")).to_be_in_viewport()
    assert log.locator("[data-id]").count() < 60
    log.focus()
    oldest = server.client.beta.threads.messages.list(long_thread, limit=1, order="asc").data[0]
    row = log.locator(f"[data-id={oldest.id}]")
    while row.count() == 0:
        before = log.evaluate("(one) => one.scrollTop")
        log.evaluate("(one) => { one.scrollTop = Math.max(0, one.scrollTop - 3000); }")
        # At the start nothing moves any more: its rows show in the next frame.
        page.wait_for_function(
            "([before, id]) => document.querySelector('[role=log]').scrollTop !== before"
            " || document.querySelector(`[role=log] [data-id=${id}]`)",
            arg=[before, oldest.id],
        )
    page.get_by_role("button", name="Newest").click()
    expect(log.locator(f"[data-id={newest.id}]")).to_be_in_viewport()


def test_a_link_opens_the_middle_of_a_thread(console, server, long_thread):
    listed = server.client.beta.threads.messages.list(long_thread, limit=100).data
    middle = listed[-1]
    page = console.open(f"threads/{long_thread}?at={middle.id}")
    log = page.get_by_role("log")
    expect(log.locator(f"[data-id={middle.id}]")).to_be_in_viewport()
    expect(log.locator(f"[data-id={middle.id}] .is-target")).to_be_visible()
    place = log.locator(f"[data-id={middle.id}]").bounding_box()
    page.wait_for_load_state("networkidle")
    assert log.locator(f"[data-id={middle.id}]").bounding_box() == place


def test_a_conversation_shows_messages_and_calls(console, server):
    items = [
        {"type": "message", "role": "user", "content": "Weather in Oslo?"},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "18 degrees"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "It is **18**.", "annotations": []}],
        },
    ]
    made = server.client.conversations.create(items=items, metadata={"kind": "weather"})
    page = console.open("conversations?metadata%5Bkind%5D=weather")
    page.locator(f"tr[data-id={made.id}] a").press("Enter")
    log = page.get_by_role("log", name="Items")
    expect(log).to_contain_text("It is 18.")
    log.get_by_role("button", name="get_weather").click()
    expect(log.locator(".json-tree")).to_contain_text('"call_id": "call_1"')
    assert console.find_accessibility_problems() == []


def test_messages_of_a_thread_are_found_with_the_keyboard(console, server):
    contents = [f"Filler {number} of a long thread." for number in range(120)]
    contents[7] = "How long do **refunds** take for the lighthouse?"
    thread = server.client.beta.threads.create()
    for content in contents:
        server.client.beta.threads.messages.create(thread.id, role="user", content=content)
    page = console.open(f"threads/{thread.id}")
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Words of a message")
    expect(field).to_be_focused()
    field.fill("nowhere")
    expect(page.get_by_text("No message has all of these words.")).to_be_visible()
    field.fill("LIGHTHOUSE refunds")
    hit = page.get_by_role("dialog").get_by_role("link", name="How long do")
    expect(hit.locator("mark")).to_have_text(["refunds", "lighthouse"])
    assert console.find_accessibility_problems() == []
    field.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("log").locator(".is-target")).to_contain_text("lighthouse")
