"""The frames of a chat stream: many chunks of one read are framed at once, with the same result as one by one."""

from hypothesis import given
from hypothesis import strategies as st

from understudy.api import chat

_CHUNKS = (
    b'{"choices":[{"delta":{"content":"a"}}]}',
    b'{"choices":[{"delta":{"content":"b"}}],"usage":null}',
    b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    b'{"choices": []}',
)


class Meter:
    def __init__(self):
        self.chunks, self.last = 0, b""

    def count(self, chunks):
        self.chunks += chunks

    def observe(self, chunks):
        self.chunks += len(chunks)
        self.last = next((chunk for chunk in reversed(chunks) if b'"usage":{' in chunk), self.last)


@given(chunks=st.lists(st.sampled_from(_CHUNKS), max_size=12), usage=st.booleans())
def test_many_chunks_are_framed_as_one_by_one(chunks, usage):
    meter, single = Meter(), Meter()
    framed = chat._frame_chunks(chunks, meter, None, usage=usage)
    assert framed == b"".join([chat._frame_chunks([chunk], single, None, usage=usage) for chunk in chunks])
    assert (meter.chunks, meter.last) == (single.chunks, single.last)
