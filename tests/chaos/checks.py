"""What has to be true after a chaos run. Each check is a pure function of the evidence: it counts what it examined,
and describes what is wrong. A check that had nothing to examine has proved nothing, and is a failure as well.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from chaos.evidence import Evidence
from chaos.journal import FollowedLog, Frame
from chaos.load import TERMINAL
from chaos.model import find_tag

MOST_RECOVERY_SECONDS: Final = 10.0
# How long a run waits for its client before it expires, and what that may take longer with a node that was down.
_WAITS_SECONDS: Final = 600.0
_EXPIRES_LATE_SECONDS: Final = 60.0
_EPOCH: Final = 1_000_000


@dataclass(slots=True)
class Result:
    """`examined` counts what a check looked at; `is_needed`: none of it is a failure."""

    name: str
    examined: int = 0
    faults: list[str] = field(default_factory=list)
    is_needed: bool = True

    @property
    def is_met(self) -> bool:
        return not self.faults and (self.examined > 0 or not self.is_needed)


Check = Callable[[Evidence, Result], None]
_CHECKS: list[tuple[str, bool, Check]] = []


def _check(name: str, *, is_needed: bool = True) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        _CHECKS.append((name, is_needed, check))
        return check

    return register


def check_all(evidence: Evidence) -> list[Result]:
    return [check_one(evidence, name) for name, _, _ in _CHECKS]


def check_one(evidence: Evidence, name: str) -> Result:
    needed, check = next((needed, check) for known, needed, check in _CHECKS if known == name)
    result = Result(name, is_needed=needed)
    check(evidence, result)
    return result


def names() -> list[str]:
    return [name for name, _, _ in _CHECKS]


# -- messages and runs -------------------------------------------------------------------------------------------------


@_check("no message lost or doubled")
def _messages(evidence: Evidence, result: Result) -> None:
    stored = {thread: Counter(_tags(messages)) for thread, messages in evidence.messages.items()}
    for sent in evidence.journal.messages:
        result.examined += 1
        count = stored.get(sent.thread_id, Counter()).pop(sent.tag, 0)
        if count > 1 or (sent.acknowledged and count == 0):
            known = "acknowledged" if sent.acknowledged else "unacknowledged"
            result.faults.append(f"{known} message {sent.tag} of {sent.thread_id} is there {count} times")
    result.faults += [f"message {tag} of {thread} was never sent" for thread, left in stored.items() for tag in left]


@_check("every run is terminal or waits for its client")
def _runs_ended(evidence: Evidence, result: Result) -> None:
    for run in evidence.journal.runs.values():
        result.examined += 1
        found = evidence.runs.get(run.id)
        if found is None:
            result.faults.append(f"acknowledged run {run.id} is not there")
        elif run.waits_for_client:
            if not _waits_for_client(found, evidence.read_at):
                result.faults.append(f"{run.id} waited for its client and is {found['status']}")
        elif found["status"] not in TERMINAL - {"failed", "expired"}:
            result.faults.append(f"{run.id} ({run.kind}) is {found['status']}: {found.get('last_error')}")
    result.faults += evidence.unfinished + evidence.journal.stuck


def _waits_for_client(run: Any, at: float) -> bool:
    """Whether the run is as a run whose client never submits has to be at that time."""
    age = at - run["created_at"]
    if run["status"] == "expired":
        return bool(age >= _WAITS_SECONDS)
    return bool(run["status"] == "requires_action" and age < _WAITS_SECONDS + _EXPIRES_LATE_SECONDS)


@_check("no run answered twice, and each text is one answer of the model")
def _answers(evidence: Evidence, result: Result) -> None:
    for thread, messages in evidence.messages.items():
        issued = {text for tag in _tags(messages) for text in evidence.issued(tag)}
        answers = defaultdict(list)
        for message in messages:
            if message["role"] == "assistant":
                answers[message["run_id"]].append(message)
        for run in [run for run in evidence.runs.values() if run["thread_id"] == thread]:
            result.examined += 1
            _check_answers(run, answers.pop(run["id"], []), issued, result)
        result.faults += [f"{thread} has an answer of the unknown run {run_id}" for run_id in answers]


def _check_answers(run: dict[str, Any], messages: list[Any], issued: set[str], result: Result) -> None:
    texts = [text_of(message) for message in messages if message["status"] == "completed"]
    if len(texts) > 1 or (run["status"] == "completed" and not texts):
        result.faults.append(f"{run['id']} is {run['status']} and has {len(texts)} answers")
    for text in texts:
        if text not in issued:
            result.faults.append(f"the model never gave the answer of {run['id']}: {text[:200]!r}")
    for message in messages:
        if message["status"] == "in_progress" and run["status"] in TERMINAL:
            result.faults.append(f"{run['id']} is {run['status']} and its message {message['id']} is in progress")


@_check("each function call has one output, which its client submitted")
def _outputs(evidence: Evidence, result: Result) -> None:
    for run in [run for run in evidence.journal.runs.values() if run.kind == "function"]:
        calls = [call for call in _calls(evidence, run.id) if call["type"] == "function"]
        used = [call["function"]["output"] for call in calls if call["function"].get("output") is not None]
        result.examined += len(used)
        result.faults += [
            f"{run.id} has the output {one!r}, which nobody sent" for one in used if one not in run.outputs
        ]
        if len(set(used)) != len(used):
            result.faults.append(f"{run.id} has an output twice: {used}")
        found = evidence.runs.get(run.id)
        if found is not None and found["status"] == "completed" and len(used) != 2:
            result.faults.append(f"{run.id} is completed with {len(used)} outputs")


@_check("each code call ran, or says that its session was lost", is_needed=False)
def _code(evidence: Evidence, result: Result) -> None:
    for run in [run for run in evidence.journal.runs.values() if run.kind == "code"]:
        found = evidence.runs.get(run.id)
        if found is None or found["status"] != "completed":
            continue
        calls = [call["code_interpreter"] for call in _calls(evidence, run.id) if call["type"] == "code_interpreter"]
        result.examined += len(calls)
        if len(calls) != 1:
            result.faults.append(f"{run.id} has {len(calls)} code calls")
        for call in calls:
            logs = "".join(output.get("logs", "") for output in call["outputs"])
            if f"printed-{run.tag}" not in logs and not logs:
                result.faults.append(f"the code of {run.id} has no output")


def _calls(evidence: Evidence, run_id: str) -> Iterator[Any]:
    for step in evidence.steps.get(run_id, ()):
        yield from step["step_details"].get("tool_calls", ())


def _tags(messages: list[Any]) -> list[str]:
    users = [{"role": "user", "content": text_of(one)} for one in messages if one["role"] == "user"]
    return [find_tag([message])[1] for message in users]


def text_of(message: Any) -> str:
    return "".join(part["text"]["value"] for part in message["content"] if part["type"] == "text")


# -- responses ---------------------------------------------------------------------------------------------------------


@_check("every response is terminal, its text is one answer of the model, and its input as it was sent")
def _responses(evidence: Evidence, result: Result) -> None:
    for response in evidence.journal.responses.values():
        result.examined += 1
        found = evidence.responses.get(response.id)
        if found is None:
            result.faults.append(f"acknowledged response {response.id} is not there")
            continue
        if found["status"] not in {"completed", "cancelled"}:
            result.faults.append(f"{response.id} is {found['status']}: {found.get('error')}")
        texts = [_item_text(item) for item in found["output"] if item["type"] == "message"]
        if found["status"] == "completed" and (len(texts) != 1 or texts[0] not in evidence.issued(response.tag)):
            result.faults.append(f"{response.id} has {len(texts)} answers: {texts}")
        if found.get("previous_response_id") != response.previous_id:
            result.faults.append(f"{response.id} follows {found.get('previous_response_id')}")
        if response.image not in evidence.inputs.get(response.id, ""):
            result.faults.append(f"{response.id} has lost the image that was sent with it")


def _item_text(item: Any) -> str:
    return "".join(part.get("text", "") for part in item["content"])


# -- streams -----------------------------------------------------------------------------------------------------------


@_check("every follower of a run saw a gapless log")
def _followed_runs(evidence: Evidence, result: Result) -> None:
    for log in [log for log in evidence.journal.followed if log.kind == "run" and log.frames]:
        run = evidence.runs.get(log.id)
        if run is None:
            continue
        result.examined += 1
        stored = {message["id"]: message for message in evidence.messages.get(run["thread_id"], ())}
        # Nobody follows a run any more whose client never submits, and which expires at last.
        status = "requires_action" if evidence.journal.runs[log.id].waits_for_client else run["status"]
        result.faults += [f"{log.id}: {fault}" for fault in _log_faults(log, status)]
        mine = {key: text_of(one) for key, one in stored.items() if one.get("run_id") == log.id}
        result.faults += [f"{log.id}: {fault}" for fault in _text_faults(_run_texts(log), mine, log.has_ended)]


@_check("every follower of a response saw a gapless log")
def _followed_responses(evidence: Evidence, result: Result) -> None:
    for log in [log for log in evidence.journal.followed if log.kind == "response" and log.frames]:
        response = evidence.responses.get(log.id)
        if response is None:
            continue
        result.examined += 1
        items = [item for item in response["output"] if item["type"] == "message"]
        mine = {item["id"]: _item_text(item) for item in items if item["status"] == "completed"}
        result.faults += [f"{log.id}: {fault}" for fault in _log_faults(log, response["status"])]
        # The last message of a response that was cancelled has no end of its own.
        has_ended = log.has_ended and response["status"] != "cancelled"
        result.faults += [f"{log.id}: {fault}" for fault in _text_faults(_response_texts(log), mine, has_ended)]


def _log_faults(log: FollowedLog, status: str) -> Iterator[str]:
    numbers = [frame.number for frame in log.frames if frame.number is not None]
    if numbers != sorted(set(numbers)):
        after = next(b for a, b in pairwise(numbers) if b <= a)
        yield f"the number {after} does not rise; it resumed after {_resumed(log)}"
    ends = [_end_of(frame) for frame in log.frames if _is_end(frame)]
    if status in TERMINAL and ends != [status]:
        yield f"it is {status}, and the stream ended with {ends}; it resumed after {_resumed(log)}; {log.errors[-1:]}"
    starts = [frame.name for frame in log.frames].count(f"{'thread.run' if log.kind == 'run' else 'response'}.created")
    if starts != 1:
        yield f"the stream has its beginning {starts} times"


def _resumed(log: FollowedLog) -> str:
    counts = Counter(log.connections)
    return ", ".join(f"{number} ({count} times)" if count > 1 else str(number) for number, count in counts.items())


def _is_end(frame: Frame) -> bool:
    first, _, end = frame.name.rpartition(".")
    return first in {"thread.run", "response"} and end in TERMINAL


def _end_of(frame: Frame) -> str:
    """A response that was cancelled ends its stream as incomplete, with the response as it is."""
    status: str = frame.data.get("response", frame.data).get("status", "")
    return status


@dataclass(slots=True)
class _StreamedText:
    text: str = ""
    end: str = ""


def _run_texts(log: FollowedLog) -> dict[str, _StreamedText]:
    texts: dict[str, _StreamedText] = defaultdict(_StreamedText)
    for frame in log.frames:
        if frame.name == "thread.message.delta":
            for part in frame.data["delta"]["content"]:
                texts[frame.data["id"]].text += part["text"]["value"]
        elif frame.name in {"thread.message.completed", "thread.message.incomplete"}:
            texts[frame.data["id"]].end += frame.name.rpartition(".")[2]
    return texts


def _response_texts(log: FollowedLog) -> dict[str, _StreamedText]:
    texts: dict[str, _StreamedText] = defaultdict(_StreamedText)
    for frame in log.frames:
        if frame.name == "response.output_text.delta":
            texts[frame.data["item_id"]].text += frame.data["delta"]
        elif frame.name == "response.output_item.done" and frame.data["item"]["type"] == "message":
            item = frame.data["item"]
            texts[item["id"]].end += item["status"]
    return texts


def _text_faults(texts: dict[str, _StreamedText], stored: dict[str, str], has_ended: bool) -> Iterator[str]:
    """The text of each message is that of its deltas; what is not stored ended as incomplete."""
    for message_id, streamed in texts.items():
        if streamed.end == "completed" and streamed.text != stored.get(message_id):
            yield f"{message_id} was streamed as {streamed.text!r} and is stored as {stored.get(message_id)!r}"
        elif streamed.end not in {"completed", "incomplete"} and has_ended:
            yield f"{message_id} ended as {streamed.end!r}"
        elif streamed.end == "incomplete" and stored.get(message_id, "") not in {"", streamed.text}:
            yield f"{message_id} ended as incomplete and is stored as {stored[message_id]!r}"
    if has_ended:
        yield from (f"{message_id} was never streamed" for message_id in stored if message_id not in texts)


# -- files and jobs ----------------------------------------------------------------------------------------------------


@_check("every acknowledged file has its contents, or is deleted")
def _files(evidence: Evidence, result: Result) -> None:
    for saved in evidence.journal.files.values():
        result.examined += 1
        allowed: set[str | int | None] = {404} if saved.deleted else {saved.sha256}
        if saved.deleted is None:
            allowed.add(404)
        found = evidence.contents.get(saved.id)
        if found not in allowed:
            result.faults.append(f"{saved.id} is {found}, and its deletion {saved.deleted}")


@_check("every indexed file is found, each passage once")
def _indexed(evidence: Evidence, result: Result) -> None:
    for one in evidence.journal.indexed:
        result.examined += 1
        status, found = evidence.indexed.get(one.word), evidence.searches.get(one.word, [])
        if status != "completed" or not found or set(found) != {one.file_id}:
            result.faults.append(f"{one.file_id} of {one.vector_store_id} is {status}, and a search finds {found}")
    result.faults += evidence.documents


@_check("every line of a batch is answered once")
def _batches(evidence: Evidence, result: Result) -> None:
    for started in evidence.journal.batches.values():
        batch, lines = evidence.batches.get(started.id, (None, []))
        result.examined += len(started.tags)
        if batch is None or batch["status"] != "completed":
            result.faults.append(f"{started.id} is {batch and batch['status']}")
            continue
        if sorted(line["custom_id"] for line in lines) != sorted(started.tags):
            result.faults.append(f"{started.id} has results for {sorted(line['custom_id'] for line in lines)}")
        total = len(started.tags)
        if batch["request_counts"] != {"total": total, "completed": total, "failed": 0}:
            result.faults.append(f"{started.id} counts {batch['request_counts']} of {total}")
        for line in lines:
            body = (line["response"] or {}).get("body", {})
            text = body["choices"][0]["message"]["content"] if "choices" in body else str(line)[:200]
            if text not in evidence.issued(started.tags.get(line["custom_id"], "")):
                result.faults.append(f"{started.id}, {line['custom_id']}: {text}")


@_check("an idempotency key makes one video", is_needed=False)
def _videos(evidence: Evidence, result: Result) -> None:
    for order in evidence.journal.videos:
        result.examined += 1
        most = evidence.videos.get(order.key, 0)
        if len(order.ids) > 1 or most > 1 or len(order.ids) > most:
            result.faults.append(f"key {order.key}: {len(order.ids)} ids were returned, {most} are stored")


@_check("every end has one webhook event, which was delivered")
def _webhooks(evidence: Evidence, result: Result) -> None:
    received = Counter(one.headers["webhook-id"] for one in evidence.received)
    stored = Counter((about, kind) for _, kind, about, _ in evidence.events if not kind.endswith("requires_action"))
    for about, kind in evidence.ends.items():
        result.examined += 1
        if stored.pop((about, kind), 0) != 1:
            result.faults.append(f"{about} has not one event {kind}")
    result.faults += [f"{about} has the event {kind} and did not end so" for about, kind in stored]
    for delivery_id, kind, about, status in evidence.events:
        if status != "delivered" or not received[delivery_id]:
            result.faults.append(f"{kind} of {about} is {status}, and was received {received[delivery_id]} times")


# -- sums --------------------------------------------------------------------------------------------------------------


@_check("sums equal their entries")
def _sums(evidence: Evidence, result: Result) -> None:
    for name, (kept, counted) in evidence.sums.items():
        result.examined += counted != 0
        if kept != counted:
            result.faults.append(f"{name}: {kept}, and its entries {counted}")


@_check("every run is charged what it says")
def _charges(evidence: Evidence, result: Result) -> None:
    for one in [*evidence.runs.values(), *evidence.responses.values()]:
        usage = one.get("usage")
        if one["status"] == "completed" and usage is not None:
            result.examined += 1
            charged = evidence.usage.get(one["id"], 0)
            if charged != usage["total_tokens"]:
                result.faults.append(f"{one['id']} used {usage['total_tokens']} tokens and is charged for {charged}")


@_check("every realtime response that a client has is charged once, and no session outlives its socket")
def _realtime(evidence: Evidence, result: Result) -> None:
    received, charged, made = evidence.journal.realtime.ends, evidence.realtime_charged, evidence.realtime_responses
    result.examined = received
    if not received <= charged <= made:
        result.faults.append(f"{charged} responses are charged; {received} were received, and {made} made")
    result.faults += [f"place {place} is taken" for place in evidence.realtime_places]


@_check("no orphan blob, and no blob missing")
def _blobs(evidence: Evidence, result: Result) -> None:
    result.examined = len(evidence.blobs)
    for name, (uses, references) in evidence.blobs.items():
        if uses != references or not uses:
            result.faults.append(f"blob {name} counts {uses} uses, and {references} rows name it")
        if name not in evidence.blob_files:
            result.faults.append(f"blob {name} has no file")
    result.faults += [f"file {name} is no blob" for name in evidence.blob_files - evidence.blobs.keys()]
    result.faults += [f"unfinished file {name}" for name in evidence.unfinished_files]


# -- processes ---------------------------------------------------------------------------------------------------------


@_check("no process outlived its node", is_needed=False)
def _orphans(evidence: Evidence, result: Result) -> None:
    result.examined = sum("kill -9 node" in fault or "kill -9 worker" in fault for fault in evidence.journal.faults)
    result.faults += evidence.orphans


@_check("the runs of a killed node had an owner within 10 s", is_needed=False)
def _recoveries(evidence: Evidence, result: Result) -> None:
    for recovery in evidence.journal.recoveries:
        result.examined += recovery.runs
        if recovery.seconds > MOST_RECOVERY_SECONDS:
            result.faults.append(f"{recovery.runs} runs of {recovery.node} waited {recovery.seconds:.1f} s")


@_check("no reply, log or exit that no fault explains")
def _unexpected(evidence: Evidence, result: Result) -> None:
    result.examined = sum(evidence.journal.replies.values())
    result.faults += evidence.journal.unexpected + evidence.troubles
