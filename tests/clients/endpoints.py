"""A provider for clients in other processes: images, speech, transcripts and moderations, by the path of the request.

Chat, also that of responses, is `scenario`. A moderation flags a text with the word "fight".
"""

import base64
import json
from typing import Any

from clients.scenario import scenario
from media.films import picture
from upstream import Answer, Request, reply

IMAGE = base64.b64encode(picture((220, 30, 30))).decode()
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
SPEECH = bytes(range(256)) * 400
_EVENTS = "text/event-stream"


def provider(request: Request) -> Answer:
    operation = request.path.partition("/v1/")[2]
    members = _members(request.body)
    if operation.startswith("images/"):
        return _draw(operation, members)
    match operation:
        case "audio/speech" if members.get("stream_format") == "sse":
            parts = [_event("speech.audio.delta", audio="aGk="), _event("speech.audio.done", usage=USAGE)]
            return reply(b"".join(parts), content_type=_EVENTS)
        case "audio/speech":
            return reply(SPEECH, content_type="audio/mpeg")
        case "audio/transcriptions" | "audio/translations":
            return _transcribe(members)
        case "moderations":
            return _moderate(members)
    return scenario(request)


def _members(body: Any) -> dict[str, Any]:
    return dict(body["fields"]) if "fields" in body else body


def _draw(operation: str, members: dict[str, Any]) -> Answer:
    if str(members.get("stream")).lower() != "true":
        return reply({"created": 7, "data": [{"b64_json": IMAGE}], "usage": USAGE})
    noun = "image_edit" if operation == "images/edits" else "image_generation"
    shape = {"b64_json": IMAGE, "created_at": 7, "size": "1024x1024", "quality": "low", "background": "auto"}
    shape["output_format"] = "png"
    events = [
        _event(f"{noun}.partial_image", partial_image_index=0, **shape),
        _event(f"{noun}.completed", usage=USAGE, **shape),
    ]
    return reply(b"".join(events), content_type=_EVENTS)


def _transcribe(members: dict[str, Any]) -> Answer:
    if str(members.get("stream")).lower() == "true":
        events = [
            _event("transcript.text.delta", delta="Hello"),
            _event("transcript.text.done", text="Hello there", usage={"type": "tokens", **USAGE}),
        ]
        return reply(b"".join(events), content_type=_EVENTS)
    match members.get("response_format"):
        case "srt":
            return reply(b"1\n00:00:00,000 --> 00:00:02,000\nHello there\n", content_type="text/plain")
        case "verbose_json":
            segments = [{"id": 0, "start": 0.0, "end": 2.0, "text": "Hello there"}]
            return reply({"text": "Hello there", "language": "english", "duration": 2.0, "segments": segments})
    return reply({"text": "Hello there", "usage": {"type": "duration", "seconds": 2}})


def _moderate(members: dict[str, Any]) -> Answer:
    flagged = "fight" in json.dumps(members["input"])
    result = {
        "flagged": flagged,
        "categories": {"violence": flagged},
        "category_scores": {"violence": 0.9 if flagged else 0.1},
        "category_applied_input_types": {"violence": ["text"]},
    }
    count = len(members["input"]) if isinstance(members["input"], list) else 1
    return reply({"id": "modr-1", "model": "omni-moderation-latest", "results": [result] * count})


def _event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()
