"""What a run executes, as values: its request in neither dialect's terms, and in no stored form. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from understudy.store.messages import Item
from understudy.store.run_state import ClientTool, ContextPart, ImageOptions, ModerationRule, WebSearchOptions
from understudy.wire.tools import (
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantTool,
    AssistantToolsFunction,
)


class CompactionRule(Struct, frozen=True):
    """When the context is compacted before the model is called.

    `automatic`: above `threshold` tokens, None for four fifths of the model's window. `only`: the request needs only
    the summary; the context is compacted in any case, and the run ends.
    """

    automatic: bool
    threshold: int | None = None
    only: bool = False


class RunSpec(Struct, frozen=True, kw_only=True):
    """The parameters of one run. The dialects differ in the values of the members from `uses_thread_resources` on.

    Vector stores, filters and files are those of the request.
    """

    id: str
    thread_id: str
    label: Literal["run", "response"]
    """The dialect, for telemetry alone."""
    model: str
    instructions: str | None
    tools: Sequence[AssistantTool]
    """Built-in tools, functions that the client runs, and remote servers, in the order of the request."""
    tool_choice: AssistantsApiToolChoiceOption
    parallel_tool_calls: bool
    response_format: AssistantsApiResponseFormatOption
    temperature: float | None
    top_p: float | None
    reasoning_effort: str | None
    verbosity: str | None = None
    top_logprobs: int | None = None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    last_messages: int | None = None
    """How many messages before the run the model receives; None for all that fit."""
    preface: Sequence[Item] = ()
    """Messages before the conversation, of a stored prompt."""
    context: Sequence[ContextPart] = ()
    """The threads before its own, oldest first."""
    all_turns: bool = False
    """The model receives the reasoning of earlier turns."""
    compaction: CompactionRule | None = None
    client_tools: Mapping[str, ClientTool] = {}
    """The client's tools other than plain functions, by the names of the functions that the model is offered."""
    allowed: Sequence[str] | None = None
    """What may be called: functions, built-in tools, and `LABEL/` or `LABEL/NAME` of a remote server; None for all."""
    forced: str = ""
    """The server or tool that the first turn must call."""
    max_tool_calls: int | None = None
    """The most calls of built-in tools in the whole run."""
    vector_store_ids: Sequence[str] = ()
    filters: Mapping[str, Any] | None = None
    web_search: WebSearchOptions | None = None
    """None without that tool."""
    image_generation: ImageOptions | None = None
    """None without that tool."""
    deferred: Sequence[Mapping[str, Any]] = ()
    """Tools, as JSON, that the model has to search for."""
    deferred_servers: Sequence[str] = ()
    """Labels of remote servers whose tools the model has to search for."""
    moderation: ModerationRule | None = None
    """None where nothing is moderated."""
    file_ids: Sequence[str] = ()
    own_container: bool = True
    """Code runs in the container of the thread, unless the client chose another one."""
    bare_file_names: bool = False
    """Files in the container are named by their id alone."""
    uses_thread_resources: bool = False
    """The vector stores and files of the thread and the assistant are used instead of the request's."""
    on_client_action: Literal["pause", "end"] = "end"
    """Where the client must act, the run pauses until it does, or ends."""
    overflow: Literal["cut", "fail"] = "fail"
    """Input over the context window is cut, or fails the run."""
    publishes_items: bool = True
    """Events have reasoning, lists of remote tools, the container before its first call, and the end of calls."""

    @property
    def has_built_in_tools(self) -> bool:
        """Whether the run has tools other than functions that the client runs."""
        hosted = self.web_search is not None or self.image_generation is not None or bool(self.deferred)
        return hosted or not all(isinstance(tool, AssistantToolsFunction) for tool in self.tools)
