"""The documentation at `/docs/`: how its files are served, and the built site in a browser."""

import json
import re
import subprocess
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

from console.browser import NARROW, WIDE, launch_browser
from docs.api_examples import STORED, differences, operations_without, record, shorten
from docs.blocks import ROOT
from serving import WAIT, Server, serve
from understudy.api.routes import OPERATIONS, build_routes
from understudy.site import Site

SCRIPT, STYLE = "let a = 1", "b { color: red }"
PAGE = f'<!doctype html><style>{STYLE}</style><script>{SCRIPT}</script><script type="application/json">{{}}</script>Hi'
FILES = {
    "index.html": PAGE,
    "guides/limits/index.html": "Limits",
    "assets/javascripts/bundle.0123abcd.min.js": "x" * 2000,
    "secret.toml": "secret",
    "built": "1",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pages"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "outside.txt").write_text("outside")
    return folder


@pytest.fixture
async def client(folder):
    routes = build_routes()
    site = Site(lambda scope, receive, send: routes({**scope, "state": {}}, receive, send), folder)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://test") as client:
        yield client


def hash_of(text):
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


async def test_a_page_allows_its_own_scripts_by_their_hashes(client):
    reply = await client.get("/docs/")
    assert (reply.status_code, reply.text) == (200, PAGE)
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert policy["script-src"] == f"'self' {hash_of(SCRIPT)}"
    assert policy["style-src"] == f"'self' {hash_of(STYLE)}"
    assert policy["default-src"] == "'none'"
    assert reply.headers["cache-control"] == "no-cache"
    again = await client.get("/docs/", headers={"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_file_with_a_checksum_in_its_name_is_cached_and_compressed(client):
    reply = await client.get("/docs/assets/javascripts/bundle.0123abcd.min.js")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text == FILES["assets/javascripts/bundle.0123abcd.min.js"]


@pytest.mark.parametrize(
    ("path", "location"), [("/docs", "docs/"), ("/docs/guides/limits", "limits/"), ("/docs/guides", "guides/")]
)
async def test_a_folder_without_its_slash_is_redirected(client, path, location):
    reply = await client.get(path)
    assert (reply.status_code, reply.headers["location"]) == (302, location)


@pytest.mark.parametrize(
    "path",
    ["secret.toml", "built", "%2e%2e/outside.txt", "..%2foutside.txt", "guides//limits/", "no"],
)
async def test_other_files_cannot_be_read(client, path):
    reply = await client.get(f"/docs/{path}")
    assert reply.status_code == 404
    assert "secret" not in reply.text
    assert "outside" not in reply.text


async def test_only_reading_is_allowed(client):
    assert (await client.post("/docs/")).status_code == 405


async def test_without_a_built_site_a_page_explains_how_and_the_reference_is_served(client, folder):
    (folder / "built").unlink()
    reply = await client.get("/docs/")
    assert (reply.status_code, "scripts/docs" in reply.text) == (200, True)
    for missing in ("guides/limits/", "reference/api/runs/"):
        assert (await client.get(f"/docs/{missing}")).status_code == 404
    # The router of the whole application strips the slash.
    reference = await client.get("/docs/reference/api")
    assert "createThreadAndRun" in reference.text
    policy = reference.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("frame-ancestors 'none'")


@pytest.mark.slow
def test_the_examples_of_the_reference_are_what_a_server_returns(tmp_path):
    serving = serve(Server(tmp_path, None))
    recorded = shorten(record(next(serving)))
    serving.close()
    stored = json.loads(STORED.read_text("utf-8"))
    assert stored.keys() == recorded.keys()
    found = [one for name in stored for one in differences(stored[name], recorded[name], name)]
    assert found == [], "run scripts/examples"


def test_every_operation_has_an_example_or_a_reason():
    stored = json.loads(STORED.read_text("utf-8")).keys()
    assert sorted([*stored, *operations_without()]) == sorted(operation.id for operation in OPERATIONS)


@pytest.fixture(scope="module")
def site():
    """The pages of the built site."""
    subprocess.run([ROOT / "scripts" / "docs"], check=True, timeout=10 * WAIT)
    return ROOT / "src" / "understudy" / "site" / "pages"


@pytest.mark.slow
def test_the_site_loads_nothing_from_other_servers(site):
    loaded = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(?:https?:)?//")
    assert [page for page in site.rglob("*.html") if loaded.search(page.read_text())] == []
    assert [
        style
        for style in site.rglob("*.css")
        if re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", style.read_text())
    ] == []
    operations = sum(page.read_text().count('class="method ') for page in (site / "reference" / "api").rglob("*.html"))
    assert operations > 150


@pytest.mark.slow
def test_the_pages_violate_no_policy_and_the_search_finds_them(site, server):
    problems = []
    with launch_browser() as browser:
        for viewport in (WIDE, NARROW):
            page = browser.new_page(viewport=viewport)
            page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
            page.on("request", lambda request: problems.append(request.url) if "127.0.0.1" not in request.url else None)
            for path in ("", "reference/api/runs/", "explanation/design/"):
                page.goto(f"{server.url.removesuffix('/v1')}/docs/{path}", wait_until="networkidle")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page = browser.new_page(viewport=WIDE)
        page.goto(f"{server.url.removesuffix('/v1')}/docs/", wait_until="networkidle")
        page.get_by_role("textbox", name="Search").fill("additional_instructions")
        page.locator(".md-search-result__link").first.wait_for()
        assert problems == []
