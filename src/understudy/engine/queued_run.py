"""What every new run begins as, of either dialect. Pure."""

from typing import Final

from understudy.wire.runs import RunObject
from understudy.wire.tools import ToolResources, TruncationObject

# To be replaced in parts: with more than 15 keywords, Python collects those of a call in a dictionary, at five times
# the price.
QUEUED_RUN: Final = RunObject(
    id="",
    created_at=0,
    assistant_id="",
    thread_id="",
    status="queued",
    expires_at=None,
    model="",
    instructions=None,
    tools=[],
    tool_resources=ToolResources(),
    metadata={},
    temperature=None,
    top_p=None,
    reasoning_effort=None,
    max_completion_tokens=None,
    max_prompt_tokens=None,
    truncation_strategy=TruncationObject("auto"),
    response_format="auto",
    tool_choice="auto",
    parallel_tool_calls=True,
)
