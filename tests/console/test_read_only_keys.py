"""A key that may only read: pages leave out what the server would refuse, and name the scope that is missing."""

import re

import openai
import pytest
from playwright.sync_api import expect

from console.browser import open_console
from understudy.api.access import find_requirement
from understudy.console.assets import FOLDER

_NOUN_PATH = re.compile(r'^  path: "(/[^"]+)"', re.MULTILINE)


@pytest.fixture(scope="module")
def reader(console_server):
    """A key that reads everything of the project, and changes nothing."""
    project = console_server.client.get("/session", cast_to=object)["project"]["id"]
    with openai.OpenAI(base_url=console_server.url, api_key=console_server.create_admin_key()) as admin:
        body = {"name": "reader", "scopes": ["api.all.read"]}
        return admin.post(f"/organization/projects/{project}/api_keys", cast_to=object, body=body)["value"]


@pytest.fixture
def reading(browser, server, reader):
    with open_console(browser, server, key=reader) as console:
        yield console


def test_lists_offer_nothing_that_the_key_may_not_create(reading):
    page = reading.page
    for path, scope, button in (
        ("assistants", "api.assistants.write", "New assistant"),
        ("files", "api.files.write", "Upload"),
        ("imports", "api.transfers.write", "Import a file"),
    ):
        reading.open(path)
        expect(page.get_by_text(f"it lacks the scope {scope}.")).to_be_visible()
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    assert reading.find_accessibility_problems() == []


def test_the_page_of_an_object_offers_no_change(reading, server):
    made = server.client.beta.assistants.create(model="gpt-4o", name="Read me")
    reading.open(f"assistants/{made.id}")
    page = reading.page
    expect(page.locator("h1")).to_contain_text("Read me")
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    page.get_by_role("button", name="More actions").click()
    expect(page.get_by_role("menuitem", name="Copy link")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Delete")).to_have_count(0)


def test_the_playground_names_the_scope_that_sending_needs(reading, server):
    made = server.client.beta.assistants.create(model="gpt-4o", name="Ask me")
    for path, scope in (
        (f"playground?assistant={made.id}", "api.threads.write"),
        ("playground/responses", "api.responses.write"),
    ):
        reading.open(path)
        page = reading.page
        page.get_by_role("textbox", name="Message").fill("Hello?")
        expect(page.get_by_text(f"it lacks the scope {scope}.")).to_be_visible()
        expect(page.get_by_role("button", name="Send")).to_be_disabled()


def test_an_unrestricted_key_gets_the_buttons(console):
    console.open("assistants")
    expect(console.page.get_by_role("button", name="New assistant").first).to_be_visible()
    expect(console.page.get_by_text("it lacks the scope")).to_have_count(0)


def test_the_console_knows_the_scope_of_each_kind_of_object():
    code = (FOLDER / "lib/scopes.js").read_text()
    renamed = dict(re.findall(r'"?([\w-]+)"?: "(\w+)"', code[: code.index("READ_ALL")]))
    paths = [path for noun in FOLDER.glob("pages/*/noun.js") for path in _NOUN_PATH.findall(noun.read_text())]
    own = [path for path in paths if not path.startswith("/organization/")]
    assert len(own) > 10
    for path in own:
        segment = path.removeprefix("/api/v3").split("/")[1]
        scope = f"api.{renamed.get(segment, segment)}.write"
        assert find_requirement("create", "POST", path, "project").scopes == (scope,), path
