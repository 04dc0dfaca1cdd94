"""Administration: signing in with an admin key, projects, keys, service accounts, spending and the audit log."""

import re
from typing import get_args

import openai
import pytest
from playwright.sync_api import expect

from console.browser import NARROW, WIDE, open_console
from console.seed_administration import HOSTILE_NAME, seed_administration, seed_users
from serving import KEY
from understudy.api.access import RESOURCES
from understudy.console.assets import FOLDER
from understudy.store.audit_logs import EventType

PAGES = {
    "projects": "table",
    "projects?include_archived=true": "table",
    "projects/{project}": ".fields",
    "projects/{hostile_project}": ".fields",
    "projects/{project}?tab=keys": "table",
    "projects/{hostile_project}?tab=keys": ".empty",
    "projects/{project}?tab=service-accounts": "table",
    "projects/{project}?tab=members": "table",
    "projects/{project}?tab=limits": "table >> nth=1",
    "projects/{project}?tab=models": "input",
    "projects/{project}?tab=spending": "table",
    "projects/{project}/keys/{key}": ".fields",
    "projects/{project}/keys/{key}?tab=limits": "table",
    "projects/{project}/service-accounts/{account}": ".fields",
    "projects/{project}/members/{user}": ".fields",
    "users": "table",
    "users/{user}": ".fields",
    "invites": "table",
    "admin-keys": "table",
    "audit-log": "table",
    "audit-log?type=project.archived&project={project}": ".empty",
    "settings": ".fields",
}
STORED = "() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]) + document.documentElement.outerHTML"


@pytest.fixture(scope="module")
def admin_key(console_server):
    return console_server.create_admin_key()


@pytest.fixture(scope="module")
def admin(console_server, admin_key):
    """Sends requests with the admin key."""
    with openai.OpenAI(base_url=console_server.url, api_key=admin_key) as client:
        yield client


@pytest.fixture(scope="module")
def ids(console_server, admin):
    made = seed_administration(admin)
    return made | seed_users(console_server, admin, made["project"])


@pytest.fixture
def administration(browser, server, admin_key):
    with open_console(browser, server, key=None, admin_key=admin_key, permissions=["clipboard-write"]) as console:
        yield console


def navigation(page):
    return page.get_by_role("navigation", name="Pages")


def test_an_admin_key_opens_administration_and_a_key_of_a_project_the_rest(browser, server, admin_key):
    with open_console(browser, server, key=None) as console:
        page = console.page
        page.goto(f"{console.origin}/console/")
        page.get_by_label("API key").fill(admin_key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("h1")).to_have_text("Projects")
        expect(navigation(page).get_by_role("link", name="Threads")).to_have_count(0)
        assert console.find_accessibility_problems() == []
        page.goto(f"{console.origin}/console/assistants")
        expect(page.get_by_text("needs a key of that project")).to_be_visible()
        page.get_by_label("API key of a project").fill(admin_key)
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("This is an admin key; a key of a project")).to_be_visible()
        assert console.find_accessibility_problems() == []
        page.get_by_label("API key of a project").fill(KEY)
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("h1")).to_have_text("Assistants")
        expect(navigation(page).get_by_role("link", name="Audit log").first).to_be_visible()
        assert admin_key not in page.content() + page.url
        other = console.context.new_page()
        other.goto(f"{console.origin}/console/admin-keys")
        expect(other.get_by_role("link", name="operator").first).to_be_visible()
        other.close()
        page.goto(f"{console.origin}/console/settings")
        page.get_by_role("button", name="Remove the admin key").click()
        expect(navigation(page).get_by_role("link", name="Projects")).to_have_count(0)
        assert console.find_accessibility_problems() == []


def test_a_refused_admin_key_leaves_the_pages_of_the_project(browser, server, admin):
    made = admin.post("/organization/admin_api_keys", cast_to=object, body={"name": "short"})
    with open_console(browser, server, admin_key=made["value"]) as console:
        page = console.open(f"admin-keys/{made['id']}")
        refusal = {"error": {"message": "Revoked.", "code": "invalid_api_key"}}
        page.route("**/v1/organization/admin_api_keys?**", lambda route: route.fulfill(status=401, json=refusal))
        page.keyboard.press("#")
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(page.get_by_role("heading", name="The server refuses your admin key")).to_be_visible()
        assert console.find_accessibility_problems() == []
        page.get_by_role("button", name="Continue without it").click()
        page.keyboard.press("g")
        page.keyboard.press("a")
        expect(page.locator("h1")).to_have_text("Assistants")


@pytest.mark.slow
@pytest.mark.parametrize(("viewport", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_the_pages_are_accessible_and_foreign_names_stay_text(browser, server, admin_key, ids, viewport, theme):
    with open_console(browser, server, viewport, theme, admin_key=admin_key) as console:
        for template, content in PAGES.items():
            page = console.open(template.format(**ids))
            expect(page.locator(f"#main {content}").first).to_be_visible()
            expect(page.locator("#main .skeleton")).to_have_count(0)
            assert console.find_accessibility_problems() == [], template
            assert not console.has_horizontal_scroll(), template
            assert page.evaluate("() => window.owned ?? null") is None, template
            assert page.locator("#app :is(img[src=x], script, [onerror])").count() == 0, template
            assert page.locator("bdi, option").filter(has_text="\u202e").count() == 0, template


def test_a_project_is_created_renamed_and_archived_by_keyboard(administration):
    page = administration.open("projects")
    page.keyboard.press("c")
    page.get_by_label("Name").fill(f"Keyboard {HOSTILE_NAME}")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Keyboard <img")
    page.keyboard.press("e")
    page.get_by_role("textbox", name="Name").fill("Renamed")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Renamed")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Archive").click()
    dialog = page.get_by_role("dialog", name="Archive Renamed for good?")
    expect(dialog.get_by_role("button", name="Archive")).to_be_disabled()
    dialog.get_by_label("Type Renamed to confirm").fill("Renamed")
    assert administration.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("This project is archived")).to_be_visible()
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)


def test_a_key_is_restricted_visible_once_rotated_and_revoked(administration, server, admin, ids):
    page = administration.open(f"projects/{ids['project']}?tab=keys")
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog", name="New key")
    form.get_by_label("Name").fill("reader")
    form.get_by_role("button", name="Restricted").click()
    form.get_by_label("Assistants", exact=True).select_option("read")
    form.get_by_label("Expires").select_option(label="In 30 days")
    assert administration.find_accessibility_problems() == []
    form.get_by_role("button", name="Create").click()
    secret = page.get_by_role("region", name="API key")
    expect(page.locator(".fields")).to_contain_text("api.assistants.read")
    secret.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    secret.get_by_role("button", name="Show").click()
    value = secret.locator("code").inner_text()
    assert server.ask("GET", "/v1/assistants", key=value).status == 200
    assert server.ask("GET", "/v1/threads", key=value).status == 403
    assert administration.find_accessibility_problems() == []
    secret.get_by_role("button", name="I have it").click()
    expect(secret).to_have_count(0)
    assert value not in page.evaluate(STORED)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Rotate").click()
    rotation = page.get_by_role("dialog", name="Rotate the secret of reader?")
    rotation.get_by_label("The old secret stays valid").select_option("hour")
    rotation.get_by_role("button", name="Rotate").click()
    expect(page.get_by_text("The secret before the rotation is valid until")).to_be_visible()
    secret.get_by_role("button", name="Show").click()
    rotated = secret.locator("code").inner_text()
    assert rotated != value
    assert {server.ask("GET", "/v1/assistants", key=one).status for one in (value, rotated)} == {200}
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Changes in the audit log").click()
    expect(page.get_by_role("link", name="API key changed")).to_have_count(1)
    page.go_back()
    page.get_by_role("button", name="More actions").wait_for()
    page.keyboard.press("#")
    page.get_by_role("dialog", name="Revoke reader?").get_by_role("button", name="Revoke").click()
    expect(page.locator("h1")).to_contain_text("Web shop")
    keys = admin.get(f"/organization/projects/{ids['project']}/api_keys", cast_to=object)["data"]
    assert "reader" not in [key["name"] for key in keys]
    assert rotated not in page.evaluate(STORED)


def test_a_service_account_has_keys_of_its_own(administration, ids):
    page = administration.open(f"projects/{ids['project']}?tab=service-accounts")
    page.keyboard.press("c")
    page.get_by_label("Name").fill("crawler")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("crawler")
    secret = page.get_by_role("region", name="API key")
    secret.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Name").fill("second")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.locator("h1")).to_contain_text("second")
    expect(secret).to_be_visible()
    page.locator(".fields").get_by_role("link", name="crawler").click()
    expect(page.locator("table").get_by_role("link")).to_have_count(2)


def test_credits_are_added_and_spending_is_limited(administration, admin):
    project = admin.post("/organization/projects", cast_to=object, body={"name": "Paying"})["id"]
    page = administration.open(f"projects/{project}?tab=spending")
    expect(page.get_by_text("No credits were added")).to_be_visible()
    page.get_by_role("button", name="Add credits").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("12.5")
    dialog.get_by_label("Note").fill("<b>first</b>")
    assert administration.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Add credits").click()
    expect(page.get_by_role("row", name="<b>first</b>")).to_contain_text("US$12.50")
    page.get_by_role("button", name="Set a spend limit").click()
    dialog.get_by_label("Amount").fill("5")
    dialog.get_by_label("Period").select_option("day")
    dialog.get_by_role("button", name="Set a spend limit").click()
    expect(page.get_by_text("US$5.00 a day")).to_be_visible()
    credit = admin.get(f"/organization/projects/{project}/credits", cast_to=object)
    assert (credit["balance"], credit["spend_limit"]) == (25_000_000, {"credits": 10_000_000, "period": "day"})
    page.get_by_role("button", name="Remove the spend limit").click()
    dialog.get_by_role("button", name="Remove the spend limit").click()
    expect(page.get_by_text("US$5.00 a day")).to_have_count(0)
    page.get_by_role("button", name="Set a spend limit").click()
    dialog.get_by_label("Amount").fill("2000000000000")
    dialog.get_by_role("button", name="Set a spend limit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("credits")


def test_a_project_a_key_and_a_model_have_limits(administration, admin, ids):
    project = f"/organization/projects/{ids['project']}"
    page = administration.open(f"projects/{ids['project']}?tab=limits")
    whole = page.get_by_role("region", name="The project as a whole")
    whole.get_by_role("button", name="Change limits").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Requests a minute", exact=True).select_option("number")
    dialog.get_by_role("spinbutton", name="Requests a minute: number").fill("60")
    dialog.get_by_label("Tokens a day", exact=True).select_option("unlimited")
    assert administration.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Save").click()
    expect(whole.get_by_role("row", name="Requests a minute")).to_contain_text("60—set here")
    expect(whole.get_by_role("row", name="Stored bytes")).to_contain_text("0 B")
    limits = admin.get(f"{project}/limits", cast_to=object)["limits"]
    assert (limits["requests_per_minute"], limits["tokens_per_day"]) == (60, "unlimited")
    page.get_by_role("button", name="Change the limits of gpt-4o", exact=True).click()
    dialog.get_by_label("Tokens a minute", exact=True).select_option("number")
    dialog.get_by_role("spinbutton", name="Tokens a minute: number").fill("5000")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="gpt-4o ").first).to_contain_text("5,000")
    page = administration.open(f"projects/{ids['project']}/keys/{ids['key']}?tab=limits")
    page.get_by_role("button", name="Change limits").click()
    dialog.get_by_label("Requests a day", exact=True).select_option("number")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_role("spinbutton", name="Requests a day: number").fill("1000")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Requests a day")).to_contain_text("1,000—set here")
    page.get_by_role("button", name="Set a spend limit").click()
    dialog.get_by_label("Amount").fill("3")
    dialog.get_by_role("button", name="Set a spend limit").click()
    expect(page.get_by_role("region", name="Spending")).to_contain_text("US$3.00 a month")
    page.reload()
    expect(page.get_by_role("region", name="Spending")).to_contain_text("US$3.00 a month")
    key = admin.get(f"{project}/api_keys/{ids['key']}/limits", cast_to=object)
    assert key["limits"]["requests_per_day"] == 1000


def test_models_and_hosted_tools_of_a_project_are_permitted(administration, admin, ids):
    project = f"/organization/projects/{ids['project']}"
    page = administration.open(f"projects/{ids['project']}?tab=models")
    page.get_by_role("button", name="Change models").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Only these").click()
    dialog.get_by_role("combobox", name="Model").fill("gpt-4o")
    page.keyboard.press("Enter")
    dialog.get_by_role("combobox", name="Model").fill("<b>gpt-4</b>")
    dialog.get_by_role("button", name="Add").click()
    assert administration.find_accessibility_problems() == []
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Models").locator("li")).to_have_text(["gpt-4o", "<b>gpt-4</b>"])
    permissions = admin.get(f"{project}/model_permissions", cast_to=object)
    assert (permissions["mode"], permissions["model_ids"]) == ("allow_list", ["gpt-4o", "<b>gpt-4</b>"])
    page.get_by_label("Code interpreter").click()
    expect(page.get_by_role("status").filter(has_text="Code interpreter is off")).to_have_count(1)
    assert admin.get(f"{project}/hosted_tool_permissions", cast_to=object)["code_interpreter"] == {"enabled": False}
    page.get_by_role("button", name="Change models").click()
    dialog.get_by_role("button", name="All models").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("may use all models of this server")).to_be_visible()
    assert administration.find_accessibility_problems() == []


def test_a_person_is_invited_and_a_user_is_a_member_with_a_role(administration, admin, ids):
    page = administration.open("invites")
    page.keyboard.press("c")
    form = page.get_by_role("dialog", name="New invite")
    form.get_by_label("Address").fill("lin@example.com")
    form.get_by_label("Web shop", exact=True).select_option("owner")
    assert administration.find_accessibility_problems() == []
    form.get_by_role("button", name="Invite").click()
    expect(page.locator(".fields")).to_contain_text("pending")
    invite = next(one for one in admin.get("/organization/invites", cast_to=object)["data"] if "lin@" in one["email"])
    assert (invite["role"], invite["projects"]) == ("reader", [{"id": ids["project"], "role": "owner"}])
    page = administration.open(f"projects/{ids['project']}?tab=members")
    page.get_by_role("button", name="Add a member").click()
    form = page.get_by_role("dialog", name="Add a member")
    form.get_by_label("Address").fill("unknown@example.com")
    form.get_by_role("button", name="Add").click()
    expect(form).to_contain_text("unknown@example.com")
    form.get_by_label("Address").fill("ada@example.com")
    form.get_by_role("button", name="Add").click()
    expect(page.locator("h1")).to_contain_text("Ada Lovelace")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("combobox", name="Role").select_option("owner")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".fields")).to_contain_text("administers its members")
    page.get_by_role("link", name="All projects of this user").click()
    expect(page.locator(".fields").get_by_role("link", name="Web shop")).to_be_visible()
    page.keyboard.press("#")
    page.get_by_role("dialog", name="Remove Ada Lovelace?").get_by_role("button", name="Remove").click()
    expect(page.locator("h1")).to_have_text("Users")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_have_count(0)


def test_the_audit_log_is_filtered_and_an_entry_has_the_details(administration, ids):
    page = administration.open("audit-log")
    page.get_by_label("Every event").select_option("service_account.created")
    page.get_by_label("Every project").select_option(label="Web shop")
    page.get_by_label("Everyone").select_option(label="operator")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("Service account created")
    expect(rows.filter(has_text=re.compile("API key|Project created"))).to_have_count(0)
    assert all(part in page.url for part in ("type=service_account.created", f"project={ids['project']}", "actor=key_"))
    page.get_by_label("To").fill("2020-01-01")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_label("To").fill("")
    page.get_by_role("link", name="Service account created").last.click()
    expect(page.locator(".json-tree")).to_contain_text('"role"')
    assert administration.find_accessibility_problems() == []
    page.reload()
    page.locator(".fields").get_by_role("link", name="Web shop").click()
    expect(page.locator("h1")).to_contain_text("Web shop")


@pytest.mark.parametrize(
    ("module", "names"),
    [("lib/scopes.js", RESOURCES), ("lib/audit_events.js", get_args(EventType))],
    ids=["scopes", "events"],
)
def test_the_console_knows_every_name_of_the_server(module, names):
    code = (FOLDER / module).read_text()
    assert [name for name in names if f'"{name}"' not in code] == []
