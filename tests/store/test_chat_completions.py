"""Stored chat completions: those of another project are not found by any operation."""

import pytest

from store.samples import OURS, PAGE, THEIRS
from understudy.errors import NotFound
from understudy.store.chat_completions import ChatFilter, StoredChat

BODY = {"id": "chatcmpl-1", "metadata": {"k": "v"}}


async def test_completions_of_another_project_are_not_found_and_not_listed(store):
    chats = store.chat_completions
    await chats.create(THEIRS, StoredChat(BODY, [{"id": "chatcmpl-1-0"}], ["m", "m"]))
    for attempt in (
        chats.get(OURS, "chatcmpl-1"),
        chats.messages(OURS, "chatcmpl-1"),
        chats.set_metadata(OURS, "chatcmpl-1", {}),
        chats.delete(OURS, "chatcmpl-1"),
    ):
        with pytest.raises(NotFound, match="Completion chatcmpl-1 not found"):
            await attempt
    for condition in (ChatFilter(), ChatFilter("m"), ChatFilter(metadata=(("k", "v"),))):
        assert (await chats.page(OURS, PAGE, condition)).rows == []
        assert [row[0] for row in (await chats.page(THEIRS, PAGE, condition)).rows] == ["chatcmpl-1"]


async def test_a_model_is_not_mistaken_for_metadata(store):
    await store.chat_completions.create(OURS, StoredChat(BODY, [], ["k"]))
    found = await store.chat_completions.page(OURS, PAGE, ChatFilter("v"))
    assert found.rows == []
    await store.chat_completions.set_metadata(OURS, "chatcmpl-1", {})
    assert (await store.chat_completions.page(OURS, PAGE, ChatFilter(metadata=(("k", "v"),)))).rows == []
    assert len((await store.chat_completions.page(OURS, PAGE, ChatFilter("k"))).rows) == 1
