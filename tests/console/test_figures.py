"""Figures of code in the playground, from a real sandbox."""

import pytest
from playwright.sync_api import expect

from console.browser import open_console
from sandbox.machine import interpreter, require_sandbox
from serving import Server, serve
from upstream import call, calls, text

pytestmark = pytest.mark.slow

PLOT = "import matplotlib.pyplot as plt\nprint('plotting')\nplt.plot([1, 2, 3])\nplt.show()"
WIDTH = "(one) => one.decode().then(() => one.naturalWidth)"


@pytest.fixture
def sandboxed(session_upstream, tmp_path):
    require_sandbox()
    yield from serve(Server(tmp_path, session_upstream.url, sandbox__python=interpreter()))


def send(page, message):
    page.get_by_role("textbox", name="Message").fill(message)
    page.get_by_role("textbox", name="Message").press("Control+Enter")


def expect_figure(log):
    call = log.locator(".call")
    expect(call).to_contain_text("plt.plot")
    expect(call).to_contain_text("plotting")
    expect(call.get_by_role("img")).to_be_visible()
    assert call.get_by_role("img").evaluate(WIDTH) > 100


def test_a_figure_appears_where_its_code_ran(browser, sandboxed, session_upstream):
    made = sandboxed.client.beta.assistants.create(model="gpt-4o", name="Plotter", tools=[{"type": "code_interpreter"}])
    session_upstream.answer(calls(call("code_interpreter", code=PLOT)), text("Here is the plot."))
    with open_console(browser, sandboxed) as console:
        page = console.open(f"playground?assistant={made.id}")
        expect(page.get_by_role("textbox", name="Name")).to_have_value("Plotter")
        send(page, "Plot it")
        log = page.get_by_role("log")
        expect(log).to_contain_text("Here is the plot.")
        expect_figure(log)
        assert console.find_accessibility_problems() == []
        page.reload()
        expect_figure(log)

        session_upstream.answer(calls(call("code_interpreter", code=PLOT)), text("Here it is again."))
        page = console.open("playground/responses")
        page.get_by_label("Model").fill("gpt-4o")
        page.get_by_label("Code interpreter").check()
        send(page, "Plot it")
        expect(log).to_contain_text("Here it is again.")
        expect_figure(log)
        page.reload()
        expect_figure(log)
