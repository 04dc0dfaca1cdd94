"""Builds the specification of a run from its stored form: the run object, and the plan where it makes a response. Pure.

Both dialects build it when they create a run, and the worker when it resumes one.
"""

from typing import Final

import msgspec

from understudy.engine.run.spec import CompactionRule, RunSpec
from understudy.store.messages import Item
from understudy.store.run_state import Plan
from understudy.wire.runs import RunObject
from understudy.wire.tools import TruncationObject

_replace: Final = msgspec.structs.replace


def build_spec(run: RunObject, plan: Plan | None) -> RunSpec:
    """The specification of a run of the Assistants API, or with a `plan` of the run that makes a response."""
    # No call here has more than 15 keywords: with those, Python collects them in a dictionary, at five times the price.
    spec = RunSpec(
        id=run.id,
        thread_id=run.thread_id,
        label="run" if plan is None else "response",
        model=run.model,
        instructions=run.instructions,
        tools=run.tools,
        tool_choice=run.tool_choice,
        parallel_tool_calls=run.parallel_tool_calls,
        response_format=run.response_format,
        temperature=run.temperature,
        top_p=run.top_p,
        reasoning_effort=run.reasoning_effort,
        max_prompt_tokens=run.max_prompt_tokens,
        max_completion_tokens=run.max_completion_tokens,
    )
    return _of_assistants(spec, run.truncation_strategy) if plan is None else _of_response(spec, plan)


def _of_assistants(spec: RunSpec, strategy: TruncationObject) -> RunSpec:
    return _replace(
        spec,
        last_messages=strategy.last_messages if strategy.type == "last_messages" else None,
        bare_file_names=True,
        uses_thread_resources=True,
        on_client_action="pause",
        overflow="cut",
        publishes_items=False,
    )


def _of_response(spec: RunSpec, plan: Plan) -> RunSpec:
    spec = _replace(
        spec,
        preface=[Item(0, one.kind, one.role, None, one.body) for one in plan.preface] if plan.preface else (),
        verbosity=plan.verbosity,
        top_logprobs=plan.top_logprobs,
        context=plan.context,
        all_turns=plan.all_turns,
        compaction=_compaction_rule(plan),
        overflow="cut" if plan.cuts else "fail",
    )
    return _replace(
        spec,
        client_tools=plan.client,
        allowed=plan.allowed,
        forced=plan.forced,
        max_tool_calls=plan.max_tool_calls,
        vector_store_ids=plan.vector_store_ids,
        filters=plan.filters,
        web_search=plan.web_search,
        image_generation=plan.image_generation,
        deferred=plan.deferred,
        deferred_servers=plan.deferred_servers,
        moderation=plan.moderation,
        file_ids=plan.file_ids,
        own_container=plan.owned,
    )


def _compaction_rule(plan: Plan) -> CompactionRule | None:
    if not (plan.compacts or plan.compacts_only):
        return None
    return CompactionRule(plan.compacts, plan.compact_above, plan.compacts_only)
