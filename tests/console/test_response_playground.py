"""The playground of responses, and two models side by side."""

import json
import re

from playwright.sync_api import Page, expect

from console.browser import NARROW, open_console
from serving import KEY
from upstream import HANG, Gate, call, calls, text

ORDER = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}


def send(page: Page, message: str) -> None:
    field = page.get_by_role("textbox", name="Message")
    field.fill(message)
    field.press("Control+Enter")


def test_a_response_calls_a_function_and_the_next_one_continues_it(console, server, upstream, monkeypatch, capsys):
    upstream.answer(calls(call("get_order", id=7)), text("Order 7 is **paid**."), text("It left on Friday."))
    page = console.open("playground")
    page.get_by_role("link", name="Responses", exact=True).last.click()
    expect(page.get_by_role("group", name="The next response continues")).to_be_visible()
    assert console.find_clipped_texts() == []
    page.get_by_label("Model").fill("gpt-4o")
    page.get_by_role("textbox", name="Instructions").fill("Be brief.")
    page.get_by_role("button", name="Function").click()
    page.get_by_role("textbox", name="Definition").fill(json.dumps({"name": "get_order", "parameters": ORDER}))
    page.get_by_role("button", name="Use").click()
    assert console.find_accessibility_problems() == []
    send(page, "Where is order 7?")
    output = page.get_by_role("textbox", name="Output of get_order")
    output.fill('{"state": "paid"}')
    expect(page.get_by_text("The functions need their outputs first.")).to_be_visible()
    assert console.find_accessibility_problems() == []
    output.press("Control+Enter")
    log = page.get_by_role("log")
    expect(log.locator("strong", has_text="paid")).to_be_visible()
    expect(log.locator(".call")).to_contain_text("get_order")
    first = page.url
    assert "response=resp_" in first
    send(page, "And when did it leave?")
    expect(log).to_contain_text("It left on Friday.")
    assert page.url != first
    page.reload()
    expect(log).to_contain_text("It left on Friday.")
    expect(log.get_by_role("article", name="You")).to_have_count(2)
    sent = upstream.requests[-1].body["messages"]
    assert [one["role"] for one in sent] == ["system", "user", "assistant", "tool", "assistant", "user"]
    page.get_by_role("button", name="API call").click()
    dialog = page.get_by_role("dialog", name="API call")
    expect(dialog).to_contain_text("previous_response_id")
    assert console.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Python").click()
    program = dialog.locator("pre").inner_text()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    upstream.answer(text("From a program."))
    exec(program, {})
    assert capsys.readouterr().out == "From a program.\n"


def test_a_call_of_an_mcp_server_is_approved_with_its_whole_address(console, server, upstream, dice):
    tool = {"type": "mcp", "server_label": "dice", "server_url": dice.url, "require_approval": "always"}
    upstream.answer(calls(call("roll", expression="3d4")), text("You rolled 7."))
    asked = server.client.responses.create(model="gpt-4o", input="Roll", tools=[tool])
    page = console.open(f"playground/responses?response={asked.id}")
    servers = page.get_by_role("list", name="MCP servers")
    expect(servers).to_contain_text("responses return only the host")
    expect(page.get_by_text("Approve or refuse the calls first.")).to_be_visible()
    assert console.find_accessibility_problems() == []
    servers.get_by_role("button", name="dice", exact=True).click()
    definition = page.get_by_role("textbox", name="Definition")
    expect(definition).to_have_value(re.compile("<redacted>"))
    definition.fill(json.dumps({name: value for name, value in tool.items() if name != "type"}))
    assert console.find_accessibility_problems() == []
    page.get_by_role("button", name="Use", exact=True).click()
    expect(servers).not_to_contain_text("responses return only the host")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("log")).to_contain_text("You rolled 7.")
    assert dice.calls()[-1]["expression"] == "3d4"
    assert console.find_accessibility_problems() == []


def test_a_response_in_a_conversation_is_stopped_and_resumes_after_a_reload(browser, server, upstream):
    gate = Gate()
    upstream.answer(text("One ", "two ", gate, "three ", HANG), text("Four."))
    with open_console(browser, server, NARROW, "dark") as console:
        page = console.open("playground/responses")
        page.get_by_role("button", name="Settings").click()
        sheet = page.get_by_role("dialog", name="Settings")
        sheet.get_by_label("Model").fill("gpt-4o")
        sheet.get_by_role("button", name="a conversation").click()
        assert console.find_accessibility_problems() == []
        page.keyboard.press("Escape")
        send(page, "Count")
        answer = page.get_by_role("log").get_by_role("article", name="Assistant")
        expect(answer).to_contain_text("One two")
        page.reload()
        expect(answer).to_contain_text("One two")
        gate.open()
        expect(answer).to_contain_text("One two three")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("log")).to_contain_text("Stopped. What had arrived stays.")
        expect(answer).to_contain_text("One two three")
        send(page, "Go on")
        expect(page.get_by_role("log")).to_contain_text("Four.")
        assert not console.has_horizontal_scroll()
        assert console.find_accessibility_problems() == []
    response = server.client.responses.retrieve(page.url.split("response=")[1].split("&")[0])
    assert response.conversation is not None
    items = server.client.conversations.items.list(response.conversation.id, order="asc").data
    assert [item.role for item in items if item.type == "message"][-2:] == ["user", "assistant"]


def test_an_earlier_message_is_edited_and_an_answer_is_retried(console, server, upstream):
    upstream.answer(text("Oslo is mild."), text("Bergen is wet."), text("Rome is hot."), text("Rome is dry."))
    first = server.client.responses.create(model="gpt-4o", instructions="Be brief.", input="Weather in Oslo?")
    page = console.open(f"responses/{first.id}")
    page.get_by_role("link", name="Continue in the playground").click()
    expect(page.get_by_role("textbox", name="Instructions")).to_have_value("Be brief.")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Oslo is mild.")
    send(page, "And in Bergen?")
    expect(log).to_contain_text("Bergen is wet.")
    question = log.get_by_role("article", name="You").first
    question.hover()
    question.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Edited message").fill("Weather in Rome?")
    page.get_by_role("button", name="Send as a new version").click()
    expect(log).to_contain_text("Rome is hot.")
    expect(log).not_to_contain_text("Bergen")
    page.get_by_role("button", name="Run again").click()
    expect(log).to_contain_text("Rome is dry.")
    expect(log).not_to_contain_text("Rome is hot.")
    sent = [one["content"] for one in upstream.requests[-1].body["messages"]]
    assert sent == ["Be brief.", "Weather in Rome?"]
    page.go_back()
    expect(log).to_contain_text("Rome is hot.")


def test_versions_of_a_conversation_are_beside_each_other(console, server, upstream):
    upstream.answer(text("One."), text("Two."), text("Three."))
    conversation = server.client.conversations.create()
    server.client.responses.create(model="gpt-4o", conversation=conversation.id, input="First?")
    page = console.open(f"conversations/{conversation.id}")
    page.get_by_role("link", name="Continue in the playground").click()
    expect(page.get_by_text("The next response is added to the conversation.")).to_be_visible()
    page.get_by_label("Model").fill("gpt-4o")
    log = page.get_by_role("log")
    expect(log).to_contain_text("One.")
    send(page, "Second?")
    expect(log).to_contain_text("Two.")
    page.get_by_role("button", name="Run again").click()
    expect(log).to_contain_text("Three.")
    versions = log.get_by_role("group", name="Versions")
    expect(versions).to_have_text(["2/2"])
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["First?", "One.", "Second?"]
    assert console.find_accessibility_problems() == []
    expect(page.get_by_role("status").filter(has_text="The answer is complete")).to_be_attached()
    versions.get_by_role("button", name="Previous version").click()
    expect(log).to_contain_text("Two.")
    expect(versions).to_have_text(["1/2"])
    page.keyboard.press("]")
    expect(log).to_contain_text("Three.")


def test_two_models_answer_side_by_side(console, server, upstream):
    gate = Gate()
    upstream.always(lambda request: text(f"I am {request.body['model']}. ", gate, "Done."))
    page = console.open("playground/compare")
    page.get_by_role("combobox", name="Model 1").fill("gpt-4o")
    page.get_by_role("combobox", name="Model 2").fill("gpt-4o-mini")
    send(page, "Who are you?")
    one = page.get_by_role("region", name="Model 1")
    other = page.get_by_role("region", name="Model 2")
    expect(one.get_by_role("log")).to_contain_text("I am gpt-4o.")
    expect(other.get_by_role("log")).to_contain_text("I am gpt-4o-mini.")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    gate.open()
    expect(one.get_by_role("log")).to_contain_text("Done.")
    expect(other.get_by_text("9 → 3")).to_be_visible()
    expect(one.locator("dd").nth(1)).to_contain_text("s")
    assert "models=gpt-4o%2Cgpt-4o-mini" in page.url
    page.get_by_role("button", name="API call").click()
    dialog = page.get_by_role("dialog", name="API call")
    dialog.get_by_role("button", name="gpt-4o-mini").click()
    expect(dialog.locator("pre")).to_contain_text('"gpt-4o-mini"')
    assert console.find_accessibility_problems() == []
    page.keyboard.press("Escape")
    assert console.find_accessibility_problems() == []
    assert not console.has_horizontal_scroll()


def test_a_response_that_was_made_elsewhere_continues_with_its_own_settings(console, server, upstream):
    upstream.answer(text("One."), text("Two."), text("Three."))
    tool = {"type": "function", "name": "get_order", "parameters": ORDER}
    first = server.client.responses.create(model="gpt-4o", instructions="Be brief.", input="One?", tools=[tool])
    second = server.client.responses.create(model="gpt-4o-mini", input="Two?")
    page = console.open(f"playground/responses?response={first.id}")
    model, instructions = page.get_by_label("Model"), page.get_by_role("textbox", name="Instructions")
    expect(model).to_have_value("gpt-4o")
    expect(page.get_by_role("button", name="get_order", exact=True)).to_be_visible()
    page = console.open(f"playground/responses?response={second.id}")
    expect(model).to_have_value("gpt-4o-mini")
    expect(instructions).to_have_value("")
    expect(page.get_by_role("button", name="get_order", exact=True)).to_have_count(0)
    send(page, "And three?")
    expect(page.get_by_role("log")).to_contain_text("Three.")
    instructions.fill("Something typed.")
    page = console.open(f"playground/responses?response={first.id}")
    expect(page.get_by_role("log")).to_contain_text("One.")
    expect(instructions).to_have_value("Something typed.")
    expect(model).to_have_value("gpt-4o-mini")
