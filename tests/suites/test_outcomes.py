"""What the tests of other suites gave is read from their reports, and compared with the list of deviations."""

import json

import pytest

from suites.catalog import SUITES
from suites.model import read_replies
from suites.outcomes import Deviation, Outcome, compare, count, read_deviations, read_junit, read_open_responses
from suites.record import RESULTS

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.integration.responses.test_basic.TestBasic" name="test_reply[client]"/>
<testcase classname="test" name="crud: create"><failure message="expected  1&#10;got 2"/></testcase>
<testcase classname="" name="files"><skipped message="no key"/></testcase>
</testsuite></testsuites>"""


def test_a_junit_report_has_an_outcome_for_each_test():
    assert read_junit(JUNIT, "assistants: ") == [
        Outcome("assistants: responses/test_basic/TestBasic::test_reply[client]", "passed"),
        Outcome("assistants: crud: create", "failed", "expected 1 got 2"),
        Outcome("assistants: files", "skipped", "no key"),
    ]


def test_a_compliance_report_has_the_errors_of_a_test_as_its_reason():
    results = [{"id": "basic", "status": "passed"}, {"id": "tools", "status": "failed", "errors": ["no call", "no id"]}]
    assert read_open_responses(json.dumps({"results": results})) == [
        Outcome("basic", "passed"),
        Outcome("tools", "failed", "no call; no id"),
    ]


def test_only_failures_of_the_list_are_expected():
    outcomes = [Outcome("a[x]", "failed", "1 != 2"), Outcome("b", "failed", "1 != 2"), Outcome("c", "passed")]
    deviations = [Deviation(("a[x]", "c"), "ours differs"), Deviation(("b",), "not run", is_left_out=True)]
    compared = compare(outcomes, deviations)
    assert compared == [Outcome("a[x]", "expected", "ours differs"), outcomes[1], outcomes[2]]
    assert count(compared) == {"passed": 1, "expected": 1, "failed": 1, "skipped": 0}


@pytest.mark.parametrize("suite", SUITES)
def test_each_deviation_and_each_recorded_result_has_a_reason(suite):
    assert all(one.reason.endswith(".") for one in read_deviations(suite))
    result = json.loads(RESULTS.read_text("utf-8"))[suite]
    assert result["counts"]["failed"] == 0
    assert sum(result["reasons"]["expected"].values()) == result["counts"]["expected"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"messages": [{"role": "user", "content": "What is the capital of France?"}]},
            "The capital of France is Paris.",
        ),
        ({"messages": [{"role": "user", "content": "The capital of France?"}], "tool_choice": "required"}, None),
        ({"messages": [{"role": "user", "content": "Use both tools."}], "tools": []}, None),
    ],
)
def test_a_reply_fits_the_last_question_and_the_functions_of_a_request(body, text):
    assert next((reply.text for reply in read_replies() if reply.fits(body)), None) == text
