"""A visitor's story at both widths and in both themes: from the first page to an answer, a function, a figure, a
cancelled run and what all of it used. One server; the model is scripted.
"""

import json
import re

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, WIDE, open_console
from console.test_start import create_project
from sandbox.machine import interpreter, require_sandbox
from serving import Server, serve
from upstream import HANG, call, calls, text

LOOKS = {f"{size}-{theme}": (size, theme) for size in ("wide", "narrow") for theme in ("light", "dark")}
FUNCTION = {"name": "get_order", "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}}
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()"
CITED = text("Refunds take **14 days**\u3010" + "0:0\u2020handbook.md\u3011.")


def has_sandbox():
    try:
        require_sandbox()
    except pytest.skip.Exception:
        return False
    return True


@pytest.fixture(scope="module")
def server(session_upstream, tmp_path_factory):
    options = {"sandbox__python": interpreter()} if has_sandbox() else {}
    yield from serve(Server(tmp_path_factory.mktemp("story"), session_upstream.url, **options))


class Visitor:
    """One page, and what a visitor does on it."""

    def __init__(self, console, upstream):
        self.console, self.upstream = console, upstream
        self.page = console.open()
        self.log = self.page.get_by_role("log", name="Messages")
        self.is_narrow = self.page.viewport_size["width"] < 640

    def make_assistant(self, example):
        self.page.get_by_role("radio", name=example).check()
        self.page.get_by_role("button", name="Create it").click()

    def send_first_question(self, *answers):
        self.upstream.answer(*answers)
        self.page.get_by_role("button", name="Send").click()

    def write(self, message, *answers):
        self.upstream.answer(*answers)
        field = self.page.get_by_role("textbox", name="Message")
        field.fill(message)
        field.press("Control+Enter")

    def read_citation(self):
        expect(self.log.locator("strong", has_text="14 days")).to_be_visible()
        self.log.get_by_role("button", name="Passages").click()
        role = "dialog" if self.is_narrow else "complementary"
        passages = self.page.get_by_role(role, name="Passages")
        expect(passages).to_contain_text("Refunds take 14 days from the day")
        passages.get_by_role("button", name="Close").click()

    def add_function(self):
        if self.is_narrow:
            self.page.get_by_role("button", name="Assistant", exact=True).click()
        pane = self.page.get_by_role("dialog" if self.is_narrow else "complementary", name="Assistant")
        pane.get_by_role("button", name="Function").click()
        self.page.get_by_role("textbox", name="Definition").fill(json.dumps(FUNCTION))
        self.page.get_by_role("button", name="Use").click()
        pane.get_by_role("button", name="Save", exact=True).click()
        expect(pane.get_by_role("button", name="Save", exact=True)).to_be_disabled()
        if self.is_narrow:
            pane.get_by_role("button", name="Close").click()

    def submit_output(self, output):
        field = self.page.get_by_role("textbox", name="Output of get_order")
        field.fill(output)
        field.press("Control+Enter")

    def stop_answer(self):
        expect(self.log).to_contain_text("Half of the")
        self.page.get_by_role("button", name="Stop").click()
        expect(self.log).to_contain_text("Stopped. What had arrived stays.")

    def open_last_run(self):
        self.log.get_by_role("link", name=re.compile("^run_")).last.click()
        expect(self.page.get_by_role("button", name="model turn")).to_be_visible()

    def check_page(self):
        assert self.console.find_accessibility_problems() == []
        assert not self.console.has_horizontal_scroll()


@pytest.mark.parametrize("look", LOOKS)
def test_a_visitor_gets_from_the_first_page_to_usage(browser, server, upstream, look):
    size, theme = LOOKS[look]
    viewport = WIDE if size == "wide" else NARROW
    with open_console(browser, server, viewport, theme, key=create_project(server, look)) as console:
        visitor = Visitor(console, upstream)
        page = visitor.page
        visitor.make_assistant("Answers from files")
        visitor.send_first_question(calls(call("file_search", query="refunds")), CITED)
        visitor.read_citation()
        visitor.add_function()
        visitor.write("Where is order 7?", calls(call("get_order", id=7)), text("It is paid."))
        visitor.submit_output('{"state": "paid"}')
        expect(visitor.log).to_contain_text("It is paid.")
        visitor.write("And the whole story?", text("Half of the", HANG))
        visitor.stop_answer()
        visitor.open_last_run()
        expect(page.locator(".badge", has_text="cancelled").first).to_be_visible()
        visitor.check_page()
        console.open("usage")
        expect(page.get_by_role("rowheader", name="gpt-4o")).to_be_visible()
        console.open()
        expect(page.get_by_role("link", name="How long do refunds take?")).to_be_visible()


def test_a_visitor_gets_a_figure_from_code(browser, server, upstream):
    require_sandbox()
    with open_console(browser, server, NARROW, key=create_project(server, "figure")) as console:
        visitor = Visitor(console, upstream)
        visitor.make_assistant("Calculates and plots")
        visitor.send_first_question(calls(call("code_interpreter", code=PLOT)), text("It rises."))
        expect(visitor.log).to_contain_text("It rises.")
        expect(visitor.log.locator("img").first).to_be_visible()
        visitor.check_page()
