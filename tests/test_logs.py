"""Log lines hold no key, nobody outside can forge one, and neither repeats nor a slow output stop their writer."""

import json
import logging
import sys

import pytest

from understudy import correlation, telemetry
from understudy.correlation import Correlation, TraceContext, parse_traceparent
from understudy.logs.handler import QueueHandler
from understudy.logs.line import render_json
from understudy.logs.redactor import Redactor
from understudy.logs.requests import RequestEntry, log_requests
from understudy.logs.writer import LineWriter

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Log:
    """A log in memory, whose clock the test sets. `flush` renders what is queued, in this thread."""

    def __init__(self, log_format="json", secrets=(), *, with_content=False, max_lines=100):
        self.now = 0.0
        self.chunks = []
        self.writer = LineWriter(
            log_format, Redactor(secrets), self.chunks.append, max_lines=max_lines, now=lambda: self.now
        )
        self.handler = QueueHandler(self.writer, with_content=with_content)

    def write(self, message, *arguments, level=logging.WARNING, error=None, **extra):
        record = logging.LogRecord("understudy.llm", level, "", extra.pop("line", 0), message, arguments, error)
        record.created = self.now
        record.__dict__ |= extra
        self.handler.emit(record)

    def text(self):
        self.writer.flush()
        return b"".join(self.chunks).decode()

    def lines(self):
        return [json.loads(line) for line in self.text().splitlines()]


def line(message, *arguments, known=(), error=None):
    log = Log("text", known)
    log.write(message, *arguments, error=error)
    return log.text().removesuffix("\n")


@pytest.mark.parametrize(
    "message",
    [
        "refused sk-proj-abcdefgh12345678",
        "headers {'Authorization': 'Bearer abcdefgh12345678'}",
        "x-api-key: abcdefgh12345678",
        '{"api_key": "abcdefgh12345678"}',
        "?api-key=abcdefgh12345678&x=1",
    ],
)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_text_that_looks_like_a_key_is_redacted(message, log_format):
    log = Log(log_format)
    log.write(message)
    log.write("%s", message, fields={"error": message})
    assert "abcdefgh12345678" not in log.text()


def test_a_configured_secret_of_any_shape_is_left_out_of_messages_and_tracebacks():
    try:
        int("plainhex")
    except ValueError:
        text = line("told %s", "plainhex", known=["plainhex"], error=sys.exc_info())
    assert "plainhex" not in text
    assert "ValueError: invalid literal for int() with base 10: '…'" in text


def test_a_secret_with_signs_that_json_escapes_is_redacted():
    log = Log(secrets=['pass"word\\'])
    log.write('the text pass"word\\ ends')
    assert log.lines()[0]["message"] == "the text … ends"


def test_a_message_is_one_line():
    assert line("from outside: %s", "a\nERROR forged").count("\n") == 0


def test_text_from_outside_makes_no_line_no_field_and_no_command_of_a_terminal():
    log = Log("text")
    fields = {"error": 'a" code=forged\x1b[2J', "path": "/\u202e\x85é"}
    error = ValueError("a\n2026-01-01 00:00:00 INFO forged\x1b[2J")
    log.write("\x1b[31mred", error=(ValueError, error, None), fields=fields)
    first, *traceback = log.text().splitlines()
    assert first.endswith(r'\x1b[31mred path=/\u202e\x85é error="a\" code=forged\x1b[2J"')
    assert traceback == ["  ValueError: a", r"  2026-01-01 00:00:00 INFO forged\x1b[2J"]


def test_a_path_makes_no_member_of_a_line():
    log = Log("text")
    end = log_requests(log.writer)
    request = {"method": "GET", "dialect": "openai", "operation": "", "request_id": "req_1", "key_id": ""}
    times = {"latency": 0.001, "duration": 0.0015}
    path = "/a 200 1 ms key_id=key_2"
    telemetry.emit(telemetry.RequestFinished, path=path, status=404, project_id="", **request, **times)
    end()
    assert "GET /a%20200%201%20ms%20key_id=key_2 404 1.5 ms request_id=req_1\n" in log.text()


def test_a_json_line_has_the_request_the_trace_and_its_traceback_in_one_object():
    log = Log()
    requests = correlation.current.set(Correlation("req_1", "mine", "proj_1", "key_1", "run_1", client="10.0.0.1"))
    traces = correlation.trace.set(parse_traceparent(PARENT))
    log.now = 1_700_000_000.25
    try:
        int("x")
    except ValueError:
        log.write("failed\n%s", "here", level=logging.ERROR, error=sys.exc_info(), fields={"code": "broken"})
    correlation.current.reset(requests)
    correlation.trace.reset(traces)
    (logged,) = log.lines()
    assert logged.pop("stack").splitlines()[-1] == "ValueError: invalid literal for int() with base 10: 'x'"
    assert logged == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "error",
        "message": "failed\nhere",
        "logger": "understudy.llm",
        "request_id": "req_1",
        "client_request_id": "mine",
        "project": "proj_1",
        "key_id": "key_1",
        "client": "10.0.0.1",
        "run_id": "run_1",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "code": "broken",
    }


def test_the_text_of_a_request_has_its_ids_behind_it():
    log = Log("text")
    token = correlation.current.set(Correlation("req_1", run_id="run_1", client="10.0.0.1"))
    end = log_requests(log.writer)
    request = {"method": "GET", "dialect": "openai", "operation": "listModels", "request_id": "req_1"}
    times = {"latency": 0.001, "duration": 0.0015}
    for path in ("/models", "/health/live"):
        telemetry.emit(
            telemetry.RequestFinished, path=path, status=0, key_id="key_1", project_id="proj_1", **request, **times
        )
    end()
    correlation.current.reset(token)
    assert log.text().partition(" INFO ")[2] == (
        "request: GET /models 499 1.5 ms request_id=req_1 project=proj_1 key_id=key_1 client=10.0.0.1 run_id=run_1"
        " operation=listModels\n"
    )


@pytest.mark.parametrize("is_full", [False, True])
def test_the_fast_rendering_of_a_request_is_that_of_its_fields(is_full):
    known, trace = Correlation("req_1"), None
    ids = {"operation": "", "key_id": "", "project_id": ""}
    if is_full:
        known = Correlation("req_1", "mine", "proj_1", "key_1", "run_1", client="::1")
        trace, ids = parse_traceparent(PARENT), {"operation": "getRun", "key_id": "key_1", "project_id": "proj_1"}
    tokens = correlation.current.set(known), correlation.trace.set(trace)
    entry = RequestEntry(
        telemetry.RequestFinished(
            request_id="req_1",
            method="GET",
            path='/a"b\\c\u00e9\n',
            dialect="openai",
            status=200,
            latency=0.001,
            duration=0.0123456,
            **ids,
        )
    )
    correlation.current.reset(tokens[0])
    correlation.trace.reset(tokens[1])
    assert entry.to_json() == render_json(entry.to_line(), 0)


def test_content_is_written_only_if_the_operator_wants_it():
    texts = []
    for with_content in (False, True):
        log = Log(with_content=with_content)
        log.write("failed", content={"error": "the prompt"})
        texts.append(log.text())
    assert ["the prompt" in text for text in texts] == [False, True]


def test_a_repeated_fault_is_written_once_a_minute_with_the_number_of_repeats():
    log = Log()
    for second in range(5):
        log.now = second
        log.write("provider failed", repeat=("local", "timeout"))
    log.write("another failed", repeat=("other", "timeout"))
    assert [one["message"] for one in log.lines()] == ["provider failed", "another failed"]
    log.chunks.clear()
    log.now = 60
    (repeats,) = log.lines()
    assert (repeats["message"], repeats["repeated"]) == ("provider failed (repeated 4 times)", 4)
    log.write("provider failed", repeat=("local", "timeout"))
    assert len(log.lines()) == 2


def test_a_warning_of_one_place_is_limited_and_a_line_without_a_limit_is_not():
    log = Log()
    for number in range(50):
        log.write("request %d failed", number, line=7)
        log.write("run %d failed", number, line=8, repeat=None)
    texts = [one["message"].split()[0] for one in log.lines()]
    assert (texts.count("request"), texts.count("run")) == (10, 50)


def test_repeats_are_counted_when_the_log_is_closed():
    log = Log()
    for _ in range(3):
        log.write("provider failed", repeat=("local", "timeout"))
    log.writer.start()
    log.writer.close()
    assert log.lines()[-1]["repeated"] == 2


def test_lines_beyond_the_limit_of_the_queue_are_dropped_and_counted():
    log = Log(max_lines=3)
    for number in range(10):
        log.write("line %d", number, repeat=None)
    written = log.lines()
    assert [one["message"] for one in written[:3]] == ["line 0", "line 1", "line 2"]
    assert (written[3]["event"], written[3]["lost"]) == ("log.lost", 7)


def test_lines_of_a_broken_output_are_counted_as_lost():
    def fail(data):
        raise BrokenPipeError

    log = Log()
    log.writer._write = fail
    log.write("one")
    log.writer.flush()
    assert log.writer.lost == 1


@pytest.mark.parametrize(
    ("value", "state", "expected"),
    [
        (PARENT, "vendor=1", TraceContext(PARENT[3:35], PARENT[36:52], sampled=True, state="vendor=1")),
        (PARENT[:-1] + "0", "", TraceContext(PARENT[3:35], PARENT[36:52], sampled=False)),
        ("cc" + PARENT[2:] + "-later", "", TraceContext(PARENT[3:35], PARENT[36:52])),
        (PARENT, "x" * 513, TraceContext(PARENT[3:35], PARENT[36:52])),
        (PARENT + "-more", "", None),
        ("ff" + PARENT[2:], "", None),
        (PARENT.upper(), "", None),
        (PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), "", None),
        (PARENT.replace("00f067aa0ba902b7", "0" * 16), "", None),
        ("", "", None),
    ],
)
def test_a_traceparent_is_read_as_the_w3c_says(value, state, expected):
    assert parse_traceparent(value, state) == expected
