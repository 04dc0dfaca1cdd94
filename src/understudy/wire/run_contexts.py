"""The context of a model turn: what of a thread the model got, and what was left out. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

ContextRule = Literal[
    "last_messages", "window", "max_prompt_tokens", "summary", "other_run", "unanswered_call", "no_content"
]


class ContextItem(Struct, kw_only=True):
    """A message, or a call of a tool or its output. `rule` is why it was left out, null if it was included."""

    id: str
    type: str
    role: str | None
    run_id: str | None
    text: Annotated[str, Meta(description="The first 200 characters.")]
    tokens: Annotated[int, Meta(description="Estimated, also of what was left out.")]
    included: bool
    rule: ContextRule | None


class RunContextObject(Struct, kw_only=True):
    """`data` are the items of the thread up to the turn, also those that were left out.

    `prompt_tokens` are what the provider counted for all of it, null while the turn lasts; the other counts are
    estimates.
    """

    object: Literal["thread.run.context"] = "thread.run.context"
    run_id: str
    thread_id: str
    turn: Annotated[int, Meta(description="The number of the model turn, from 1.")]
    turns: int
    model: str
    window: Annotated[int, Meta(description="Tokens that the model takes at most, with its answer.")]
    prompt_limit: Annotated[int, Meta(description="Tokens that the prompt may have.")]
    instructions_tokens: int
    tools_tokens: int
    prompt_tokens: int | None
    dropped_messages: Annotated[int, Meta(description="10,000 stands for as many and more.")]
    data: list[ContextItem]
    first_id: str | None
    last_id: str | None
    has_more: bool
