"""What a run is between its transactions: the engine's notes on it, what was left open, and what changes at once.

Plain data, kept by `runs.py` and understood by the engine. Knows no SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

from understudy.correlation import NO_ORIGIN, Origin
from understudy.store.charges import Usage
from understudy.store.item_images import StoredImage
from understudy.wire.messages import MessageObject
from understudy.wire.moderations import ModeratedSide, ModerationError
from understudy.wire.responses import ResponseObject
from understudy.wire.run_outcome import RunCompletionUsage, RunStatus
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.tools import ToolResources

decode_run = msgspec.json.Decoder(RunObject).decode
decode_step = msgspec.json.Decoder(RunStepObject).decode
decode_message = msgspec.json.Decoder(MessageObject).decode


class ClientTool(Struct, frozen=True, omit_defaults=True):
    """What a function stands for that a model is offered: a tool that the client runs, under the client's own name.

    `kind` is `function`, `custom`, `apply_patch`, `shell`, `local_shell`, `tool_search`, `computer` or
    `computer_use_preview`.
    """

    kind: str
    name: str
    namespace: str = ""


class PendingCall(Struct, omit_defaults=True):
    """A call of the current turn. `results`: its number of passages.

    `approved`: the client's decision on the approval request `approval_id`; `item_id`: the id of its item.
    `server_label`: of a remote server's tool. `client`: the client's tool, unless it is a plain function of that name.
    """

    index: int
    id: str
    name: str
    arguments: str
    kind: str
    done: bool = False
    results: int = 0
    approved: bool | None = None
    approval_id: str | None = None
    server_label: str = ""
    item_id: str = ""
    client: ClientTool | None = None


class WebSearchOptions(Struct, frozen=True, omit_defaults=True):
    """The settings of web search in a request for a response: see the tool's members of these names.

    `opens_pages` is false where the client wants no live access to the web; empty `domains` are all.
    """

    domains: list[str] = []
    city: str = ""
    region: str = ""
    country: str = ""
    timezone: str = ""
    context_size: Literal["low", "medium", "high"] = "medium"
    opens_pages: bool = True


class ImageOptions(Struct, frozen=True, omit_defaults=True):
    """The settings of image generation in a request for a response; `members` are those that the provider gets.

    `action` is `auto`, `generate` or `edit`; `mask` a data URL or the id of a File, empty without one.
    """

    model: str
    members: dict[str, Any] = {}
    action: str = "auto"
    mask: str = ""
    partial_images: int = 0


class ModerationRule(Struct, frozen=True, omit_defaults=True):
    """Input and output of a response are moderated by `model`, and blocked where they are flagged and it says so.

    The first `inputs` items of the run are the input. `has_reasoning`: the output has summaries of the reasoning.
    """

    model: str
    inputs: int
    blocks_input: bool = False
    blocks_output: bool = False
    has_reasoning: bool = False


class ContextPart(Struct, array_like=True):
    """A part of a run's context: the items of another thread up to the number `last_seq`."""

    thread_id: str
    last_seq: int


class PrefaceItem(Struct, array_like=True):
    """A message of a stored prompt, as a thread has it."""

    kind: str
    role: str | None
    body: str


class Plan(Struct, omit_defaults=True):
    """The parameters of a response that a run object cannot express, and its progress."""

    included: list[str] = []
    """The values of `include` in the request."""
    context: list[ContextPart] = []
    """The threads before its own, oldest first."""
    vector_store_ids: list[str] = []
    filters: dict[str, Any] | None = None
    container: str = ""
    """The container of its code, once it exists."""
    owned: bool = True
    """Whether the container is not one that the client chose."""
    file_ids: list[str] = []
    client: dict[str, ClientTool] = {}
    """The client's tools other than plain functions, by the names of the functions that the model is offered."""
    allowed: list[str] | None = None
    """Callable functions, `file_search`, `code_interpreter`, and `LABEL/` or `LABEL/NAME` of a remote server."""
    forced: str = ""
    """The server or tool that the first turn must call."""
    max_tool_calls: int | None = None
    tool_calls: int = 0
    verbosity: str | None = None
    cuts: bool = False
    """Whether input over the context window is dropped."""
    all_turns: bool = False
    """Whether the model receives the reasoning of earlier turns."""
    top_logprobs: int | None = None
    """The number of alternatives with log probabilities."""
    compacts: bool = False
    """Whether the context is compacted above `compact_above` tokens."""
    compact_above: int | None = None
    compacts_only: bool = False
    """Whether the request needs only the summary."""
    compacted: bool = False
    summary_tokens: int = 0
    sequence: int = 0
    """The number of stream events up to the last checkpoint."""
    outline: bytes = b""
    """The kinds and lengths of a background response's stream events, packed, up to the end of `outlined` items.

    A response that has ended is outlined whole, unless an owner died over it: then `tail` has the rest.
    """
    outlined: int = 0
    tail: bytes = b""
    """The encoded entries of its log from there to the last checkpoint; empty where they are too large."""
    is_private: bool = False
    """Whether the response, and so its events, are not to be stored."""
    preface: list[PrefaceItem] = []
    """The messages of a stored prompt, which the model receives before the conversation."""
    web_search: WebSearchOptions | None = None
    image_generation: ImageOptions | None = None
    deferred: list[dict[str, Any]] = []
    """Tools that the model has to search for."""
    deferred_servers: list[str] = []
    """The labels of remote servers whose tools the model has to search for."""
    moderation: ModerationRule | None = None
    moderated_input: ModeratedSide | ModerationError | None = None
    """The result of the moderation of the input, once a checkpoint has its usage."""


CutRule = Literal["last_messages", "window", "max_prompt_tokens", "summary"]


class PromptCut(Struct, array_like=True):
    """Items with numbers below `before` are not in a prompt."""

    before: int
    rule: CutRule


class PromptExtent(Struct, array_like=True):
    """What of its thread the prompt of a model turn has: the items up to the number `last` which no cut leaves out.

    In tokens: `window` of the model, `room` for the prompt, `fixed` for tools and the format of the answer. Of several
    cuts, the last that matches an item came first.
    """

    last: int
    window: int
    room: int
    fixed: int
    cuts: list[PromptCut]


class Span(Struct, array_like=True, omit_defaults=True):
    """A part of a run's time: `queued`, a `model_turn`, a `tool` that was executed, or a `wait` for the client.

    Times are Unix seconds; `ended_at` None while it lasts. `name` is the model, the tool, or the functions that the
    client executes. `credits`: the cost, None if the price is unknown. `outcome`: `completed`, `failed`, or
    `interrupted` if its server died. `extent`: of a model turn.
    """

    kind: Literal["queued", "model_turn", "tool", "wait"]
    started_at: float
    ended_at: float | None = None
    name: str = ""
    call_id: str = ""
    first_delta_at: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    credits: int | None = None
    outcome: Literal["completed", "failed", "interrupted"] = "completed"
    extent: PromptExtent | None = None


class DroppedStep(Struct, array_like=True):
    """A step that was open when its owner died, and the message that it made; empty for a step of calls."""

    step_id: str
    message_id: str
    created_at: int


class Takeover(Struct, array_like=True):
    """That the owner with this epoch has continued a run whose last owner had died, and dropped what that had open.

    `sent` is the number of the last event that was stored then, `ended` how many steps had ended, `at` the time in Unix
    seconds.
    """

    epoch: int
    sent: int
    ended: int
    at: int
    dropped: list[DroppedStep]


class Progress(Struct, omit_defaults=True):
    """The engine's state of a run beyond its public object."""

    used: RunCompletionUsage = RunCompletionUsage()
    """The usage of the finished model turns."""
    pending: RunCompletionUsage | None = None
    """The usage of the turn whose calls wait for results."""
    turns: int = 0
    calls: list[PendingCall] = []
    """The calls of that turn while built-in tools are executed."""
    resources: ToolResources = msgspec.field(default_factory=ToolResources)
    """The tool resources of the assistant at the run's creation."""
    figures: list[str] = []
    """Images of code that no message has yet."""
    detailed: bool = False
    """Whether streams have the results of file search."""
    headers: dict[str, dict[str, str]] = {}
    """Headers for remote servers, by label. No object has them."""
    key_id: str = ""
    """The key of the run's request."""
    in_batch: bool = False
    """Whether it is a line of a batch, which costs less."""
    plan: Plan | None = None
    """Set for responses."""
    accepted_at: float = 0.0
    """The time of the request, in Unix seconds."""
    reserved: int | None = None
    """Tokens of the key's limits that are reserved for the next turn; None until the run is admitted."""
    spans: list[Span] = []
    """How long each part of the run took, oldest first."""
    origin: Origin = NO_ORIGIN
    """The request that created or last resumed the run."""
    epoch: int = 0
    """The epoch of the owner that has stored this; 0 at the creation."""
    retry_at: float = 0.0
    """When another attempt may succeed, in Unix seconds, of a run that a limit has ended; 0 if that is unknown."""
    sent: int = 0
    """The number of the last event of the log that was stored with this, where clients resume its stream; else 0."""
    takeovers: list[Takeover] = []
    """The takeovers at which clients of earlier owners of a run resume, oldest first."""

    @property
    def limited_key_id(self) -> str:
        """The key whose limits count the run: none for a line of a batch, which is counted with the batch."""
        return "" if self.in_batch else self.key_id

    def use_pending(self) -> RunCompletionUsage:
        """Moves the usage of the pending turn to `used`; returns it."""
        usage = self.pending or RunCompletionUsage()
        self.used += usage
        self.pending = None
        return usage


decode_progress = msgspec.json.Decoder(Progress).decode


def encode_progress(progress: Progress) -> str:
    return msgspec.json.encode(progress).decode()


@dataclass(slots=True)
class StoredRun:
    """A run as the engine resumes it: its public object, the engine's state, and its open steps and message.

    `interruptions` counts the servers that died while they executed it, since its last checkpoint. `epoch` counts its
    owners: 1 for the worker that creates it.
    """

    project_id: str
    owner: str | None
    interruptions: int
    run: RunObject
    progress: Progress
    steps: list[RunStepObject]
    message: MessageObject | None
    response: ResponseObject | None = None
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class RunOwner:
    """A run's status, the worker that executes it, and the number of its claim."""

    status: RunStatus
    owner: str | None
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class RunHistory:
    """A run with its steps, oldest first, and the messages that they made, by id."""

    run: RunObject
    steps: list[RunStepObject]
    messages: dict[str, MessageObject]


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item that is not a message: `kind` is `function_call` or `function_call_output`, `body` its JSON.

    `image`: what a call of image generation has made.
    """

    id: str
    kind: str
    body: str
    image: StoredImage | None = None


class Checkpoint(Struct, frozen=True):
    """What a run changes at one point of its life, in one transaction.

    `run` None leaves the run's row as it is, except its progress where `is_resumable`. `release` gives the run up,
    so that another worker may take it. `interrupted`: the run has interruptions, which this checkpoint clears,
    whatever else it changes. `used` is what model turns have cost, debited to the project `project_id`. `response`
    is what the response shows that the run is made for, and `response_body` its JSON. `only_opens`: another owner
    would abandon what it adds, so the run's interruptions still count. `abandoned_steps` and `abandoned_messages`
    are ids of objects of an earlier owner, to be deleted.
    """

    run_id: str
    run: RunObject | None = None
    progress: Progress | None = None
    new_steps: Sequence[RunStepObject] = ()
    changed_steps: Sequence[RunStepObject] = ()
    new_messages: Sequence[MessageObject] = ()
    changed_messages: Sequence[MessageObject] = ()
    calls: Sequence[NewItem] = ()
    used: Sequence[Usage] = ()
    project_id: str = ""
    release: bool = False
    interrupted: bool = False
    response: ResponseObject | None = None
    response_body: str = ""
    only_opens: bool = False
    abandoned_steps: Sequence[str] = ()
    abandoned_messages: Sequence[str] = ()
    is_resumable: bool = False
