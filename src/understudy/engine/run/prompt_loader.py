"""Loads the prompts of one run: the stored items of its threads, with their images, documents and data."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.loaded_contents import LoadData, LoadDocument, LoadImage
from understudy.engine.run.prompt import Prompt, build_request
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.tool_use import Tools, ToolUse
from understudy.engine.run.truncation import BudgetExceeded, ItemSource, PromptBudget
from understudy.llm.messages import Part
from understudy.llm.router import Models


class Contents(Struct, frozen=True):
    """Where the items of a run's threads are, and what loads their images, documents and data."""

    items: ItemSource
    load_image: LoadImage
    load_document: LoadDocument
    load_data: LoadData


class PromptLoader:
    """`items` are those of the threads that the run's prompts have."""

    def __init__(self, writer: RunWriter, models: Models, tools: Tools, tool_use: ToolUse, items: ItemSource) -> None:
        self._writer = writer
        self._models = models
        self._tools = tools
        self._tool_use = tool_use
        self._items = items

    @property
    def contents(self) -> Contents:
        # Made anew for each turn: a loader that had its own method would be garbage that only the collector frees, with
        # all objects of its run.
        load_image = partial(self._tools.load_image, self._writer.project_id)
        return Contents(self._items, load_image, self._load_document, self._tools.data.load)

    def find_budget(self) -> PromptBudget:
        """The tokens that the next turn may take. Raises BudgetExceeded."""
        run, used = self._writer.spec, self._writer.progress.used
        prompt, completion = run.max_prompt_tokens, run.max_completion_tokens
        prompt_left = None if prompt is None else prompt - used.prompt_tokens
        # The tokens of a summary do not count towards the answer's limit.
        summary = self._writer.counters.summary_tokens
        completion_left = None if completion is None else completion + summary - used.completion_tokens
        if prompt_left is not None and prompt_left <= 0:
            raise BudgetExceeded("max_prompt_tokens")
        if completion_left is not None and completion_left <= 0:
            raise BudgetExceeded("max_completion_tokens")
        return PromptBudget(self._models.window(run.model), prompt_left, completion_left)

    async def load(self, spec: RunSpec, budget: PromptBudget) -> Prompt:
        """The prompt of the next turn. Raises BudgetExceeded; ContextTooLong where the run's overflow is `fail`."""
        contents = self.contents
        return await build_request(
            contents.items,
            spec,
            self._writer.progress.turns,
            budget,
            contents.load_image,
            self._tool_use.offer(),
            tool_calls=self._writer.counters.tool_calls,
            load_document=contents.load_document,
            load_data=contents.load_data,
        )

    async def _load_document(self, part: Mapping[str, Any]) -> list[Part]:
        has_vision = self._models.has_vision(self._writer.spec.model)
        return await self._tools.load_document(self._writer.project_id, part, sees=has_vision)
