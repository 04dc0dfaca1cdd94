"""How the console is served: the redirect of browsers, the page for each of its paths, and files that never change."""

import gzip
import re
from pathlib import Path

import pytest

from understudy import console

FOLDER = Path(console.__file__).parent
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def page_assets(server, path="/console/"):
    """The addresses of the files that a page names, without those of other pages."""
    page = server.ask("GET", path, key=None)
    assert page.status == 200, page.body
    return re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())


def first_asset(server):
    return "/console/" + next(one for one in page_assets(server) if one.endswith("app/main.js"))


def test_a_browser_is_sent_from_the_root_to_the_console(server):
    reply = server.ask("GET", "/", headers=HTML, key=None)
    assert (reply.status, reply.headers["location"], reply.headers["vary"]) == (302, "console/", "accept")


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}])
def test_a_client_of_the_api_sees_no_redirect(server, headers):
    reply = server.ask("GET", "/", headers=headers, key=None)
    assert reply.status == 401
    assert reply.json["error"]["code"] is None


def test_the_console_has_one_page_for_all_of_its_paths(server):
    deep = page_assets(server, "/console/threads/thread_1/runs/run_1?tab=events")
    shared = [one for one in page_assets(server) if "/pages/" not in one and "/text/" not in one]
    assert {one.removeprefix("../../../") for one in deep} >= {
        one for one in shared if "/app/" in one or "/styles/" in one
    }
    assert server.ask("GET", "/console", key=None).headers["location"] == "console/"
    assert server.ask("HEAD", "/console/threads", key=None).body == b""


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("", "start/start"),
        ("threads/thread_1/runs/run_1", "runs/detail"),
        ("runs/compare", "runs/compare"),
        ("runs/run_1", "runs/redirect"),
        ("models/meta%2Fllama", "models/detail"),
    ],
)
def test_a_page_names_its_modules_and_texts(server, path, module):
    addresses = page_assets(server, f"/console/{path}")
    named = [one.partition("assets/")[2].partition("/")[2] for one in addresses]
    folder = module.split("/")[0]
    assert {f"pages/{module}.js", f"text/en/{folder}.js", "text/en/shared.js"} <= set(named)
    assert len(named) == len(set(named))
    # Links are relative to the path as it was sent.
    assert {one.count("../") for one in addresses} == {path.count("/")}


def test_a_path_of_no_page_names_the_shell(server):
    assert not [one for one in page_assets(server, "/console/nothing/here") if "/pages/" in one]


def test_the_page_has_a_strict_policy(server):
    for path in ("/console/", "/console/threads/thread_1", "/console/assets/0/none.js"):
        headers = server.ask("GET", path, key=None).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_files_are_cached_for_ever_under_a_name_that_changes_with_them(server):
    reply = server.ask("GET", first_asset(server), headers={"Accept-Encoding": "gzip, br"}, key=None)
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert gzip.decompress(reply.body) == (FOLDER / "app" / "main.js").read_bytes()
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = server.ask("GET", first_asset(server), key=None)
    assert "content-encoding" not in plain.headers
    assert plain.body == (FOLDER / "app" / "main.js").read_bytes()


def test_every_file_that_the_page_names_exists(server):
    for address in page_assets(server):
        assert server.ask("GET", f"/console/{address}", key=None).status == 200, address


@pytest.mark.parametrize(
    "path",
    [
        "0123456789abcdef/app/main.js",
        "{hash}/app/none.js",
        "{hash}/__init__.py",
        "{hash}/../assets.py",
        "{hash}/tsconfig.json",
    ],
)
def test_unknown_files_and_files_of_another_version_are_not_found(server, path):
    tree_hash = first_asset(server).split("/")[3]
    reply = server.ask("GET", f"/console/assets/{path.format(hash=tree_hash)}", key=None)
    assert reply.status == 404
    assert b"Reload the page" in reply.body


def test_the_console_refuses_other_methods(server):
    reply = server.ask("POST", "/console/", key=None)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_a_setting_switches_the_console_off(new_server):
    server = new_server(console__enabled="false").start()
    assert server.ask("GET", "/", headers=HTML, key=None).status == 401
    assert server.ask("GET", "/console/").status == 404


def test_the_first_load_is_small(server):
    """In bytes that are transferred without headers; Markdown, charts and highlighting are loaded when needed."""
    sizes = [
        len(server.ask("GET", f"/console/{address}", headers={"Accept-Encoding": "gzip"}, key=None).body)
        for address in page_assets(server)
    ]
    assert sum(sizes) < 90_000
    assert len(sizes) <= 65


def test_the_playground_names_few_files(server):
    """Its page, its style, Markdown and requests of the API come in addition: 100 at most."""
    assert len(page_assets(server, "/console/playground")) <= 90
