"""Reports of what was used: OpenAI's buckets of time, by its own client, and the AI/ML API's sums."""

import re
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import openai
import pytest

from e2e.assistants_client import user
from e2e.billing import PRICES, new_key
from envelope import assert_error
from serving import KEY, Server
from upstream import text

DAY = 86_400
CHAT = {"messages": [user("Hello there")]}


@pytest.fixture(scope="module")
def used(session_upstream, tmp_path_factory):
    """A server of which a few known things were asked, by two keys of one project and by another project."""
    server = Server(tmp_path_factory.mktemp("used"), session_upstream.url, PRICES).start()
    try:
        second = new_key(server, "--name", "second")
        server.run("projects", "create", "other")
        other = new_key(server, "--project", "other")
        for key, model in [(KEY, "gpt-4o"), (KEY, "slow"), (second["key"], "gpt-4o"), (other["key"], "gpt-4o")]:
            session_upstream.answer(text("Hi", usage=(100, 10)))
            assert server.ask("POST", "/v1/chat/completions", {"model": model, **CHAT}, key=key).status == 200
        asked = {"model": "rehearsal-embedding", "input": "Hello there"}
        assert server.ask("POST", "/v1/embeddings", asked).status == 200
        server.first = server.ask("GET", "/v1/key").json["data"]["id"]
        server.second = second["id"]
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def usage(used):
    with openai.OpenAI(base_url=used.url, api_key=KEY, admin_api_key=KEY, max_retries=0) as client:
        yield client.admin.organization.usage


def yesterday():
    return int(time.time()) - DAY


def results(page):
    return [result for bucket in page.data for result in bucket.results]


@pytest.mark.proves("usage.completions")
def test_completions_are_summed_up(usage):
    page = usage.completions(start_time=yesterday())
    assert (page.object, page.has_more, page.next_page) == ("page", False, None)
    assert [bucket.start_time % DAY for bucket in page.data] == [0, 0]
    assert all(bucket.end_time == bucket.start_time + DAY for bucket in page.data)
    (whole,) = results(page)
    assert whole.object == "organization.usage.completions.result"
    counted = (whole.num_model_requests, whole.input_tokens, whole.output_tokens, whole.input_cached_tokens)
    assert counted == (3, 300, 30, 0)
    assert (whole.project_id, whole.model, whole.api_key_id, whole.batch) == (None, None, None, None)


@pytest.mark.proves("usage.groups")
def test_sums_are_grouped_and_filtered(used, usage):
    by = results(usage.completions(start_time=yesterday(), group_by=["model", "api_key_id", "batch"]))
    assert sorted((one.model, one.api_key_id, one.batch, one.num_model_requests) for one in by) == sorted(
        [("gpt-4o", used.first, False, 1), ("gpt-4o", used.second, False, 1), ("slow", used.first, False, 1)]
    )

    def count(**only):
        return sum(one.num_model_requests for one in results(usage.completions(start_time=yesterday(), **only)))

    assert count(models=["gpt-4o"]) == 2
    assert count(models=["gpt-4o", "slow"], api_key_ids=[used.first]) == 2
    assert count(batch=False) == 3
    assert count(batch=True) == 0
    assert count(project_ids=["proj_other"]) == 0
    assert count(user_ids=["user_1"]) == 0
    assert count(group_by=["user_id", "service_tier", "project_id"]) == 3
    (project,) = {one.project_id for one in results(usage.completions(start_time=yesterday(), group_by=["project_id"]))}
    assert count(project_ids=[project]) == 3


def test_embeddings_are_reports_of_their_own(usage):
    (whole,) = results(usage.embeddings(start_time=yesterday(), group_by=["model"]))
    assert (whole.object, whole.num_model_requests) == ("organization.usage.embeddings.result", 1)
    assert whole.input_tokens > 0
    assert whole.model == "rehearsal-embedding"


@pytest.mark.proves("usage.costs")
def test_costs_are_in_dollars(used, usage):
    (whole,) = results(usage.costs(start_time=yesterday()))
    assert (whole.object, whole.amount.currency) == ("organization.costs.result", "usd")
    assert whole.amount.value == pytest.approx((2 * (100 * 2 + 10 * 8) + 100 * 1) / 1e6)
    items = results(usage.costs(start_time=yesterday(), group_by=["line_item", "api_key_id"]))
    assert {(one.line_item, one.api_key_id) for one in items} == {
        ("gpt-4o, completion", used.first),
        ("gpt-4o, completion", used.second),
        ("slow, completion", used.first),
        ("rehearsal-embedding, embedding", used.first),
    }
    assert sum(one.amount.value for one in items) == pytest.approx(whole.amount.value)


@pytest.mark.proves("usage.pages")
@pytest.mark.parametrize(("width", "seconds"), [("1m", 60), ("1h", 3600), ("1d", DAY)])
def test_buckets_come_in_pages(usage, width, seconds):
    start = int(time.time()) - 5 * seconds
    buckets, page = [], None
    while True:
        options = {} if page is None else {"page": page}
        found = usage.completions(start_time=start, bucket_width=width, limit=2, **options)
        assert len(found.data) <= 2
        buckets += found.data
        page = found.next_page
        if not found.has_more:
            break
    assert [bucket.start_time for bucket in buckets] == list(
        range(start // seconds * seconds, buckets[-1].end_time, seconds)
    )
    counted = sum(one.num_model_requests for bucket in buckets for one in bucket.results)
    assert counted == 3
    assert usage.completions(start_time=start, bucket_width=width, limit=31 if width == "1d" else 60).data == buckets


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_are_those_of_the_requested_zone(used, zone):
    now = datetime.now(ZoneInfo(zone))
    start = int(time.time()) - 3 * DAY
    for path in ("organization/costs", "organization/usage/completions"):
        page = used.ask("GET", f"/v1/{path}?start_time={start}&tz={zone}").json
        days = [datetime.fromtimestamp(one["start_time"], ZoneInfo(zone)) for one in page["data"]]
        assert [one.date() for one in days] == [now.date() - timedelta(days=back) for back in (3, 2, 1, 0)]
        assert all((one.hour, one.minute) == (0, 0) for one in days)
        assert [one["end_time"] for one in page["data"][:-1]] == [one["start_time"] for one in page["data"][1:]]
        assert [len(one["results"]) for one in page["data"]] == [0, 0, 0, 1]
    assert_error(
        used.ask("GET", f"/v1/organization/costs?start_time={start}&tz=Moon/Base"),
        400,
        "Invalid 'tz': 'Moon/Base' is not a known time zone. Expected a name like 'Europe/Oslo'.",
        "tz",
        "invalid_value",
    )


def test_a_start_time_within_a_bucket_excludes_earlier_usage(usage):
    assert results(usage.completions(start_time=int(time.time()) + 5)) == []
    page = usage.completions(start_time=0, end_time=DAY)
    assert [(bucket.start_time, bucket.end_time, bucket.results) for bucket in page.data] == [(0, DAY, [])]


@pytest.mark.parametrize(
    ("query", "message", "param", "code"),
    [
        ("", "Missing required parameter: 'start_time'.", "start_time", "missing_required_parameter"),
        ("?start_time=x", re.compile("Invalid type for 'start_time': .*"), "start_time", "invalid_type"),
        (
            "?start_time=0&limit=32",
            re.compile("Invalid 'limit': 32 buckets of '1d' .*"),
            "limit",
            "integer_above_max_value",
        ),
        ("?start_time=0&page=later", re.compile("Invalid 'page': 'later'.*"), "page", "invalid_value"),
        ("?start_time=0&bucket_width=1y", re.compile("Invalid value: '1y'.*"), "bucket_width", "invalid_value"),
        ("?start_time=0&group_by=colour", re.compile("Invalid value: 'colour'.*"), "group_by[0]", "invalid_value"),
    ],
)
def test_an_odd_query_is_refused(used, query, message, param, code):
    reply = used.ask("GET", f"/v1/organization/usage/completions{query}")
    assert_error(reply, 400, message, param, code)


def test_the_aiml_usage_sums_match_the_openai_report(used):
    found = used.ask("GET", "/v2/usage").json
    assert [(one["model"], one["requests"], one["credits_used"]) for one in found["data"]] == [
        ("gpt-4o", 2, 2 * 560),
        ("slow", 1, 200),
        ("rehearsal-embedding", 1, 0),
    ]
    assert found["total"]["credits_used"] == 1320
    assert found["total"]["usd_spent"] == 0.00066
    only = used.ask("GET", f"/v2/usage?key_id={used.second}&model=gpt-4o,slow").json
    assert only["total"]["requests"] == 1
    rows = used.ask("GET", "/v2/usage/detail").json["data"]
    assert {(one["model"], one["key_id"], one["kind"], one["batch"]) for one in rows} == {
        ("gpt-4o", used.first, "completion", False),
        ("gpt-4o", used.second, "completion", False),
        ("slow", used.first, "completion", False),
        ("rehearsal-embedding", used.first, "embedding", False),
    }
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", one["date"]) for one in rows)
    assert used.ask("GET", "/v2/usage?from=2020-01-01&to=2020-02-01").json["data"] == []
    assert used.ask("GET", "/v2/usage?colour=red").status == 400
