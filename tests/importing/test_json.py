"""JSON documents and JSON Lines of API objects, in any arrangement, and damaged ones."""

import json
from pathlib import Path

import pytest
from tests.importing.conftest import ids, message, problems, thread, to_lines

from understudy import errors
from understudy.importing.limits import Limits, ReadingCancelled

RUN = {"id": "run_1", "object": "thread.run", "created_at": 1001, "thread_id": "thread_1", "status": "completed"}
STEP = {"id": "step_1", "object": "thread.run.step", "created_at": 1002, "type": "message_creation"}
ASSISTANT = {
    "id": "asst_1",
    "object": "assistant",
    "created_at": 1,
    "model": "m",
    "tools": [],
    "metadata": {"data": "x"},
}
THREAD_EXPORT = {
    "export_schema": "assistants-thread-export/v1",
    "thread_id": "thread_1",
    "exported_at": "2026-08-01T00:00:00+00:00",
    "thread": thread(1),
    "messages": [message(1), message(2)],
    "runs": [{**RUN, "steps": [STEP]}],
    "files": {"file-1": {"id": "file-1", "object": "file", "created_at": 5, "bytes": 3, "filename": "a.txt"}},
    "errors": [{"object": "file", "id": "file-2", "error": "not_found_or_expired", "detail": "404"}],
}
ALL = {"thread": ["thread_1"], "message": ["msg_1", "msg_2"]}


@pytest.mark.parametrize(
    "text",
    [
        to_lines(thread(1), message(1), message(2)),
        json.dumps([thread(1), message(1), message(2)]),
        json.dumps([thread(1), [message(1), [message(2)]]], indent=2),
        json.dumps({"object": "list", "data": [message(1), message(2), thread(1)], "has_more": False}),
        json.dumps({"data": [message(2), message(1)], "object": "list", "first_id": "msg_2"}, indent=1),
        to_lines({"object": "list", "data": [message(1)]}, thread(1), {"object": "list", "data": [message(2)]}),
        json.dumps({**thread(1), "messages": [message(1), message(2)]}),
        json.dumps({**thread(1), "messages": {"object": "list", "data": [message(1), message(2)]}}, indent=2),
        json.dumps({"backup": {"of": ["x", {"threads": [thread(1)]}, message(1), message(2)]}}),
        json.dumps({"threads": {"thread_1": {**thread(1), "messages": [message(1), message(2)]}}}),
        json.dumps(thread(1), indent=2) + json.dumps(message(1)) + "\n\n" + json.dumps(message(2), indent=4),
        to_lines({"event": "thread.created", "data": thread(1)}, {"event": "x", "data": [message(1), message(2)]}),
        '{"x": {}\n,"threads": ['
        + json.dumps(thread(1))
        + "],\n"
        + f'"messages": {json.dumps([message(1), message(2)])}}}',
        "\r\n".join(["", *to_lines(thread(1), message(1), message(2)).splitlines(), ""]),
    ],
)
def test_objects_are_found_in_lists_pages_lines_and_nested(read, text):
    spool = read(text)

    assert ids(spool) == ALL
    assert problems(spool) == []


def test_thread_exports_hold_threads_messages_runs_steps_and_files(read):
    spool = read(json.dumps(THREAD_EXPORT, indent=2))

    assert ids(spool) == {"file": ["file-1"], **ALL, "run": ["run_1"], "step": ["step_1"]}
    assert problems(spool) == [("the input", "The exporter could not read file-2: not_found_or_expired.")]
    run, step = next(spool.read("run")), next(spool.read("step"))
    assert "steps" not in run.body
    assert step.body["run_id"] == "run_1"
    assert step.body["thread_id"] == "thread_1"


@pytest.mark.parametrize(
    "members",
    [
        {"runs": [], "files": {}, "errors": []},
        {"thread": None, "messages": [], "runs": [], "files": {}},
        {"messages": {"object": "list", "data": []}, "runs": None},
    ],
)
def test_empty_members_of_an_export_are_not_problems(read, members):
    spool = read(to_lines(message(1), {**THREAD_EXPORT, "errors": [], **members}))

    assert problems(spool) == []


def test_public_exports_are_read_as_directories(read, tmp_path):
    export = tmp_path / "export"
    (export / "threads").mkdir(parents=True)
    failed = {"thread_id": "thread_9", "error": "not_found_or_deleted"}
    manifest = {"export_schema": "assistants-export-manifest/v1", "assistants_count": 1, "threads_failed": [failed]}
    (export / "manifest.json").write_text(json.dumps(manifest, indent=2))
    (export / "assistants.json").write_text(json.dumps([ASSISTANT], indent=2))
    (export / "threads" / "thread_1.json").write_text(json.dumps(THREAD_EXPORT, indent=2))

    spool = read(export)

    assert ids(spool) == {"assistant": ["asst_1"], "file": ["file-1"], **ALL, "run": ["run_1"], "step": ["step_1"]}
    assert next(spool.read("assistant")).body == ASSISTANT
    assert [place for place, _ in problems(spool)] == ["manifest.json", "threads/thread_1.json"]


def test_members_of_the_place_fill_in_what_objects_lack(read, tmp_path):
    export = tmp_path / "export"
    (export / "thread_7" / "run_8").mkdir(parents=True)
    bare = {"id": "msg_1", "role": "user", "content": [], "created_at": 3}
    (export / "thread_7" / "messages.json").write_text(json.dumps({"messages": [bare]}))
    (export / "thread_7" / "run_8" / "steps.json").write_text(json.dumps([STEP]))
    (export / "stores.json").write_text(
        json.dumps({"id": "vs_1", "object": "vector_store", "files": [{"id": "file-1", "object": "vector_store.file"}]})
    )

    spool = read(export)

    found = next(spool.read("message")).body
    assert (found["thread_id"], found["object"]) == ("thread_7", "thread.message")
    step = next(spool.read("step")).body
    assert (step["thread_id"], step["run_id"]) == ("thread_7", "run_8")
    assert next(spool.read("vector_store_file")).body["vector_store_id"] == "vs_1"
    assert problems(spool) == []


def test_a_thread_is_made_for_messages_without_one(read):
    spool = read(to_lines(message(2), message(1), message(3, thread_id="thread_2"), thread(2)))

    threads = {one.id: one.body for one in spool.read("thread")}
    assert threads["thread_1"] == {"id": "thread_1", "object": "thread", "created_at": 1001, "metadata": {}}
    assert threads["thread_2"] == thread(2)


@pytest.mark.parametrize("order", [1, -1])
def test_objects_of_one_second_have_the_order_of_their_list(read, order):
    newest_last = [message(0), message(1, created_at=1005), message(2, created_at=1005), message(3, created_at=1006)]
    other = [message(number, thread_id="thread_2", created_at=1005) for number in (8, 9)]

    spool = read(json.dumps([{"object": "list", "data": newest_last[::order]}, other]))

    assert [one.id for one in spool.read("message")] == ["msg_0", "msg_1", "msg_2", "msg_8", "msg_9", "msg_3"] or [
        one.id for one in spool.read("message")
    ] == ["msg_0", "msg_8", "msg_9", "msg_1", "msg_2", "msg_3"]
    assert [one.position for one in spool.read("message", 2)] == [2, 3, 4, 5]


def test_descending_pages_continue_one_another(read):
    pages = [[5, 4], [3, 2]]

    spool = read(
        to_lines(
            *(
                {"data": [message(number, created_at=7 if number in {3, 4} else number) for number in page]}
                for page in pages
            )
        )
    )

    assert [one.id for one in spool.read("message")] == ["msg_2", "msg_5", "msg_3", "msg_4"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (5, 5),
        (5.9, 5),
        ("7", 7),
        ("1970-01-02T00:00:00Z", 86_400),
        ("1970-01-02 00:00:00", 86_400),
        ("1970-01-02T01:00:00+01:00", 86_400),
        (1_700_000_000_123, 1_700_000_000),
        (None, 0),
        ("yesterday", 0),
        (True, 0),
        (-1, 0),
        (10**18, 0),
        ([], 0),
    ],
)
def test_times_are_unix_seconds(read, value, seconds):
    spool = read(json.dumps(message(1, created_at=value)))

    found = next(spool.read("message"))
    assert found.created_at == seconds
    assert found.body["created_at"] == (None if value is None else seconds)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{bad}", "Invalid JSON"),
        ('{"id": "msg_9", "object": "thread.message"', "cut off"),
        ('{"id": "msg_9", "object": "thread.message", "x": NaN}', "Invalid JSON"),
        ('{"id": "msg_9", "object": "thread.message", "created_at": 1e999}', "number is out of range"),
        ('{"id": "msg_9", "object": "thread.message", "x": ' + "9" * 5000 + "}", "number is out of range"),
        (json.dumps(message(9, id=None)), "Invalid id 'None'."),
        (json.dumps(message(9, id="a/b")), "Invalid id 'a/b'."),
        (json.dumps(message(9, id="a@b")), "Invalid id 'a@b'."),
        (json.dumps(message(9, id="x" * 129)), "Invalid id"),
        (json.dumps(message(9, id=7)), "Invalid id '7'."),
        (json.dumps(message(9, thread_id=None)), "msg_9: invalid thread_id 'None'."),
        (json.dumps(message(9, thread_id={"a": 1})), "msg_9: invalid thread_id"),
        ('"text"', "It is a string, not an object."),
        ("17", "It is a number, not an object."),
        ("[true]", "It is a boolean, not an object."),
        ("{}", "It is an empty object."),
        ('{"colour": "red"}', "It is not an object of the API; its members are colour."),
        ('{"id": "x", "object": "thread.deleted"}', "Objects of the type 'thread.deleted' are not imported."),
        (json.dumps(message(9, object=["x"], id={})), "not an object of the API"),
        (json.dumps(message(1, role="assistant")), "duplicate: message msg_1"),
        (json.dumps(message(9, content="x" * 5000)), "The line is longer than 4000 bytes."),
        ("[" * 200 + "]" * 200, "Lists are nested deeper than 32 levels."),
        (json.dumps(message(9, metadata=json.loads('{"a":' * 60 + "1" + "}" * 60))), "nested deeper than 50 levels"),
        (b'{"id": "msg_9", "object": "thread.message", "x": "\xff"}', "Invalid JSON"),
    ],
)
def test_a_bad_line_is_a_problem_and_the_others_are_read(read, bad, reason):
    lines = [
        to_lines(message(1)).encode(),
        bad if isinstance(bad, bytes) else bad.encode(),
        b"\n",
        to_lines(message(2)).encode(),
    ]

    spool = read(b"".join(lines), limits=Limits(object_bytes=4000 if "x" * 5000 in str(bad) else 1 << 20, depth=50))

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    [(place, text)] = problems(spool)
    assert place.startswith("line 2")
    assert reason in text


def test_a_damaged_first_line_does_not_hide_the_others(read):
    spool = read('{"id": "msg_9", bad}\n' + to_lines(message(1), message(2)))

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    assert [place for place, _ in problems(spool)] == ["line 1"]


@pytest.mark.parametrize("bad", [{"id": "msg_8", "object": "thread.x"}, 5, message(8, id="?")])
def test_a_bad_object_of_a_document_is_a_problem_and_the_others_are_read(read, bad):
    spool = read(json.dumps({"object": "list", "data": [message(1), bad, message(2)]}, indent=2))

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    assert [place for place, _ in problems(spool)] == ["data[1]"]


def test_places_within_unknown_wrappers_are_named_in_full(read):
    wrapped = {
        "backup": {"inner": [{"objects": [message(1), {"deeper": [{"items": [message(2), message(3, id="?")]}]}]}]}
    }

    spool = read(json.dumps(wrapped, indent=1))

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    assert problems(spool) == [("backup.inner[0].objects[1].deeper[0].items[1]", "Invalid id '?'.")]


@pytest.mark.parametrize("indent", [None, 2])
def test_large_and_deep_objects_of_a_document_are_skipped(read, indent):
    deep = message(8, metadata=json.loads('{"a":' * 60 + "1" + "}" * 60))
    long = message(9, content=["y" * 100] * 100)
    text = json.dumps({"data": [message(1), deep, long, message(2)]}, indent=indent).replace('"data"', '\n"data"')

    spool = read(text, limits=Limits(object_bytes=4000, depth=50))

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    assert [reason for _, reason in problems(spool)] == [
        "It is nested deeper than 50 levels.",
        "It is larger than the limit of an object.",
    ]


@pytest.mark.parametrize("position", [0.5, 0.9])
def test_of_a_document_that_is_cut_off_the_objects_before_the_cut_are_read(read, position):
    text = json.dumps({"object": "list", "data": [message(number) for number in range(100)]}, indent=2)

    spool = read(text[: int(len(text) * position)])

    assert abs(spool.count("message") - 100 * position) < 3
    [(place, reason)] = problems(spool)
    assert place.startswith("data[")
    assert "cut off at line" in reason


def test_a_fault_within_a_document_names_the_place(read):
    text = json.dumps({"data": [message(1), message(2)]}, indent=2).replace('"msg_2"', "msg_2")

    [(place, reason)] = problems(read(text))

    assert place == "data[1]"
    assert reason.startswith("Invalid JSON near line")


def test_a_single_string_without_end_is_not_held_in_memory(read):
    text = json.dumps([message(1)])[:-1] + ',\n{"object": "' + "x" * 300_000

    spool = read(text, limits=Limits(object_bytes=100_000))

    assert ids(spool)["message"] == ["msg_1"]
    assert problems(spool) == [("[1]", "A value is longer than 100000 bytes.")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("indent", [None, 2])
def test_documents_may_have_other_encodings_and_marks(read, encoding, indent):
    content = [{"type": "text", "text": {"value": "žluťoučký 🐎", "annotations": []}}]

    spool = read(json.dumps([message(1, content=content)], ensure_ascii=False, indent=indent).encode(encoding))

    assert next(spool.read("message")).body["content"] == content


def test_invalid_utf16_is_a_problem(read):
    text = ("\ufeff" + to_lines(message(1))).encode("utf-16-le") + b"\x00\xd8\x41\x00"

    spool = read(text)

    assert [reason for _, reason in problems(spool)] == ["The text is not valid UTF-16-LE."]


@pytest.mark.parametrize(
    "text", [b"", b"\n \n", b"hello\nworld", b"[]", b"{}", b"\x89PNG\r\n\x1a\n" + bytes(range(256))]
)
def test_an_input_without_objects_is_refused(read, text):
    with pytest.raises(errors.InvalidRequest, match="The input has no objects to import"):
        read(text)


def test_reading_can_be_cancelled(read):
    with pytest.raises(ReadingCancelled):
        read(to_lines(message(1)), cancelled=lambda: True)


def test_ids_without_the_prefix_of_their_kind_get_it_wherever_they_stand(read):
    content = [{"type": "image_file", "image_file": {"file_id": "f1"}}]
    objects = [
        {"id": "a1", "object": "assistant", "tool_resources": {"file_search": {"vector_store_ids": ["v1", "vs_2"]}}},
        {"id": "f1", "object": "file", "metadata_": {"file_id": "f1"}},
        {"id": "f1", "object": "vector_store.file", "vector_store_id": "v1"},
        {"id": "1", "object": "thread", "created_at": "2026-01-01T00:00:00"},
        {
            "id": "2",
            "object": "thread.message",
            "thread_id": "1",
            "assistant_id": "a1",
            "run_id": None,
            "content": content,
        },
        {
            "id": "3",
            "object": "thread.run",
            "thread_id": "1",
            "assistant_id": "",
            "completed_at": 5.5,
            "expires_at": "x",
        },
        {"id": "4", "object": "thread.run.step", "thread_id": "1", "run_id": "3"}
        | {"step_details": {"message_creation": {"message_id": "2"}}},
    ]

    spool = read(to_lines(*objects))

    assert ids(spool) == {
        "assistant": ["asst_a1"],
        "file": ["file-f1"],
        "vector_store_file": ["file-f1"],
        "thread": ["thread_1"],
        "message": ["msg_2"],
        "run": ["run_3"],
        "step": ["step_4"],
    }
    bodies = {kind: next(spool.read(kind)).body for kind in ids(spool)}
    assert bodies["assistant"]["tool_resources"]["file_search"]["vector_store_ids"] == ["vs_v1", "vs_2"]
    assert bodies["file"]["metadata"] == {"file_id": "f1"}
    assert bodies["vector_store_file"]["vector_store_id"] == "vs_v1"
    message = bodies["message"]
    assert (message["thread_id"], message["assistant_id"], message["run_id"]) == ("thread_1", "asst_a1", None)
    assert message["content"][0]["image_file"]["file_id"] == "file-f1"
    run = bodies["run"]
    assert (run["assistant_id"], run["completed_at"], run["expires_at"]) == ("", 5, None)
    assert bodies["step"]["step_details"]["message_creation"]["message_id"] == "msg_2"
    assert problems(spool)[0] == ("line 1", "Ids without a prefix get one: 'a1' is 'asst_a1' now.")
    assert len(problems(spool)) == 7


@pytest.mark.parametrize("time", ["yesterday", -5, 10**30, True, [1]])
def test_a_created_at_that_is_not_a_time_is_reported(read, time):
    spool = read(to_lines(thread(1, created_at=time), thread(2, created_at=None), thread(3, created_at="2026-01-02")))
    assert len(ids(spool)["thread"]) == 3
    assert problems(spool) == [("line 1", f"The created_at of 'thread_1' is not a time: {str(time)!r}.")]


def test_unknown_members_stay_in_the_object(read):
    body = message(1, vendor={"data": [1, 2], "object": "thread"}, content="x")

    assert next(read(json.dumps(body)).read("message")).body == body


def test_equal_duplicates_are_not_reported(read):
    spool = read(to_lines(ASSISTANT, dict(reversed(ASSISTANT.items())), message(1)))

    assert ids(spool)["assistant"] == ["asst_1"]
    assert problems(spool) == []


def test_the_work_files_are_deleted(read, tmp_path: Path):
    spool = read(to_lines(message(1)))
    assert [*tmp_path.glob("work*/*")]

    spool.close()

    assert [*tmp_path.glob("work*/*")] == []
