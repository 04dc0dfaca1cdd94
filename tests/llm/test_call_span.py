"""What the span of a streamed call has of its chunks, however a provider writes them."""

import json

import pytest

from understudy.llm.call_span import CallSpan

CHUNKS = [
    {"id": "chatcmpl-1", "model": "m", "choices": [{"delta": {"content": "Hi"}, "finish_reason": None}], "usage": None},
    {"id": "chatcmpl-1", "model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}], "usage": None},
    {"id": "chatcmpl-1", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
]


class Recorded:
    def __init__(self):
        self.attributes = {}

    def set(self, name, value):
        self.attributes[name] = value


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "blanks"])
def test_the_span_of_a_stream_has_its_usage_and_its_reason(separators):
    span = Recorded()
    CallSpan(span).record_chunks([json.dumps(one, separators=separators).encode() for one in CHUNKS])
    assert span.attributes == {
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
    }
