"""Runs that begin while they are being committed: which may, and what they read."""

import msgspec
import pytest

from store import samples
from understudy.engine.run.early_items import EarlyItems, may_begin_early
from understudy.engine.run.spec import CompactionRule
from understudy.engine.run_specs import build_spec
from understudy.store.messages import LATEST, PROMPT_PAGE, Item
from understudy.store.run_state import WebSearchOptions
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    FunctionObject,
)

NEWEST = [Item(2, "message", "user", None, "second"), Item(1, "message", "user", None, "first")]
STORED = [Item(3, "message", "assistant", "run_1", "third")]
FUNCTION = AssistantToolsFunction(FunctionObject("f"))


class StoredItems:
    async def newest(self, thread_id, before, limit):
        return STORED


async def test_the_newest_items_are_those_of_the_transaction_and_all_others_are_stored():
    items = EarlyItems(StoredItems(), "thread_1", NEWEST)
    assert await items.newest("thread_2", LATEST, 5) == STORED
    assert await items.newest("thread_1", 2, 5) == STORED
    assert await items.newest("thread_1", LATEST, 1) == NEWEST[:1]
    assert await items.newest("thread_1", LATEST, 5) == STORED


def spec(**members):
    return msgspec.structs.replace(build_spec(samples.run("thread_1", "queued"), None), **members)


@pytest.mark.parametrize(
    ("members", "may"),
    [
        ({"tools": []}, True),
        ({"tools": [FUNCTION]}, True),
        ({"tools": [FUNCTION, AssistantToolsCode()]}, False),
        ({"tools": [AssistantToolsFileSearch()]}, False),
        ({"web_search": WebSearchOptions()}, False),
        ({"compaction": CompactionRule(automatic=True)}, False),
    ],
)
def test_a_run_that_reads_more_of_its_transaction_waits_for_it(members, may):
    assert may_begin_early(spec(**members), 1) is may


def test_a_run_with_more_messages_than_a_prompt_reads_at_once_waits():
    assert may_begin_early(spec(), PROMPT_PAGE - 1)
    assert not may_begin_early(spec(), PROMPT_PAGE)
