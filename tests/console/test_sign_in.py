"""Signing in with a real OpenID provider in the browser, choosing a project, and signing out."""

import pytest
from playwright.sync_api import expect

from console.browser import NARROW, WIDE, open_console
from oidc_providers import serve_with_provider


@pytest.fixture(scope="module")
def server(session_upstream, tmp_path_factory):
    settings = {"oidc__uninvited": "reader", "oidc__projects": "default"}
    yield from serve_with_provider(tmp_path_factory.mktemp("console-sign-in"), session_upstream.url, **settings)


@pytest.fixture(scope="module")
def admin_key(server):
    return server.create_admin_key()


def open_visitor(browser, server, viewport=WIDE, theme="light"):
    return open_console(browser, server, viewport, theme, key=None)


def sign_in(console, sub, path="console/", **claims):
    """The page of someone who has signed in there."""
    console.guard.allowed.append(f"foreign request: {console.server.provider.issuer}")
    console.server.provider.sign_in_as(sub, **claims)
    page = console.page
    page.goto(f"{console.origin}/{path}")
    page.get_by_role("link", name="Sign in with Example").click()
    return page


def open_account(page):
    page.get_by_role("button", name="Account").locator("visible=true").click()
    return page.get_by_role("dialog")


@pytest.mark.parametrize("viewport", [WIDE, pytest.param(NARROW, marks=pytest.mark.slow)], ids=["wide", "narrow"])
def test_someone_signs_in_comes_back_to_the_page_and_signs_out(browser, server, viewport):
    with open_visitor(browser, server, viewport) as console:
        page = console.page
        page.goto(f"{console.origin}/console/threads?q=none")
        expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible()
        assert console.find_accessibility_problems() == []
        sign_in(console, "ada", "console/threads?q=none")
        expect(page.locator("h1")).to_have_text("Threads")
        assert page.url == f"{console.origin}/console/threads?q=none"
        assert page.evaluate("() => document.cookie") == ""
        page.reload()
        expect(page.locator("h1")).to_have_text("Threads")
        if viewport is NARROW:
            page.get_by_role("button", name="More").click()
        account = open_account(page).last
        expect(account).to_contain_text("ada@example.com")
        expect(account).to_contain_text("Member of the project")
        assert console.find_accessibility_problems() == []
        assert not console.has_horizontal_scroll()
        account.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{server.provider.issuer}/session/end**")
        page.goto(f"{console.origin}/console/")
        expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible()


def test_an_owner_of_the_organization_switches_projects_and_administers(browser, server, admin_key):
    body = {"email": "olga@example.com", "role": "owner"}
    assert server.ask("POST", "/v1/organization/invites", body, key=admin_key).status == 200
    assert server.ask("POST", "/v1/organization/projects", {"name": "second"}, key=admin_key).status == 200
    server.ask("POST", "/v1/assistants", {"model": "gpt-4o", "name": "of the default project"})
    with open_visitor(browser, server) as console:
        page = sign_in(console, "olga", "console/assistants")
        expect(page.get_by_text("of the default project")).to_be_visible()
        open_account(page).get_by_label("Project").select_option("second")
        expect(page.get_by_role("button", name="Account")).to_contain_text("second")
        console.open("assistants")
        expect(page.locator("h1")).to_have_text("Assistants")
        expect(page.get_by_text("of the default project")).to_have_count(0)
        console.open("users")
        expect(page.get_by_role("link", name="Olga")).to_be_visible()


def test_a_session_that_ends_leaves_the_page_and_a_refused_account_learns_why(browser, server, admin_key):
    with open_visitor(browser, server) as console:
        page = sign_in(console, "rita", "console/assistants")
        expect(page.locator("h1")).to_have_text("Assistants")
        users = server.ask("GET", "/v1/organization/users?emails[]=rita@example.com", key=admin_key).json["data"]
        assert server.ask("DELETE", f"/v1/organization/users/{users[0]['id']}", key=admin_key).status == 200
        # The page's stream of events may have ended first: then the dialog is already in front of the link.
        page.get_by_role("link", name="Threads").dispatch_event("click")
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
        assert console.find_accessibility_problems() == []
        page.get_by_role("link", name="Sign in with Example").click()
        expect(page.get_by_role("alert")).to_contain_text("Request an invite")
        assert console.find_accessibility_problems() == []


def test_someone_without_a_project_learns_that(browser, server, admin_key):
    with open_visitor(browser, server) as console:
        page = sign_in(console, "tom")
        expect(page.get_by_role("button", name="Account")).to_contain_text("default")
        (user,) = server.ask("GET", "/v1/organization/users?emails[]=tom@example.com", key=admin_key).json["data"]
        path = f"/v1/organization/projects/{user['projects']['data'][0]['id']}/users/{user['id']}"
        assert server.ask("DELETE", path, key=admin_key).status == 200
        page = sign_in(console, "tom")
        expect(page.get_by_text("in no project yet")).to_be_visible()
        assert console.find_accessibility_problems() == []


def test_an_owner_of_a_project_administers_its_members(browser, server, admin_key):
    project = server.ask("POST", "/v1/organization/projects", {"name": "of pia"}, key=admin_key).json["id"]
    body = {"email": "pia@example.com", "role": "reader", "projects": [{"id": project, "role": "owner"}]}
    assert server.ask("POST", "/v1/organization/invites", body, key=admin_key).status == 200
    with open_visitor(browser, server) as console:
        page = sign_in(console, "pia", "console/assistants")
        open_account(page).get_by_role("link", name="Members and keys").click()
        expect(page.locator("h1")).to_contain_text("of pia")
        expect(page.get_by_role("main").get_by_text("pia@example.com")).to_be_visible()
        assert console.find_accessibility_problems() == []
        console.open(f"projects/{project}?tab=keys")
        page.get_by_role("button", name="New key").click()
        form = page.get_by_role("dialog", name="New key")
        form.get_by_label("Name").fill("by pia")
        form.get_by_role("button", name="Create").click()
        expect(page.get_by_text("by pia").first).to_be_visible()
        expect(page.get_by_role("navigation").get_by_role("link", name="Audit log")).to_have_count(0)
