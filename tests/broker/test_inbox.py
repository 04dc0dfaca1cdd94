"""Handlers of messages between nodes that fail."""

import logging

import pytest

from understudy.broker import NoReply
from understudy.broker.inbox import call_handler
from understudy.errors import StoreUnavailable


@pytest.mark.parametrize(("error", "logged"), [(StoreUnavailable("gone"), 0), (ValueError("wrong"), 1)])
async def test_a_handler_that_fails_is_logged_unless_the_store_is_gone(caplog, error, logged):
    async def handler(_sender, _body):
        raise error

    with caplog.at_level(logging.INFO), pytest.raises(NoReply):
        await call_handler({"topic": handler}, "topic", "node_1", b"")
    assert len(caplog.records) == logged
