"""What happens in a run, in the engine's own terms. A run is a log of these; both public dialects are views of it.

Times are Unix seconds. An event carries what the engine knew when it happened. The public objects that the views start
from are in `origin`, which the engine passes on and does not read (see `engine/views/origins.py`).
"""

from typing import Any

from msgspec import Struct

from understudy.engine.run.spec import RunSpec
from understudy.store.run_state import ClientTool
from understudy.wire.items import CodeOutput, FileSearchResult, WebResult
from understudy.wire.moderations import ResponseModeration
from understudy.wire.run_outcome import LastError, RunCompletionUsage, RunIncompleteDetails, RunStatus


class Event(Struct, frozen=True, tag_field="event", gc=False):
    pass


class RunQueued(Event, frozen=True, tag="run_queued"):
    """The run was accepted."""

    spec: RunSpec
    origin: Any


class ResponseReplayed(Event, frozen=True, tag="response_replayed"):
    """The beginning of a response that is replayed from what the store has of it."""

    origin: Any


class RunRestored(Event, frozen=True, tag="run_restored"):
    """The run continues after what is stored of it: its status, its open step and calls (by index).

    What its last owner has streamed and not stored is void: the model is called again. So an open message, and a step
    whose calls were not complete, are abandoned.

    `resumable_from`: where the log begins with what is stored of the run, the first number of the lost log after which
    a reader resumes at this event. `is_past`: a later owner has rebuilt it, as a part of the beginning of its log; then
    readers up to the number `resumable_to` resume there, if both are known.
    """

    spec: RunSpec
    status: RunStatus
    origin: Any
    calls_step_id: str | None = None
    open_calls: tuple[int, ...] = ()
    resumable_from: int = 0
    is_past: bool = False
    resumable_to: int = 0


class RunStarted(Event, frozen=True, tag="run_started"):
    at: int


class MessageOpened(Event, frozen=True, tag="message_opened"):
    """`phase` is what the provider calls the message, `commentary` or `final_answer`; empty if it does not."""

    step_id: str
    message_id: str
    at: int
    phase: str = ""


class TextDelta(Event, frozen=True, tag="text_delta"):
    text: str


class ImageAdded(Event, frozen=True, tag="image_shown"):
    """A figure that code made; comes before the message's text."""

    file_id: str


class LogprobsReceived(Event, frozen=True, tag="tokens_rated"):
    """The log probabilities of tokens whose text follows, as a response returns them."""

    logprobs: tuple[dict[str, Any], ...]


class CitationAdded(Event, frozen=True, tag="cited"):
    """More text, which points at a file: a passage's mark, or the path of a file that code made.

    `start` and `end` count the code points of the message's text, the end exclusive. `page` and `heading_path` are
    where the passage starts; None and empty if unknown.
    """

    text: str
    start: int
    end: int
    file_id: str
    is_path: bool = False
    filename: str = ""
    page: int | None = None
    heading_path: tuple[str, ...] = ()

    @property
    def place(self) -> dict[str, Any]:
        """The known ones of `page` and `heading_path`."""
        known = {"page": self.page, "heading_path": list(self.heading_path)}
        return {name: value for name, value in known.items() if value}


class UrlCited(Event, frozen=True, tag="url_cited"):
    """More text, which is a link to a page of the web that the model cites; `start` and `end` as in CitationAdded."""

    text: str
    start: int
    end: int
    url: str
    title: str


class RefusalDelta(Event, frozen=True, tag="refusal_delta"):
    text: str


class MessageClosed(Event, frozen=True, tag="message_closed"):
    """The message is whole; `usage` is what its model turn cost."""

    at: int
    usage: RunCompletionUsage


class CallsStepOpened(Event, frozen=True, tag="calls_opened"):
    """The model began to call tools; all calls of one turn stand in one step."""

    step_id: str
    at: int


class CallOpened(Event, frozen=True, tag="call_opened"):
    """A call of a tool that the client runs; `tool` unless it is a plain function of that name."""

    index: int
    call_id: str
    name: str
    item_id: str = ""
    tool: ClientTool | None = None


class CallRendered(Event, frozen=True, tag="call_rendered"):
    """A call that is complete, as the item that its client gets; a log that is replayed has no more of it.

    Also the output of a search for tools.
    """

    item: Any


class ToolSearchOpened(Event, frozen=True, tag="tool_search_opened"):
    """A search for deferred tools; its items are rendered once it is complete."""

    index: int
    call_id: str
    item_id: str = ""


class ToolSearchDone(Event, frozen=True, tag="tool_search_done"):
    index: int


class ArgumentsDelta(Event, frozen=True, tag="arguments_delta"):
    index: int
    text: str


class SearchOpened(Event, frozen=True, tag="search_opened"):
    index: int
    call_id: str
    ranking_options: dict[str, Any]
    item_id: str = ""


class SearchDone(Event, frozen=True, tag="search_done"):
    index: int
    results: tuple[FileSearchResult, ...]
    queries: tuple[str, ...] = ()


class WebCallOpened(Event, frozen=True, tag="web_opened"):
    """A call of web search; `action` is the action of its item, as far as it is known."""

    index: int
    call_id: str
    item_id: str
    action: dict[str, Any]


class WebCallRunning(Event, frozen=True, tag="web_running"):
    index: int


class WebCallDone(Event, frozen=True, tag="web_done"):
    """`action` is complete, without its sources, which are the `results`; `error` is a sentence if the call failed."""

    index: int
    action: dict[str, Any]
    results: tuple[WebResult, ...] = ()
    error: str | None = None


class ImageCallOpened(Event, frozen=True, tag="image_opened"):
    """A call of image generation."""

    index: int
    call_id: str
    item_id: str


class ImageCallRunning(Event, frozen=True, tag="image_running"):
    index: int


class ImagePartReceived(Event, frozen=True, tag="image_part"):
    """A preview of the image, in base64; `number` counts from 0. `members` are those of the item."""

    index: int
    number: int
    image: str
    members: dict[str, str]


class ImageCallDone(Event, frozen=True, tag="image_done"):
    """The image in base64; None if the call failed, with a sentence in `error`. `usage` is the provider's."""

    index: int
    result: str | None
    members: dict[str, str] = {}
    usage: dict[str, Any] = {}
    error: str | None = None


class CodeOpened(Event, frozen=True, tag="code_opened"):
    index: int
    call_id: str
    item_id: str = ""
    container_id: str = ""


class CodeDelta(Event, frozen=True, tag="code_delta"):
    index: int
    text: str


class CodeOutputDelta(Event, frozen=True, tag="code_output_delta"):
    """An image, or logs; consecutive logs are one text."""

    index: int
    output: CodeOutput


class RemoteCallOpened(Event, frozen=True, tag="remote_opened"):
    """A call of a remote server's tool; its arguments follow.

    `guarded`: it is not made before its client approves of it; `approval_id` is the request that was approved of.
    """

    index: int
    call_id: str
    server_label: str
    name: str
    item_id: str = ""
    guarded: bool = False
    approval_id: str | None = None


class ToolsListed(Event, frozen=True, tag="tools_listed"):
    """What a remote server offers, or in `error` why that could not be found out."""

    item_id: str
    server_label: str
    tools: tuple[dict[str, Any], ...]
    error: str | None = None


class RemoteCallDone(Event, frozen=True, tag="remote_done"):
    """The result of the server: `output`, or the reason in `error`.

    `fault` is the error as responses show it.
    """

    index: int
    output: str | None
    error: str | None
    fault: dict[str, Any] | None = None


class ApprovalRequired(Event, frozen=True, tag="approval_required"):
    """Calls of remote tools, by their ids, are made once the client approves of them."""

    call_ids: tuple[str, ...]


class ApprovalsSubmitted(Event, frozen=True, tag="approvals_submitted"):
    """The client has decided; the run resumes."""


class CodeRunning(Event, frozen=True, tag="code_running"):
    """The code is whole, and begins to run."""

    index: int


class CodeDone(Event, frozen=True, tag="code_done"):
    index: int


class CallsReceived(Event, frozen=True, tag="calls_heard"):
    """The model has written all that it wants to call in this turn."""


class ReasoningOpened(Event, frozen=True, tag="reasoning_opened"):
    item_id: str


class ReasoningDelta(Event, frozen=True, tag="reasoning_delta"):
    text: str


class ReasoningClosed(Event, frozen=True, tag="reasoning_closed"):
    """`sealed` returns the reasoning to the model that wrote it."""

    sealed: str


class ContextCompacted(Event, frozen=True, tag="context_compacted"):
    """The context was compacted; `packed` is its summary."""

    item_id: str
    packed: str


class CallsStepClosed(Event, frozen=True, tag="calls_closed"):
    """Every call of the turn was answered here; `usage` is what the turn cost."""

    at: int
    usage: RunCompletionUsage


class ActionRequired(Event, frozen=True, tag="action_required"):
    """Every open function call waits for its output."""


class OutputsSubmitted(Event, frozen=True, tag="outputs_submitted"):
    """`outputs` maps call ids to what the client sent; `usage` is what the turn that called cost."""

    outputs: dict[str, str]
    at: int
    usage: RunCompletionUsage


class CancelRequested(Event, frozen=True, tag="cancel_requested"):
    at: int


class RunEnded(Event, frozen=True, tag="run_ended"):
    """The end. `cut` says why an open message is incomplete; None where nothing was cut off.

    `code` is what a response calls its error, where runs have no word for it. `turn` is the cost of the turn that was
    under way, `usage` that of the whole run. `moderation` is that of a response that asked for it.
    """

    status: RunStatus
    at: int
    usage: RunCompletionUsage
    turn: RunCompletionUsage | None = None
    error: LastError | None = None
    incomplete: RunIncompleteDetails | None = None
    cut: str | None = None
    code: str | None = None
    moderation: ResponseModeration | None = None


class RunReleased(Event, frozen=True, tag="run_released"):
    """This process released the run; another one, or this one after its next start, resumes it."""


class UnknownEvent(Event, frozen=True, tag="unknown"):
    """An event of a newer version of this program, as it is encoded: it is passed on, and nothing is rendered of it."""

    raw: bytes
