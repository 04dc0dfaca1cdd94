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
    assert {one.removeprefix("../../../") for one in deep} >= set(shared)
    assert any(one.endswith("bundles/app/main.js") for one in shared)
    assert server.ask("GET", "/console", key=None).headers["location"] == "console/"
    assert server.ask("HEAD", "/console/threads", key=None).body == b""


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("", {"bundles/pages/start/start.js", "bundles/text/en/start.js", "pages/start/start.css"}),
        (
            "threads/thread_1/runs/run_1",
            {"bundles/pages/runs/detail.js", "bundles/text/en/runs.js", "bundles/text/en/failures.js"},
        ),
        ("runs/compare", {"bundles/pages/runs/compare.js", "bundles/text/en/runs.js"}),
        ("runs/run_1", {"bundles/pages/runs/redirect.js", "bundles/text/en/runs.js"}),
        ("models/meta%2Fllama", {"bundles/pages/models/detail.js", "bundles/text/en/models.js"}),
    ],
)
def test_a_page_names_its_modules_texts_and_style(server, path, named):
    addresses = page_assets(server, f"/console/{path}")
    found = [one.partition("assets/")[2].partition("/")[2] for one in addresses]
    assert named | {"bundles/app/main.js", "styles.css"} <= set(found)
    assert len(found) == len(set(found))
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
    plain = server.ask("GET", first_asset(server), key=None)
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(reply.body) == plain.body
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    module = server.ask("GET", first_asset(server).replace("bundles/", ""), key=None)
    assert module.body == (FOLDER / "app" / "main.js").read_bytes()


def test_every_file_that_the_page_names_exists(server):
    for address in page_assets(server):
        assert server.ask("GET", f"/console/{address}", key=None).status == 200, address


@pytest.mark.parametrize(
    "path",
    [
        "0123456789abcdef/app/main.js",
        "{hash}/app/none.js",
        "{hash}/bundles/app/none.js",
        "{hash}/bundles/styles.css",
        "{hash}/bundles/bundles/app/main.js",
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
    assert sum(sizes) < 80_000


@pytest.mark.parametrize("path", ["", "playground", "threads/thread_1"])
def test_the_modules_of_a_page_are_joined_in_few_files(server, path):
    assert len(page_assets(server, f"/console/{path}")) <= 8


def test_a_bundle_leaves_out_what_every_page_loads(server):
    prefix = first_asset(server).removesuffix("app/main.js")
    shell = server.ask("GET", f"{prefix}app/main.js", key=None).body.decode()
    page = server.ask("GET", f"{prefix}pages/threads/detail.js", key=None).body.decode()
    assert 'define("ui/view.js", ' in shell
    assert 'define("ui/virtual_list.js", ' in page
    assert 'define("ui/view.js", ' not in page
