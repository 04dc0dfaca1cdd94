"""The tool `web_search` of responses: searches, pages, citations, failures, and what it costs."""

import time

import pytest

from e2e.billing import new_key
from e2e.test_responses import MODEL, ended, respond
from serving import Server, serve
from upstream import call, calls, text
from web_pages import WebPages

TOOL = {"type": "web_search"}
SEARCH = calls(call("web_search", queries=["engines"]))
ENGINES = "https://www.example.com/engines"
LINK = f"([example.com]({ENGINES}))"
ANSWER = text("It has 6 cylinders.", "\u30100:0\u2020exam", "ple.com\u3011", " Really\u30103:9\u2020no.test\u3011.")


@pytest.fixture(scope="module")
def web_pages():
    with WebPages() as web:
        yield web


@pytest.fixture(scope="module")
def web_server(session_upstream, tmp_path_factory, web_pages):
    settings = {"provider": "searxng", "url": web_pages.url, "price": "0.005", "allow_private": "true"}
    variables = {f"web_search__{name}": value for name, value in settings.items()}
    directory = tmp_path_factory.mktemp("web")
    yield from serve(Server(directory, session_upstream.url, web_search__page_bytes=1 << 20, **variables))


@pytest.fixture
def web(web_pages):
    web_pages.reset()
    return web_pages


@pytest.fixture
def client(web_server, web):
    return web_server.client


def tool_output(upstream):
    return next(one["content"] for one in reversed(upstream.requests[-1].body["messages"]) if one["role"] == "tool")


def test_a_search_is_executed_and_its_results_are_cited(client, upstream, web):
    upstream.answer(SEARCH, ANSWER)
    made = respond(client, tools=[TOOL], include=["web_search_call.action.sources"])
    search, message = made.output
    assert (search.type, search.status) == ("web_search_call", "completed")
    assert search.id.startswith("ws_")
    urls = [ENGINES, "https://docs.example.org/a_%28b%29?x=1"]
    assert search.action.to_dict() == {
        "type": "search",
        "queries": ["engines"],
        "query": "engines",
        "sources": [{"type": "url", "url": url} for url in urls],
    }
    part = message.content[0]
    assert part.text == f"It has 6 cylinders. {LINK} Really."
    (cited,) = part.annotations
    assert (cited.type, cited.url, cited.title) == ("url_citation", ENGINES, "Engines (official)")
    assert part.text[cited.start_index : cited.end_index] == LINK
    assert made.to_dict()["tool_usage"]["web_search"] == {"num_requests": 1}
    assert web.searches == [{"q": "engines", "format": "json"}]
    offered = [one["function"]["name"] for one in upstream.requests[0].body["tools"]]
    assert offered == ["web_search", "open_page", "find_in_page"]


def test_results_reach_the_model_as_untrusted_text_without_markup(client, upstream, web):
    upstream.answer(SEARCH, text("Yes."))
    respond(client, tools=[TOOL])
    output = tool_output(upstream)
    assert "untrusted text from the web" in output
    assert "\u30100:0\u2020example.com\u3011 Engines (official)\nhttps://www.example.com/engines" in output
    assert "An engine has 6 cylinders." in output
    assert "javascript" not in output
    assert "\u30101:0\u2020other.test" not in output


@pytest.mark.proves("responses.web_search")
def test_a_stream_has_the_events_of_the_search(client, upstream, web):
    upstream.answer(SEARCH, ANSWER)
    with client.responses.stream(model=MODEL, input="Hello", tools=[TOOL]) as stream:
        received = list(stream)
        final = stream.get_final_response()
    kinds = [one.type for one in received]
    place = kinds.index("response.web_search_call.in_progress")
    assert kinds[place - 1 : place + 4] == [
        "response.output_item.added",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.output_item.done",
    ]
    assert received[place - 1].item.status == "in_progress"
    assert "sources" not in received[place + 3].item.to_dict()["action"]
    added = next(one for one in received if one.type == "response.output_text.annotation.added")
    assert (added.annotation.to_dict()["url"], added.annotation_index) == (ENGINES, 0)
    assert final.output_text == f"It has 6 cylinders. {LINK} Really."


def test_a_background_response_is_replayed_with_its_search(client, upstream, web):
    upstream.answer(SEARCH, ANSWER)
    with client.responses.create(model=MODEL, input="Hi", tools=[TOOL], background=True, stream=True) as stream:
        live = list(stream)
    response_id = live[0].response.id
    made = ended(client, response_id)
    with client.responses.retrieve(response_id, stream=True) as stream:
        again = [one.type for one in stream if not one.type.endswith("delta")]
    assert again == [one.type for one in live if not one.type.endswith("delta")]
    included = client.responses.retrieve(response_id, include=["web_search_call.action.sources"])
    assert "sources" not in made.output[0].action.to_dict()
    assert len(included.output[0].action.sources) == 2


def test_later_turns_know_the_results_and_may_cite_them(client, upstream, web):
    upstream.answer(SEARCH, ANSWER)
    conversation = client.conversations.create()
    respond(client, tools=[TOOL], conversation=conversation.id)
    upstream.answer(text("As before\u30101001:0\u2020example.com\u3011."))
    made = respond(client, "And now?", tools=[TOOL], conversation=conversation.id)
    told = upstream.requests[-1].body["messages"]
    assert [one["role"] for one in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert "\u30101001:0\u2020example.com\u3011" in told[2]["content"]
    assert told[3]["content"] == f"It has 6 cylinders. {LINK} Really."
    assert made.output_text == f"As before {LINK}."
    items = client.conversations.items.list(conversation.id, order="asc").to_dict()["data"]
    assert [one["type"] for one in items] == ["message", "web_search_call", "message", "message", "message"]
    assert items[1]["action"]["query"] == "engines"
    (cited,) = items[2]["content"][0]["annotations"]
    assert items[2]["content"][0]["text"][cited["start_index"] : cited["end_index"]] == LINK


def test_pages_are_opened_and_searched_if_the_conversation_names_them(client, upstream, web):
    page = f"{web.url}/page"
    upstream.answer(
        calls(call("open_page", url=page)), calls(call("find_in_page", url=page, pattern="SEVENTH")), text("Red.")
    )
    made = respond(client, f"What is on {page}?", tools=[TOOL])
    opened, found, _ = made.output
    assert opened.action.to_dict() == {"type": "open_page", "url": page}
    assert found.action.to_dict() == {"type": "find_in_page", "url": page, "pattern": "SEVENTH"}
    assert "The seventh engine is red." in tool_output(upstream)
    assert "A page & more" in tool_output(upstream)
    assert "bad()" not in tool_output(upstream)
    assert sum(path == "/page" for path, *_ in web.requests) == 1
    assert made.to_dict()["tool_usage"]["web_search"] == {"num_requests": 0}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/secret?data=of-the-user", "may not be opened"),
        ("/binary", "unsupported"),
        ("/large", "exceeds the size limit"),
        ("/redirect", "could not be opened"),
    ],
)
def test_a_page_that_cannot_be_opened_fails_its_call_alone(client, upstream, web, path, reason):
    """A model that hostile text steers cannot send data to URLs of its own making."""
    upstream.answer(calls(call("open_page", url=f"{web.url}{path}")), text("No."))
    question = "Hello" if path.startswith("/secret") else f"What is {web.url}{path}?"
    made = respond(client, question, tools=[TOOL])
    assert (made.output[0].status, made.status, made.output_text) == ("failed", "completed", "No.")
    assert reason in tool_output(upstream)
    assert all("secret" not in requested for requested, *_ in web.requests)


def test_a_redirect_does_not_leave_the_domains_of_the_request(client, upstream, web):
    page = f"{web.url}/elsewhere"
    limited = {**TOOL, "filters": {"allowed_domains": ["127.0.0.1"]}}

    def open_page(tool):
        web.requests.clear()
        upstream.answer(calls(call("open_page", url=page)), text("Done."))
        return respond(client, f"What is on {page}?", tools=[tool]).output[0].status

    assert open_page(limited) == "failed"
    assert "outside of the allowed domains" in tool_output(upstream)
    assert [path for path, *_ in web.requests] == ["/elsewhere"]
    assert open_page(TOOL) == "completed"
    assert [path for path, *_ in web.requests] == ["/elsewhere", "/page"]
    # What another request has opened is not taken from memory either.
    assert open_page(limited) == "failed"


def test_a_failing_search_engine_fails_the_call_and_not_the_response(client, upstream, web):
    web.status = 500
    upstream.answer(SEARCH, text("I cannot search."))
    with client.responses.stream(model=MODEL, input="Hello", tools=[TOOL]) as stream:
        kinds = [one.type for one in stream]
        made = stream.get_final_response()
    assert (made.output[0].status, made.status) == ("failed", "completed")
    assert "response.web_search_call.completed" not in kinds
    assert tool_output(upstream).startswith("Error: The search engine could not be used: it returned status 500")


def test_options_of_the_tool_limit_and_place_the_search(client, upstream, web):
    web.results = [*web.results, ("https://evil.test/example.org", "Other", "x")]
    upstream.answer(SEARCH, text("Yes."))
    tool = {
        "type": "web_search_2025_08_26",
        "filters": {"allowed_domains": ["example.org"]},
        "user_location": {"type": "approximate", "country": "FR", "city": "Lyon"},
        "search_context_size": "low",
        "external_web_access": False,
    }
    made = respond(client, tools=[tool], include=["web_search_call.results"])
    assert [one["url"] for one in made.output[0].to_dict()["results"]] == ["https://docs.example.org/a_%28b%29?x=1"]
    assert web.searches[0]["q"] == "engines site:example.org"
    (offered,) = upstream.requests[0].body["tools"]
    assert "approximately in Lyon, FR" in offered["function"]["description"]


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ({"type": "web_search_preview"}, "required"),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}, None),
    ],
)
def test_a_tool_choice_names_the_search(client, upstream, web, choice, asked):
    upstream.answer(text("Yes."))
    function = {"type": "function", "name": "get_weather"}
    respond(client, tools=[function, {"type": "web_search_preview"}], tool_choice=choice)
    request = upstream.requests[-1].body
    assert [one["function"]["name"] for one in request["tools"]] == ["web_search", "open_page", "find_in_page"]
    assert request.get("tool_choice") == asked


def test_searches_are_counted_and_charged(client, upstream, web, web_server):
    upstream.answer(calls(call("web_search", queries=["a", "b"])), text("Yes."))
    path = f"/v1/organization/usage/web_search_calls?start_time={int(time.time()) - 86_400}&group_by[]=model"
    key = new_key(web_server, "--name", "search", "--project", "default")["key"]
    before = [one for bucket in web_server.ask("GET", path).json["data"] for one in bucket["results"]]
    web_server.client.with_options(api_key=key).responses.create(model=MODEL, input="Hello", tools=[TOOL])
    after = [one for bucket in web_server.ask("GET", path).json["data"] for one in bucket["results"]]
    assert sum(one["num_requests"] for one in after) == sum(one["num_requests"] for one in before) + 2
    assert {one["model"] for one in after} == {"web_search/searxng"}
    usage = web_server.ask("GET", "/v2/usage/detail", key=key).json["data"]
    assert 20_000 in [one["credits_used"] for one in usage if one["model"] == "web_search/searxng"]


def test_calls_beyond_the_limit_are_not_made(client, upstream, web):
    upstream.answer(SEARCH, SEARCH, text("Yes."))
    respond(client, tools=[TOOL], max_tool_calls=1)
    assert len(web.searches) == 1
