"""The playground: a message, its answer as it arrives, tools, stopping, and coming back to a thread."""

import json

import pytest
from playwright.sync_api import Page, expect

from console.browser import NARROW, open_console
from upstream import HANG, Gate, call, calls, fault, text

ORDER = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
FUNCTION = {"type": "function", "function": {"name": "get_order", "parameters": ORDER}}

DROPPED_IMAGE = """() => {
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(png), (one) => one.charCodeAt(0))], "dot.png", { type: "image/png" }));
  return transfer;
}"""


@pytest.fixture
def assistant(server):
    return server.client.beta.assistants.create(model="gpt-4o", name="Support bot", tools=[FUNCTION])


def send(page: Page, message: str) -> None:
    field = page.get_by_role("textbox", name="Message")
    field.fill(message)
    field.press("Control+Enter")


def test_an_answer_arrives_and_is_there_after_a_reload(console, server, upstream, assistant):
    gate = Gate()
    upstream.answer(text("Refunds take ", "**14 days**.\n\n", "Why:\n\n- one\n", gate, "- two\n"))
    page = console.open(f"playground?assistant={assistant.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "How long do refunds take?")
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article", name="You")).to_contain_text("How long do refunds take?")
    answer = log.get_by_role("article", name="Assistant")
    expect(answer.locator("strong")).to_have_text("14 days")
    expect(answer.locator("li")).to_have_text(["one"])
    finished = answer.locator("p").first.element_handle()
    gate.open()
    expect(answer.locator("li")).to_have_text(["one", "two"])
    assert finished.evaluate("(one) => one.isConnected")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert "thread=thread_" in page.url
    page.reload()
    expect(log.get_by_role("article")).to_have_count(2)
    expect(log.get_by_role("article", name="Assistant").locator("li")).to_have_text(["one", "two"])
    assert console.find_accessibility_problems() == []


def test_functions_are_answered_by_hand_and_then_by_a_stub(console, server, upstream, assistant):
    upstream.answer(calls(call("get_order", id=7)), text("Order 7 is paid."))
    page = console.open(f"playground?assistant={assistant.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "Where is order 7?")
    output = page.get_by_role("textbox", name="Output of get_order")
    expect(output).to_be_visible()
    expect(page.get_by_role("button", name="get_order {")).to_be_visible()
    output.fill('{"state": ')
    expect(page.get_by_text("Line 1:")).to_be_visible()
    output.fill('{"state": "paid"}')
    page.get_by_label("Fill in this output for later calls").check()
    assert console.find_accessibility_problems() == []
    output.press("Control+Enter")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Order 7 is paid.")
    expect(log.locator(".call")).to_contain_text('{"state": "paid"}')
    assert upstream.requests[-1].body["messages"][-1]["content"] == '{"state": "paid"}'
    upstream.answer(calls(call("get_order", id=8)), text("Order 8 is paid."))
    send(page, "And order 8?")
    expect(output).to_have_value('{"state": "paid"}')
    page.get_by_role("button", name="Submit the output").click()
    expect(log).to_contain_text("Order 8 is paid.")
    page.get_by_role("button", name="get_order", exact=True).click()
    stub = page.get_by_role("textbox", name="Saved output")
    expect(stub).to_have_value('{"state": "paid"}')
    stub.fill("sent")
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Use").click()
    upstream.answer(calls(call("get_order", id=9)), text("Order 9 was sent."))
    send(page, "And order 9?")
    expect(output).to_have_value("sent")
    page.get_by_role("button", name="Submit the output").click()
    expect(log).to_contain_text("Order 9 was sent.")


def test_calls_of_an_mcp_server_are_approved_or_refused(console, server, upstream, dice):
    tool = {"type": "mcp", "server_label": "dice", "server_url": dice.url, "require_approval": "always"}
    roller = server.client.beta.assistants.create(model="gpt-4o", name="Roller", tools=[tool])
    upstream.answer(calls(call("roll", expression="2d4+1")), text("You rolled 7."))
    page = console.open(f"playground?assistant={roller.id}")
    expect(page.get_by_role("list", name="MCP servers").get_by_role("button", name="dice", exact=True)).to_be_visible()
    send(page, "Roll")
    log = page.get_by_role("log")
    expect(log.locator(".call")).to_contain_text('dice.roll{"expression": "2d4+1"}')
    expect(log).to_contain_text("This call needs your approval.")
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Approve").click()
    expect(log).to_contain_text("You rolled 7.")
    upstream.answer(calls(call("roll", expression="9d9")), text("Then not."))
    send(page, "Once more")
    page.get_by_role("button", name="Refuse").click()
    expect(log).to_contain_text("Then not.")
    page.reload()
    expect(log.locator(".call").last).to_contain_text("failed")
    assert [one["expression"] for one in dice.calls()] == ["2d4+1"]


def test_a_stopped_answer_stays_and_runs_again(console, server, upstream, assistant):
    upstream.answer(text("Half of ", HANG), text("The whole answer."))
    page = console.open(f"playground?assistant={assistant.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "Tell me everything")
    log = page.get_by_role("log")
    expect(log.get_by_role("article", name="Assistant")).to_contain_text("Half of")
    page.get_by_role("button", name="Stop").click()
    expect(log).to_contain_text("Stopped. What had arrived stays.")
    expect(log.get_by_role("article", name="Assistant")).to_contain_text("Half of")
    page.get_by_role("button", name="Run again").click()
    expect(log).to_contain_text("The whole answer.")


def test_a_failed_run_says_why_and_runs_again(console, server, upstream, assistant):
    upstream.answer(fault(400, "The prompt has a fault."), text("Now it works."))
    page = console.open(f"assistants/{assistant.id}")
    page.get_by_role("link", name="Try it").click()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "Hi")
    log = page.get_by_role("log")
    expect(log).to_contain_text("The prompt has a fault.")
    page.get_by_role("button", name="Run again").click()
    expect(log).to_contain_text("Now it works.")


def test_a_lost_connection_resumes_where_it_ended(console, server, upstream, assistant):
    gate = Gate()
    upstream.answer(text("One ", "two ", gate, "three"))
    page = console.open(f"playground?assistant={assistant.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "Count")
    answer = page.get_by_role("log").get_by_role("article", name="Assistant")
    expect(answer).to_contain_text("One two")
    # Another tab finds the run that this one follows; both show each word once.
    with console.context.expect_page() as opened:
        page.evaluate(
            "(url) => { const link = document.createElement('a'); link.href = url; link.target = '_blank'; link.rel = 'noopener'; link.click(); }",
            page.url,
        )
    other = opened.value.get_by_role("log").get_by_role("article", name="Assistant")
    expect(other).to_contain_text("One two")
    console.context.set_offline(True)
    gate.open()
    console.context.set_offline(False)
    for one in (answer, other):
        expect(one.locator(".markdown")).to_have_text("One two three")


def test_an_assistant_is_made_with_a_function_on_a_small_screen(browser, server, upstream):
    upstream.answer(text("Hello."))
    with open_console(browser, server, NARROW, "dark") as console:
        page = console.open("playground")
        assert console.find_accessibility_problems() == []
        page.get_by_role("button", name="Assistant").click()
        sheet = page.get_by_role("dialog", name="Assistant")
        sheet.get_by_label("Model").fill("gpt-4o")
        sheet.get_by_label("Name").fill("Made here")
        sheet.get_by_role("button", name="Function").click()
        editor = page.get_by_role("textbox", name="Definition")
        editor.fill('{"name": "no spaces"}')
        expect(page.get_by_text("The name has 1 to 64 letters")).to_be_visible()
        expect(page.get_by_role("button", name="Use")).to_be_disabled()
        editor.fill(json.dumps(FUNCTION["function"]))
        page.get_by_role("button", name="Use").click()
        page.reload()
        page.get_by_role("button", name="Assistant").click()
        expect(sheet.get_by_label("Name")).to_have_value("Made here")
        sheet.get_by_role("button", name="Create assistant").click()
        expect(sheet.get_by_role("button", name="Save as new")).to_be_visible()
        sheet.get_by_label("Instructions").fill("Be brief.")
        assert console.find_accessibility_problems() == []
        page.keyboard.press("Escape")
        send(page, "Hi")
        expect(page.get_by_role("log")).to_contain_text("Hello.")
        # What is not saved belongs to the run.
        sent = upstream.requests[-1].body
        assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
        assert sent["tools"][0]["function"]["name"] == "get_order"
        assert not console.has_horizontal_scroll()
        assert console.find_accessibility_problems() == []


def test_files_are_uploaded_with_the_message(console, server, upstream):
    made = server.client.beta.assistants.create(model="gpt-4o", tools=[{"type": "file_search"}])
    upstream.answer(text("I read it."))
    page = console.open(f"playground?assistant={made.id}")
    page.locator("input[type=file]").set_input_files(
        {"name": "note.md", "mimeType": "text/markdown", "buffer": b"# Refunds\n14 days"}
    )
    files = page.get_by_role("list", name="Files of the message")
    expect(files.get_by_label("Use of note.md")).to_have_value("file_search")
    dropped = page.evaluate_handle(DROPPED_IMAGE)
    page.dispatch_event("body", "dragover", {"dataTransfer": dropped})
    expect(page.locator(".composer-box.is-dragged")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(files.get_by_role("listitem")).to_have_count(2)
    expect(files.get_by_role("button", name="Remove dot.png")).to_be_visible()
    expect(files.get_by_role("progressbar")).to_have_count(0)
    send(page, "What is in it?")
    expect(page.get_by_role("log")).to_contain_text("I read it.")
    thread = page.url.split("thread=")[1].split("&")[0]
    message = server.client.beta.threads.messages.list(thread, order="asc").data[0]
    assert message.attachments is not None
    assert [one.to_dict() for one in message.attachments[0].tools] == [{"type": "file_search"}]
    assert [part.type for part in message.content] == ["text", "image_file"]
    image = page.get_by_role("article", name="You").get_by_role("img")
    expect(image).to_be_visible()
    assert image.evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 1


def test_a_citation_opens_its_passages(console, server, upstream):
    file = server.client.files.create(file=("handbook.md", b"Refunds take 14 days."), purpose="assistants")
    store = server.client.vector_stores.create(name="Handbook")
    server.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    made = server.client.beta.assistants.create(
        model="gpt-4o", name="Librarian", tools=[{"type": "file_search"}], tool_resources=resources
    )
    upstream.answer(calls(call("file_search", query="refunds")), text("14 days\u3010" + "0:0\u2020handbook.md\u3011."))
    page = console.open(f"playground?assistant={made.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Librarian")
    send(page, "How long do refunds take?")
    log = page.get_by_role("log")
    log.get_by_role("button", name="Passages").click()
    side = page.get_by_role("complementary", name="Passages")
    expect(side).to_contain_text("Refunds take 14 days.")
    side.get_by_role("button", name="Close").click()
    log.get_by_role("button", name="File search 1 passage").click()
    log.get_by_role("button", name="handbook.md").click()
    expect(side).to_contain_text("Score 0.")
    side.get_by_role("button", name="Neighbours").click()
    expect(side.locator(".chunk.is-current")).to_contain_text("chunk 1 of 1")
    assert console.find_accessibility_problems() == []
    console.open(f"threads/{page.url.partition('thread=')[2].partition('&')[0]}")
    page.get_by_role("log").get_by_role("button", name="Passages").click()
    expect(page.get_by_role("dialog")).to_contain_text("Refunds take 14 days.")
    assert console.find_accessibility_problems() == []


def test_an_edited_message_and_a_retried_answer_are_versions_beside_the_first(console, server, upstream, assistant):
    upstream.answer(text("Oslo is mild."), text("Rome is hot."), text("Rome is dry."))
    page = console.open(f"playground?assistant={assistant.id}")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Support bot")
    send(page, "Weather in Oslo?")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Oslo is mild.")
    first = page.url
    question = log.get_by_role("article", name="You")
    question.hover()
    question.get_by_role("button", name="Edit").click()
    editor = page.get_by_role("textbox", name="Edited message")
    expect(editor).to_have_value("Weather in Oslo?")
    editor.fill("Weather in Rome?")
    assert console.find_accessibility_problems() == []
    editor.press("Control+Enter")
    expect(log).to_contain_text("Rome is hot.")
    expect(log).not_to_contain_text("Oslo")
    versions = log.get_by_role("group", name="Versions")
    expect(versions).to_contain_text("2/2")
    assert page.url != first
    log.get_by_role("button", name="Run again").click()
    expect(log).to_contain_text("Rome is dry.")
    expect(versions).to_have_text(["2/2", "2/2"])
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["Weather in Rome?"]
    assert console.find_accessibility_problems() == []
    page.keyboard.press("[")
    expect(log).to_contain_text("Rome is hot.")
    expect(versions).to_have_text(["2/2", "1/2"])
    versions.first.get_by_role("button", name="Previous version").click()
    expect(log).to_contain_text("Oslo is mild.")
    expect(versions).to_have_text(["1/2"])
    page.go_back()
    expect(log).to_contain_text("Rome is hot.")


def test_a_reader_who_selects_is_not_scrolled_and_escape_goes_to_stop(console, upstream, assistant):
    gate = Gate()
    lines = [f"Line {number} of the answer.\n\n" for number in range(60)]
    upstream.answer(text(*lines, gate, *lines, "The end."), text("Hello", HANG))
    page = console.open(f"playground?assistant={assistant.id}")
    send(page, "Tell me everything")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Line 59")
    expect(page.get_by_role("button", name="Newest")).to_have_count(0)
    log.get_by_text("Line 58 of").click(click_count=3)
    expect(page.get_by_role("button", name="Newest")).to_be_visible()
    before = log.evaluate("(one) => one.scrollTop")
    gate.open()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert log.evaluate("(one) => one.scrollTop") == before
    assert "Line 58" in page.evaluate("() => document.getSelection().toString()")
    page.get_by_role("button", name="Newest").click()
    expect(log.get_by_text("The end.")).to_be_in_viewport()
    assert console.find_accessibility_problems() == []
    send(page, "And now?")
    expect(log).to_contain_text("Hello")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(log).to_contain_text("Stopped. What had arrived stays.")
    page.keyboard.press("Tab")
    page.locator("body").press("i")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_code_in_a_text_from_right_to_left_runs_from_left_to_right(console, upstream, assistant):
    upstream.answer(text("استرداد المبلغ:\n\n```python\nprint(1)\n```\n"))
    page = console.open(f"playground?assistant={assistant.id}")
    send(page, "كم من الوقت؟")
    code = page.get_by_role("log").locator("pre")
    expect(code).to_have_text("print(1)\n")
    assert code.evaluate("(one) => getComputedStyle(one).direction") == "ltr"
    paragraph = page.get_by_role("log").locator(".markdown p")
    assert paragraph.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
