"""Each check of a chaos run fails for the fault that it is there for: the evidence of a whole run, doctored."""

import copy

import pytest

from chaos import checks
from chaos.evidence import Evidence
from chaos.journal import (
    FollowedLog,
    Frame,
    IndexedFile,
    Journal,
    OrderedVideo,
    Realtime,
    Recovery,
    SavedFile,
    SentMessage,
    StartedBatch,
    StartedResponse,
    StartedRun,
)
from receiver import Received

ANSWERS = {
    "t1": {"answer 1 to t1: amber"},
    "t2": {"answer 2 to t2"},
    "r1": {"answer 3 to r1"},
    "b1": {"answer 4 to b1"},
}
WHOLE = "answer 1 to t1: amber"


def message(message_id, role, text, run_id=None, status="completed"):
    content = [{"type": "text", "text": {"value": text}}]
    return {"id": message_id, "role": role, "content": content, "run_id": run_id, "status": status}


def run_frames():
    def delta(number, text):
        data = {"id": "msg_1", "delta": {"content": [{"text": {"value": text}}]}}
        return Frame(number, "thread.message.delta", data)

    return [
        Frame(1, "thread.run.created", {}),
        delta(2, "answer 1 to t1:"),
        delta(3, " amber"),
        Frame(4, "thread.message.completed", {"id": "msg_1"}),
        Frame(5, "thread.run.completed", {"status": "completed"}),
    ]


def response_frames():
    item = {"id": "item_1", "type": "message", "status": "completed"}
    return [
        Frame(0, "response.created", {}),
        Frame(1, "response.output_text.delta", {"item_id": "item_1", "delta": "answer 3 to r1"}),
        Frame(2, "response.output_item.done", {"item": item}),
        Frame(3, "response.completed", {"response": {"status": "completed"}}),
    ]


@pytest.fixture
def evidence():
    """A run with a message, a function run with two calls, a response, a file, a batch, a video: all as it should be."""
    journal = Journal(
        realtime=Realtime(2, 2),
        messages=[SentMessage("thread_1", "t1", acknowledged=True), SentMessage("thread_2", "t2", acknowledged=True)],
        runs={
            "run_1": StartedRun("run_1", "thread_1", "plain", "t1"),
            "run_2": StartedRun("run_2", "thread_2", "function", "t2", ["output-a", "output-b"]),
            "run_3": StartedRun("run_3", "thread_1", "code", "t1"),
        },
        responses={"resp_1": StartedResponse("resp_1", "r1", image="data:image/png;base64,QUJD")},
        files={"file_1": SavedFile("file_1", "hash"), "file_2": SavedFile("file_2", "hash", deleted=True)},
        indexed=[IndexedFile("vs_1", "file_1", "word")],
        batches={"batch_1": StartedBatch("batch_1", {"line-0": "b1"})},
        videos=[OrderedVideo("key", {"video_1"})],
        followed=[
            FollowedLog("run", "run_1", run_frames(), [-1], has_ended=True),
            FollowedLog("response", "resp_1", response_frames(), [-1], has_ended=True),
        ],
        recoveries=[Recovery("node1", 2, 8.5)],
    )
    journal.replies["200"] = 10
    usage = {"total_tokens": 12}
    call = {"type": "function", "function": {"output": "output-a"}}
    code = {"type": "code_interpreter", "code_interpreter": {"outputs": [{"type": "logs", "logs": "printed-t1\n"}]}}
    answer = {"choices": [{"message": {"content": "answer 4 to b1"}}]}
    item = {"id": "item_1", "type": "message", "status": "completed", "content": [{"text": "answer 3 to r1"}]}
    counts = {"total": 1, "completed": 1, "failed": 0}
    return Evidence(
        journal,
        lambda tag: ANSWERS.get(tag, set()),
        messages={
            "thread_1": [
                message("msg_0", "user", "plain:t1 please"),
                message("msg_1", "assistant", WHOLE, "run_1"),
                message("msg_3", "assistant", WHOLE, "run_3"),
            ],
            "thread_2": [
                message("msg_4", "user", "function:t2 please"),
                message("msg_5", "assistant", "answer 2 to t2", "run_2"),
            ],
        },
        runs={
            "run_1": {"id": "run_1", "thread_id": "thread_1", "status": "completed", "usage": usage},
            "run_2": {"id": "run_2", "thread_id": "thread_2", "status": "completed", "usage": usage},
            "run_3": {"id": "run_3", "thread_id": "thread_1", "status": "completed", "usage": usage},
        },
        steps={
            "run_2": [
                {"step_details": {"tool_calls": [call]}},
                {"step_details": {"tool_calls": [{"type": "function", "function": {"output": "output-b"}}]}},
            ],
            "run_3": [{"step_details": {"tool_calls": [code]}}],
        },
        inputs={"resp_1": '{"data": [{"content": [{"image_url": "data:image/png;base64,QUJD"}]}]}'},
        responses={
            "resp_1": {
                "id": "resp_1",
                "status": "completed",
                "output": [item],
                "usage": usage,
                "previous_response_id": None,
            }
        },
        contents={"file_1": "hash", "file_2": 404},
        searches={"word": ["file_1"]},
        indexed={"word": "completed"},
        batches={
            "batch_1": (
                {"status": "completed", "request_counts": counts},
                [{"custom_id": "line-0", "response": {"body": answer}}],
            )
        },
        videos={"key": 1},
        ends={"run_1": "thread.run.completed"},
        events=[("del_1", "thread.run.completed", "run_1", "delivered")],
        received=[Received("/hook", {"webhook-id": "del_1"}, b"")],
        realtime_responses=3,
        realtime_charged=2,
        usage={"run_1": 12, "run_2": 12, "run_3": 12, "resp_1": 12},
        sums={"balance": (-5, -5)},
        blobs={"abc": (1, 1)},
        blob_files={"abc"},
    )


def failed(evidence):
    return {result.name for result in checks.check_all(evidence) if not result.is_met}


def test_the_evidence_of_a_run_without_faults_meets_every_check(evidence):
    assert failed(evidence) == set()


def test_a_run_in_which_nothing_happened_proves_nothing():
    optional = {"each code call ran, or says that its session was lost", "an idempotency key makes one video"}
    optional |= {"no process outlived its node", "the runs of a killed node had an owner within 10 s"}
    assert failed(Evidence(Journal(), lambda _: set())) == {*checks.names()} - optional


def lose_message(evidence):
    del evidence.messages["thread_1"][0]


def double_message(evidence):
    evidence.messages["thread_1"].append(evidence.messages["thread_1"][0])


def double_unacknowledged_message(evidence):
    evidence.journal.messages[0].acknowledged = False
    double_message(evidence)


def invent_message(evidence):
    evidence.messages["thread_1"].append(message("msg_9", "user", "plain:t9 please"))


def lose_run(evidence):
    del evidence.runs["run_1"]


def leave_run_active(evidence):
    evidence.runs["run_1"]["status"] = "in_progress"


def fail_run(evidence):
    evidence.runs["run_1"]["status"] = "failed"


def wait_for_client(evidence):
    """The run waits for a client that never submits; it was created 599 seconds before it was read."""
    evidence.journal.runs["run_2"].waits_for_client = True
    evidence.runs["run_2"] |= {"status": "requires_action", "created_at": evidence.read_at - 599}


def wake_waiting_run(evidence):
    wait_for_client(evidence)
    evidence.runs["run_2"]["status"] = "completed"


def expire_early(evidence):
    wait_for_client(evidence)
    evidence.runs["run_2"]["status"] = "expired"


def never_expire(evidence):
    wait_for_client(evidence)
    evidence.runs["run_2"]["created_at"] = evidence.read_at - 700


def leave_work_unfinished(evidence):
    evidence.unfinished.append("run run_9 is queued")


def get_stuck(evidence):
    evidence.journal.stuck.append("run run_9 has not ended")


def answer_twice(evidence):
    evidence.messages["thread_1"].append(message("msg_9", "assistant", WHOLE, "run_1"))


def answer_nothing(evidence):
    evidence.messages["thread_2"].pop()


def mix_answers(evidence):
    evidence.messages["thread_2"][-1]["content"][0]["text"]["value"] = "answer 2 to t2answer 2"


def leave_message_open(evidence):
    evidence.messages["thread_1"].append(message("msg_9", "assistant", "", "run_1", "in_progress"))


def answer_of_unknown_run(evidence):
    evidence.messages["thread_1"].append(message("msg_9", "assistant", WHOLE, "run_9"))


def invent_output(evidence):
    evidence.journal.runs["run_2"].outputs.remove("output-a")


def lose_output(evidence):
    evidence.steps["run_2"].pop()


def repeat_output(evidence):
    evidence.steps["run_2"].append(evidence.steps["run_2"][0])


def lose_code_output(evidence):
    evidence.steps["run_3"][0]["step_details"]["tool_calls"][0]["code_interpreter"]["outputs"] = []


def run_code_twice(evidence):
    evidence.steps["run_3"] *= 2


def lose_response(evidence):
    del evidence.responses["resp_1"]


def fail_response(evidence):
    evidence.responses["resp_1"]["status"] = "failed"


def answer_response_twice(evidence):
    evidence.responses["resp_1"]["output"] *= 2


def change_response_text(evidence):
    evidence.responses["resp_1"]["output"][0]["content"][0]["text"] = "answer 3"


def lose_image(evidence):
    evidence.inputs["resp_1"] = '{"data": [{"content": [{"image_url": "understudy-data:1"}]}]}'


def lose_link(evidence):
    evidence.journal.responses["resp_1"].previous_id = "resp_0"


def lose_delta(evidence):
    del evidence.journal.followed[0].frames[2]


def repeat_delta(evidence):
    evidence.journal.followed[0].frames.insert(2, evidence.journal.followed[0].frames[1])


def change_number(evidence):
    frames = evidence.journal.followed[0].frames
    frames[3] = Frame(2, frames[3].name, frames[3].data)


def lose_end(evidence):
    evidence.journal.followed[0].frames.pop()


def lose_end_of_message(evidence):
    del evidence.journal.followed[0].frames[3]


def lose_streamed_message(evidence):
    del evidence.journal.followed[0].frames[1:4]


def begin_again(evidence):
    frames = evidence.journal.followed[0].frames
    frames.insert(1, Frame(None, "thread.run.created", {}))


def end_in_another_way(evidence):
    frames = evidence.journal.followed[0].frames
    frames[-1] = Frame(5, "thread.run.failed", {"status": "failed"})


def call_stored_message_incomplete(evidence):
    frames = evidence.journal.followed[0].frames
    frames[3] = Frame(4, "thread.message.incomplete", frames[3].data)
    del frames[2]


def lose_delta_of_response(evidence):
    del evidence.journal.followed[1].frames[1]


def repeat_end_of_response(evidence):
    frames = evidence.journal.followed[1].frames
    frames.append(Frame(4, "response.completed", {"response": {"status": "completed"}}))


def lose_file(evidence):
    evidence.contents["file_1"] = 404


def change_file(evidence):
    evidence.contents["file_1"] = "another"


def restore_deleted_file(evidence):
    evidence.contents["file_2"] = "hash"


def fail_indexing(evidence):
    evidence.indexed["word"] = "failed"


def find_nothing(evidence):
    evidence.searches["word"] = []


def double_document(evidence):
    evidence.documents.append("store 1, file 1: 2 documents")


def answer_line_twice(evidence):
    evidence.batches["batch_1"][1].append(evidence.batches["batch_1"][1][0])


def lose_line(evidence):
    evidence.batches["batch_1"][1].clear()


def miscount_batch(evidence):
    evidence.batches["batch_1"][0]["request_counts"]["completed"] = 2


def expire_batch(evidence):
    evidence.batches["batch_1"][0]["status"] = "expired"


def change_line(evidence):
    evidence.batches["batch_1"][1][0]["response"]["body"]["choices"][0]["message"]["content"] = "another"


def double_video(evidence):
    evidence.videos["key"] = 2


def rename_video(evidence):
    evidence.journal.videos[0].ids.add("video_2")


def lose_event(evidence):
    evidence.events.clear()


def double_event(evidence):
    evidence.events.append(("del_2", "thread.run.completed", "run_1", "delivered"))
    evidence.received.append(Received("/hook", {"webhook-id": "del_2"}, b""))


def deliver_nothing(evidence):
    evidence.received.clear()


def give_up_delivery(evidence):
    evidence.events[0] = ("del_1", "thread.run.completed", "run_1", "failed")


def event_without_end(evidence):
    evidence.events.append(("del_2", "thread.run.failed", "run_1", "delivered"))
    evidence.received.append(Received("/hook", {"webhook-id": "del_2"}, b""))


def change_sum(evidence):
    evidence.sums["balance"] = (-6, -5)


def charge_twice(evidence):
    evidence.usage["run_1"] = 24


def charge_nothing(evidence):
    del evidence.usage["resp_1"]


def charge_no_realtime(evidence):
    evidence.realtime_charged = 1


def charge_realtime_twice(evidence):
    evidence.realtime_charged = 4


def leave_a_place(evidence):
    evidence.realtime_places = ["node_1-7"]


def orphan_blob(evidence):
    evidence.blob_files.add("def")


def lose_blob(evidence):
    evidence.blob_files.clear()


def miscount_uses(evidence):
    evidence.blobs["abc"] = (2, 1)


def leave_unfinished_file(evidence):
    evidence.unfinished_files.append("part")


def orphan_process(evidence):
    evidence.orphans.append("node1: bwrap")


def recover_late(evidence):
    evidence.journal.recoveries.append(Recovery("node2", 1, 10.5))


def reply_500(evidence):
    evidence.journal.unexpected.append("GET /v1/files: 500")


def log_error(evidence):
    evidence.troubles.append("node1: Traceback")


MESSAGES, RUNS, ANSWER, OUTPUT, CODE, RESPONSE, FOLLOWED_RUN, FOLLOWED_RESPONSE, *_ = checks.names()
*_, FILE, INDEX, BATCH, VIDEO, WEBHOOK, SUM, CHARGE, REALTIME, BLOB, ORPHAN, RECOVERY, UNEXPECTED = checks.names()
FAULTS = {
    MESSAGES: [lose_message, double_message, double_unacknowledged_message, invent_message],
    RUNS: [
        lose_run,
        leave_run_active,
        fail_run,
        wake_waiting_run,
        expire_early,
        never_expire,
        leave_work_unfinished,
        get_stuck,
    ],
    ANSWER: [answer_twice, answer_nothing, mix_answers, leave_message_open, answer_of_unknown_run],
    OUTPUT: [invent_output, lose_output, repeat_output],
    CODE: [lose_code_output, run_code_twice],
    RESPONSE: [lose_response, fail_response, answer_response_twice, change_response_text, lose_image, lose_link],
    FOLLOWED_RUN: [
        lose_delta,
        repeat_delta,
        change_number,
        lose_end,
        lose_end_of_message,
        lose_streamed_message,
        begin_again,
        end_in_another_way,
        call_stored_message_incomplete,
    ],
    FOLLOWED_RESPONSE: [lose_delta_of_response, repeat_end_of_response],
    FILE: [lose_file, change_file, restore_deleted_file],
    INDEX: [fail_indexing, find_nothing, double_document],
    BATCH: [answer_line_twice, lose_line, miscount_batch, expire_batch, change_line],
    VIDEO: [double_video, rename_video],
    WEBHOOK: [lose_event, double_event, deliver_nothing, give_up_delivery, event_without_end],
    SUM: [change_sum],
    CHARGE: [charge_twice, charge_nothing],
    REALTIME: [charge_no_realtime, charge_realtime_twice, leave_a_place],
    BLOB: [orphan_blob, lose_blob, miscount_uses, leave_unfinished_file],
    ORPHAN: [orphan_process],
    RECOVERY: [recover_late],
    UNEXPECTED: [reply_500, log_error],
}


@pytest.mark.parametrize(("status", "age"), [("requires_action", 599), ("expired", 601)])
def test_a_run_may_wait_for_its_client_until_it_expires(evidence, status, age):
    wait_for_client(evidence)
    evidence.runs["run_2"] |= {"status": status, "created_at": evidence.read_at - age}
    assert not checks.check_one(evidence, RUNS).faults


def test_every_check_has_a_fault():
    assert [*FAULTS] == checks.names()


@pytest.mark.parametrize(
    ("name", "doctor"),
    [(name, doctor) for name, doctors in FAULTS.items() for doctor in doctors],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_check_fails_for_its_fault(evidence, name, doctor):
    doctored = copy.deepcopy(evidence)
    doctor(doctored)
    result = checks.check_one(doctored, name)
    assert not result.is_met
    assert result.faults
