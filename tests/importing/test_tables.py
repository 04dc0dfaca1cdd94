"""Messages as lines of a table: CSV, and JSON objects with a text."""

import json

import pytest
from tests.importing.conftest import ids, problems, to_lines

from understudy import errors
from understudy.importing.limits import Limits

HEADER = "thread_id,assistant_id,message_id,role,text,created_at\n"


def rows(spool):
    return [
        (one.body["thread_id"], one.body["role"], one.body["content"][0]["text"]["value"], one.created_at)
        for one in spool.read("message")
    ]


@pytest.mark.parametrize(
    "text",
    [
        HEADER
        + 'thread_1,asst_1,msg_1,user,"Hi, ""you""\nthere",5\nthread_1,asst_1,msg_2,assistant,Hello,2026-01-01T00:00:00Z\n',
        'Thread_ID;Role;Content;ID;Timestamp\r\nthread_1;user;"Hi, ""you""\nthere";msg_1;5\r\nthread_1;AI;Hello;msg_2;1767225600\r\n',
        'created_at\tmessage\trole\tthread\tid\n5\t"Hi, ""you""\nthere"\thuman\tthread_1\tmsg_1\n1767225600\tHello\tbot\tthread_1\tmsg_2',
        to_lines(
            {"thread_id": "thread_1", "id": "msg_1", "role": "user", "text": 'Hi, "you"\nthere', "created_at": 5},
            {
                "thread_id": "thread_1",
                "message_id": "msg_2",
                "role": "assistant",
                "content": "Hello",
                "created_at": 1767225600.5,
            },
        ),
        json.dumps(
            {
                "id": "thread_1",
                "object": "thread",
                "messages": [
                    {"message_id": "msg_1", "role": "user", "text": 'Hi, "you"\nthere', "created_at": 5},
                    {"message_id": "msg_2", "role": "assistant", "content": "Hello", "created_at": "2026-01-01"},
                ],
            }
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_become_messages_of_the_api(read, text, encoding):
    spool = read(text.encode(encoding))

    assert ids(spool) == {"thread": ["thread_1"], "message": ["msg_1", "msg_2"]}
    assert rows(spool) == [("thread_1", "user", 'Hi, "you"\nthere', 5), ("thread_1", "assistant", "Hello", 1767225600)]
    assert problems(spool) == []


def test_a_message_has_the_shape_of_the_api_and_its_unknown_columns(read):
    spool = read(HEADER.strip() + ",rating\nthread_1,asst_1,msg_1,assistant,Hello,5,good\n")

    assert next(spool.read("message")).body == {
        "id": "msg_1",
        "object": "thread.message",
        "created_at": 5,
        "thread_id": "thread_1",
        "role": "assistant",
        "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}],
        "assistant_id": "asst_1",
        "run_id": None,
        "attachments": [],
        "metadata": {},
        "rating": "good",
    }


def test_rows_without_ids_have_the_same_ids_in_a_repeated_import(read):
    text = "thread_id,role,text\n" + "thread_1,user,yes\n" * 3 + "thread_2,user,\n"

    first, second = (ids(read(text)) for _ in range(2))

    assert first == second
    assert len({*first["message"]}) == 4
    assert rows(read(text))[3] == ("thread_2", "user", "", 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"thread_1,,msg_9,user", "The row has 4 fields; the header has 6."),
        (b"thread_1,,msg_9,system,Be kind,5", "The role 'system' is not 'user' or 'assistant'."),
        (b",,msg_9,user,Hi,5", "The message has no thread_id."),
        (b"thread/1,,msg_9,user,Hi,5", "msg_9: invalid thread_id 'thread/1'."),
        (b"thread_1,,msg 9,user,Hi,5", "Invalid id 'msg 9'."),
        (b"thread_1,,msg_9,user,na\xefve,5", "The row is not valid UTF-8. Save the file as UTF-8."),
    ],
)
def test_a_bad_row_is_a_problem_and_the_others_are_read(read, row, reason):
    good = HEADER.encode() + "thread_1,,msg_1,user,Héhé,5\n".encode()

    spool = read(good + row + b"\nthread_1,,msg_2,user,Hi,6\n")

    assert ids(spool)["message"] == ["msg_1", "msg_2"]
    assert problems(spool) == [("line 3", reason)]


@pytest.mark.parametrize(
    ("encoding", "question"),
    [
        ("Windows-1252", "Où est la gare d’été à Köln?"),
        ("Windows-1251", "Где находится вокзал и когда он открывается утром?"),
        ("cp932", "駅はどこにありますか。何時に開きますか。"),
    ],
)
def test_a_table_in_the_code_page_of_a_spreadsheet_program_is_read(read, encoding, question):
    rows_ = f'thread_1;user;Hi;1\nthread_1;user;"{question}\n{question}";2\n\nthread_1;user;{question};3\n'
    spool = read(("thread_id;role;text;created_at\n" + rows_).encode(encoding))

    assert [row[2] for row in rows(spool)] == ["Hi", f"{question}\n{question}", question]
    [(place, reason)] = problems(spool)
    assert place == "line 4"
    assert reason.startswith(f"The file is not UTF-8; it was read as {encoding} from this row on.")


def test_the_encoding_is_detected_before_a_line_that_is_too_long(read):
    text = "thread_id,role,text\nthread_1,user,Où est la gare d’été?\n".encode("cp1252") + b"x" * 9000 + b"\n"

    spool = read(text, limits=Limits(object_bytes=4000))

    assert [row[2] for row in rows(spool)] == ["Où est la gare d’été?"]
    assert [reason.partition(":")[0] for _, reason in problems(spool)][1] == "Invalid CSV"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            HEADER + 'thread_1,,msg_1,user,Hi,5\nthread_1,,msg_2,user,"Hi,6\n' + "x" * 9000 + "\n",
            "a line is longer than 4000 bytes",
        ),
        (
            HEADER + 'thread_1,,msg_1,user,Hi,5\nthread_1,,msg_2,user,"Hi,6\n' + "x\n" * 9000,
            "field larger than field limit",
        ),
        (HEADER + 'thread_1,,msg_1,user,Hi,5\nthread_1,,msg_2,user,"Hi"there,6\n', "expected after"),
        (HEADER + 'thread_1,,msg_1,user,Hi,5\nthread_1,,msg_2,user,"Hi', "unexpected end of data"),
    ],
)
def test_an_unclosed_quote_ends_the_file_with_a_problem(read, text, reason, monkeypatch):
    import csv

    limit = csv.field_size_limit(4000)
    try:
        spool = read(text, limits=Limits(object_bytes=4000))
    finally:
        csv.field_size_limit(limit)

    assert ids(spool)["message"] == ["msg_1"]
    [(_, found)] = problems(spool)
    assert found.startswith("Invalid CSV: ")
    assert reason in found


def test_a_csv_file_without_the_columns_is_refused(read, tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "a.csv").write_text("name,age\nx,1\n")

    with pytest.raises(errors.InvalidRequest, match=r"a\.csv: The first line does not name the columns"):
        read(tmp_path / "export")
