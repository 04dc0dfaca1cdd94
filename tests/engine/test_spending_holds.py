"""What work holds in memory after it has ended, and how lines of batches wait for it."""

from types import SimpleNamespace

import pytest

from understudy.api.batch_endpoints import batch_endpoints
from understudy.engine.jobs import batch_lines
from understudy.engine.spending_holds import Hold, SpendingHolds
from understudy.errors import FundsReserved


def test_a_released_hold_holds_nothing_again():
    holds = SpendingHolds()
    hold = Hold(holds, "proj_1", "key_1")
    hold.estimate(5)
    assert holds.sum_credits("proj_1") == holds.sum_credits("key_1") == 5
    hold.release()
    # Its next estimate was being made when it ended.
    hold.estimate(7)
    hold.charge(3)
    assert holds.sum_credits("proj_1") == holds.sum_credits("key_1") == 0
    assert holds.landed == {}


@pytest.mark.parametrize("path", ["/v1/chat/completions", batch_lines.MESSAGES])
@pytest.mark.asyncio
async def test_lines_of_each_dialect_wait_for_funds_as_long_as_the_batch_lasts(path):
    async def refuse(*_):
        raise FundsReserved("What is left is reserved for work in progress.")

    parts = SimpleNamespace(admission=SimpleNamespace(check_funds=refuse))
    result = await batch_endpoints(parts)[path]("proj_1", "key_1", b"{}")
    assert (result.status, result.retry_after) == (429, 1.0)
    assert batch_lines._find_delay(result, 1000) is not None
