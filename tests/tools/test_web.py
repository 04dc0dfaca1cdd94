"""Search engines in their documented JSON, a search tool of an MCP server, and pages: what is read and what is refused."""

import asyncio
import json
import threading
from pathlib import Path

import msgspec
import pytest

from understudy.cli.web_search_check import check_web_search
from understudy.settings import McpSettings, Settings, WebSearchSettings
from understudy.tools.mcp import RemoteServers
from understudy.tools.web import Location, SearchRequest, WebSearch, WebSearchError, engines, pages, types
from understudy.tools.web.mcp_engine import parse_results
from understudy.tools.web.types import is_within, normalize_url, strip_markup
from understudy.tools.web_search import find_matches, list_urls, parse_arguments
from web_pages import WebPages

URLS = ["https://www.example.com/engines", "https://docs.example.org/a_%28b%29?x=1"]


@pytest.fixture(scope="module")
def web():
    with WebPages() as pages:
        yield pages


async def read_text(data, kind):
    return data.decode()


def run(settings, use):
    async def work():
        search = WebSearch(settings, RemoteServers(McpSettings()), read_text)
        try:
            return await use(search)
        finally:
            await search.close()

    return asyncio.run(work())


ENGINES = [
    ("searxng", "", {"q": "engines site:example.org", "format": "json"}, {}),
    (
        "brave",
        "/brave/search",
        {"q": "engines site:example.org", "count": "5", "text_decorations": "false", "country": "FR"},
        {"x-subscription-token": "key-of-search", "x-loc-city": "Lyon"},
    ),
    (
        "tavily",
        "/tavily",
        {"query": "engines", "max_results": 5, "include_domains": ["example.org"]},
        {"authorization": "Bearer key-of-search"},
    ),
]


@pytest.mark.parametrize(("provider", "path", "sent", "headers"), ENGINES)
def test_an_engine_is_searched_in_its_own_form(web, provider, path, sent, headers):
    web.reset()
    settings = WebSearchSettings(provider=provider, url=web.url + path, api_key="key-of-search")
    request = SearchRequest("engines", 5, ["example.org"], Location(city="Lyon", country="FR"))
    found = run(settings, lambda search: search.search([request]))
    assert [(one.url, one.title) for one in found] == [(URLS[1], "Docs")]
    assert web.searches == [sent]
    assert headers.items() <= web.requests[0][2].items()


@pytest.mark.parametrize(("status", "reason"), [(401, "API key"), (403, "search.formats"), (429, "rate limit")])
def test_a_refusal_of_an_engine_names_its_cause(web, status, reason):
    web.reset()
    web.status = status
    settings = WebSearchSettings(provider="searxng", url=web.url)
    with pytest.raises(WebSearchError, match=reason):
        run(settings, lambda search: search.search([SearchRequest("engines", 5)]))


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ('{"results": [{"link": "https://a.example", "name": "A", "snippet": "x"}]}', [("https://a.example", "A")]),
        ('{"url": "https://a.example", "title": "A"}\n{"url": "https://b.example"}', [("https://a.example", "A"), ...]),
        (
            "1. **A page**\nhttps://a.example.\nWords\n\nTitle: B\nURL: https://b.example/x",
            [("https://a.example", "A page"), ...],
        ),
        ("No results", []),
        ("[" * 100_000, []),
    ],
)
def test_results_are_found_in_the_text_of_a_tool(text, results):
    found = [(one.url, one.title) for one in parse_results(text)]
    assert len(found) == len(results)
    assert all(mine in {..., wanted} or wanted is ... for mine, wanted in zip(found, results, strict=True))


def test_a_page_on_a_private_address_is_not_opened(web):
    web.reset()
    settings = WebSearchSettings(provider="searxng", url=web.url)
    with pytest.raises(WebSearchError, match=r"private, which `web_search.allow_private` does not allow"):
        run(settings, lambda search: search.open(f"{web.url}/page"))
    assert web.requests == []


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://a.example/(x) y\n#part", "https://a.example/%28x%29%20y"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://user:secret@a.example/", None),
        ("javascript:alert(1)", None),
        ("https://a.example:port/", None),
        ("https://", None),
        (None, None),
    ],
)
def test_urls_are_normalized_or_refused(url, normal):
    assert normalize_url(url) == normal


@pytest.mark.parametrize(
    ("url", "domains", "within"),
    [
        ("https://docs.example.org/x", ["example.org"], True),
        ("https://example.org/x", ["https://Example.org/docs"], True),
        ("https://notexample.org/x", ["example.org"], False),
        ("https://example.org.evil.test/x", ["example.org"], False),
    ],
)
def test_domains_match_their_subdomains_alone(url, domains, within):
    assert is_within(url, domains) == within


def test_arguments_and_texts_of_any_form_are_accepted():
    assert list(parse_arguments("search", '{"query": "x"}').queries) == ["x"]
    assert parse_arguments("open_page", "[1").url is None
    assert parse_arguments("find_in_page", '{"url": "https://a.example", "pattern": 5}').pattern == ""
    assert list_urls("See https://a.example/x, or (https://b.example).") == {"https://a.example/x", "https://b.example"}
    assert find_matches("a" * 1000 + " Needle " + "b" * 1000, "needle").count("Needle") == 1
    assert find_matches("text", "") == ""


@pytest.mark.parametrize(
    ("status", "results", "state", "text"),
    [
        (200, None, "ok", "searxng returned results for 'OpenAI API'"),
        (200, [], "warning", "no results"),
        (403, None, "broken", "search.formats"),
    ],
)
def test_doctor_makes_one_search(web, status, results, state, text):
    web.reset()
    web.status = status
    web.results = web.results if results is None else results
    settings = Settings(data=Path(), web_search=WebSearchSettings(provider="searxng", url=web.url))
    checked = asyncio.run(check_web_search(settings))
    assert (checked.subject, checked.state) == ("web search", state)
    assert text in checked.text


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<html><TITLE lang='en'>A &amp; B\n</Title>", "A & B"),
        (b"<title>" + b"a" * 3000 + b"</title>", ""),
        (b"<titles>no</titles>", ""),
        (b"no", ""),
    ],
)
def test_a_page_has_a_title_of_bounded_length(page, title):
    assert pages._find_title(page) == title


def test_a_character_reference_that_python_does_not_convert_stays():
    assert strip_markup("<b>&#" + "9" * 5000 + ";</b> &lt;") == "&#" + "9" * 5000 + "; &lt;"


@pytest.mark.parametrize("body", [b"{}", b'{"results": 1}', b"[]", b"null", b"[", b"[" * 100_000])
@pytest.mark.parametrize("provider", ["searxng", "tavily", "brave"])
def test_a_malformed_response_of_an_engine_fails_the_search_alone(provider, body, monkeypatch):
    async def fetch(self, request):
        return body

    monkeypatch.setattr(engines.HttpEngine, "_fetch", fetch)
    settings = WebSearchSettings(provider=provider, url="http://127.0.0.1:1", api_key="key")

    async def use(search):
        try:
            return await search.search([SearchRequest("x", 3)])
        except WebSearchError as error:
            return str(error)

    assert run(settings, use) in ([], "The search engine returned a malformed response.")


def test_a_text_is_found_in_any_case_where_lower_case_is_longer():
    assert find_matches("İstanbul " * 3 + "and ANKARA", "Ankara").endswith("and ANKARA …")


def test_the_urls_of_a_text_are_limited():
    assert len(list_urls(" ".join(f"https://a{number}.example" for number in range(3000)))) == 1000


def searxng(results):
    return json.dumps({"results": results}).encode()


ODD_RESPONSES = {
    "another encoding": (
        '{"results": [{"url": "http://a.test/", "title": "caf\u00e9"}]}'.encode("latin-1"),
        ["caf\ufffd"],
    ),
    "a NUL": (searxng([{"url": "http://a.test/", "title": "a\0b", "content": "\0"}]), ["ab"]),
    "no title": (searxng([{"url": "http://www.a.test/x", "content": "c"}]), ["a.test"]),
    "no usable URL": (
        searxng([{"title": "a"}, {"url": 5}, {"url": "http://"}, {"url": "ftp://a.test/"}, None, "b"]),
        [],
    ),
    "members of other types": (searxng([{"url": "http://a.test/", "title": ["a"], "content": {"b": 1}}]), ["a.test"]),
    "more than anybody reads": (searxng([{"url": f"http://a.test/{n}", "title": "t"} for n in range(5000)]), ["t"] * 5),
}


@pytest.mark.parametrize("name", ODD_RESPONSES)
def test_an_engine_may_return_odd_results(web, name):
    web.reset()
    web.body, titles = ODD_RESPONSES[name]
    settings = WebSearchSettings(provider="searxng", url=web.url)
    found = run(settings, lambda search: search.search([SearchRequest("engines", 5)]))
    assert [one.title for one in found] == titles
    assert msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><body>Sign in</body></html>", "malformed"),
        (b"", "malformed"),
        (b'{"results": [', "malformed"),
        (b'{"results": null}', "malformed"),
        (b'{"results": [{"url": "http://a.test/\\ud800"}]}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b" " * (5 << 20), "size limit"),
    ],
)
@pytest.mark.parametrize("provider", ["searxng", "tavily"])
def test_an_engine_that_returns_no_results_is_an_error(web, provider, body, reason):
    web.reset()
    web.body = body
    path = "" if provider == "searxng" else "/tavily"
    settings = WebSearchSettings(provider=provider, url=web.url + path, api_key=None if provider == "searxng" else "k")
    with pytest.raises(WebSearchError, match=reason):
        run(settings, lambda search: search.search([SearchRequest("engines", 5)]))


def test_a_long_response_does_not_hold_the_event_loop(web):
    web.reset()
    web.body = searxng(
        [{"url": f"http://a.test/{n}", "title": "t", "content": "<b>a</b> &amp; " * 50} for n in range(3000)]
    )
    threads = set()
    build = types.build_result

    def note(*members):
        threads.add(threading.current_thread())
        return build(*members)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "build_result", note)
        settings = WebSearchSettings(provider="searxng", url=web.url)
        assert run(settings, lambda search: search.search([SearchRequest("engines", 5)]))
    assert threads
    assert threading.main_thread() not in threads


def test_the_texts_of_an_mcp_tool_need_not_be_unicode():
    (found,) = parse_results(
        '[{"url": "http://a.test/", "title": "\\ud800", "text": "a\\udfffb"}, {"url": "http://b/\\ud800"}]'
    )
    assert (found.title, found.text) == ("?", "a?b")
    assert len(parse_results("http://a.test/\n\n" * 100_000)) == 1


def test_a_query_and_a_place_are_in_the_form_that_an_engine_accepts(web):
    settings = WebSearchSettings(provider="brave", url=f"{web.url}/brave/search", api_key="k")
    web.reset()
    place = Location(city="Lyon\r\nX-Evil: 1", region="Rh\u00f4ne", country="FR")
    run(settings, lambda search: search.search([SearchRequest("word " * 1000, 5, location=place)]))
    ((_, query, headers, _),) = web.requests
    assert len(query["q"].split()) == 50
    assert headers["x-loc-country"] == "FR"
    assert not {"x-loc-city", "x-loc-state-name", "x-evil"} & set(headers)
